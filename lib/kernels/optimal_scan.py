"""One round of the optimal search: the formula with the largest sum of integer weights, over all of length up to 3.

Weights are additive over pixels, so a formula's weight follows from the weights of its concepts, pairs and triples.
Triples of concepts that share pixels are all scored. For the rest the triple's weight is zero, and what remains is a
sum of two or three terms of pairs, searched from the largest term down.
"""

import numpy as np
from numba import njit

from lib.kernels.formula import AND, AND_NOT, OR, Formula

WEIGHT, LENGTH, CODE = 0, 1, 2
FORBIDDEN = 2**62
MAX_WEIGHT = FORBIDDEN // 6


def decode(length, code, n_concepts):
    """Return the formula of a code that `scan` gave."""
    concepts, operators = [], []
    for _ in range(length - 1):
        code, operator = divmod(code, 3)
        operators.append(operator)
    for _ in range(length):
        code, concept = divmod(code, n_concepts)
        concepts.append(concept)
    return Formula(tuple(reversed(concepts)), tuple(reversed(operators)))


@njit(cache=True, nogil=True)
def _offer(best, weight, length, code):
    """Keep a formula if it weighs more than the best, or as much and is shorter or has the smaller code."""
    if weight > best[WEIGHT] or length < best[LENGTH] or (length == best[LENGTH] and code < best[CODE]):
        best[WEIGHT], best[LENGTH], best[CODE] = weight, length, code


@njit(cache=True, nogil=True)
def _offer_pair(best, weight, n, a, b, operator):
    if weight >= best[WEIGHT]:
        _offer(best, weight, 2, (a * n + b) * 3 + operator)


@njit(cache=True, nogil=True)
def _offer_triple(best, weight, n, a, b, c, first, second):
    if weight >= best[WEIGHT]:
        _offer(best, weight, 3, ((a * n + b) * n + c) * 9 + first * 3 + second)


@njit(cache=True, nogil=True)
def _offer_conjunction(best, weight, n, a, b, c):
    """Offer a AND b AND NOT c, written in its first order; a < b."""
    if c < b:
        _offer_triple(best, weight, n, a, c, b, AND_NOT, AND)
    else:
        _offer_triple(best, weight, n, a, b, c, AND, AND_NOT)


@njit(cache=True, nogil=True)
def _offer_regions(best, n, a, b, c, only_a, only_b, only_c, ab, ac, bc, abc):
    """Offer the formulas in which c plays a part of its own; a < b; weights of the regions of the Venn diagram."""
    whole_c = only_c + ac + bc + abc
    _offer_triple(best, ac + bc + abc, n, a, b, c, OR, AND)
    _offer_triple(best, only_a + only_b + ab, n, a, b, c, OR, AND_NOT)
    _offer_triple(best, whole_c + ab, n, a, b, c, AND, OR)
    _offer_triple(best, whole_c + only_a, n, a, b, c, AND_NOT, OR)
    _offer_triple(best, whole_c + only_b, n, b, a, c, AND_NOT, OR)
    _offer_triple(best, only_c, n, c, a, b, AND_NOT, AND_NOT)
    _offer_conjunction(best, ab, n, a, b, c)


@njit(cache=True, nogil=True)
def scan_meeting(best, single, pair, triple, triples):
    """Score every formula over every triple of concepts that share pixels."""
    n = single.size
    for k in range(triple.size):
        a, b, c = np.int64(triples[k, 0]), np.int64(triples[k, 1]), np.int64(triples[k, 2])
        abc = triple[k]
        ab, ac, bc = pair[a, b] - abc, pair[a, c] - abc, pair[b, c] - abc
        only_a, only_b, only_c = single[a] - ab - ac - abc, single[b] - ab - bc - abc, single[c] - ac - bc - abc
        bound = max(only_a, 0) + max(only_b, 0) + max(only_c, 0) + max(ab, 0) + max(ac, 0) + max(bc, 0) + max(abc, 0)
        if bound >= best[WEIGHT]:
            _offer_triple(best, only_a + only_b + only_c + ab + ac + bc + abc, n, a, b, c, OR, OR)
            _offer_triple(best, abc, n, a, b, c, AND, AND)
            _offer_regions(best, n, a, b, c, only_a, only_b, only_c, ab, ac, bc, abc)
            _offer_regions(best, n, a, c, b, only_a, only_c, only_b, ac, ab, bc, abc)
            _offer_regions(best, n, b, c, a, only_b, only_c, only_a, bc, ab, ac, abc)


@njit(cache=True, nogil=True)
def scan_short(best, single, pair, length):
    """Score every formula of one and two concepts; the diagonal of `pair` is FORBIDDEN.

    Returns
    -------
    most_lost, most_gained : numpy.ndarray of shape (n_concepts,), int64
        For each concept a, the most that AND NOT b can add to a (the largest -W(a and b)), and the most that OR b can
        add (the largest W(b outside a)).
    """
    n = single.size
    most_lost, most_gained = np.full(n, -FORBIDDEN), np.full(n, -FORBIDDEN)
    for a in range(n):
        if single[a] >= best[WEIGHT]:
            _offer(best, single[a], 1, a)
    if length == 1:
        return most_lost, most_gained
    for a in range(n):
        row = pair[a]
        lost, gained, shared = -FORBIDDEN, -FORBIDDEN, -FORBIDDEN
        for b in range(n):
            lost = max(lost, -row[b])
            gained = max(gained, single[b] - row[b])
        for b in range(a + 1, n):
            shared = max(shared, row[b])
        most_lost[a], most_gained[a] = lost, gained
        if max(single[a] + max(lost, gained), shared) >= best[WEIGHT]:
            for b in range(n):
                if b > a:
                    _offer_pair(best, single[a] + single[b] - row[b], n, a, b, OR)
                    _offer_pair(best, row[b], n, a, b, AND)
                if b != a:
                    _offer_pair(best, single[a] - row[b], n, a, b, AND_NOT)
    return most_lost, most_gained


@njit(cache=True, nogil=True)
def _meets(keys, n, a, b, c):
    """Tell whether three concepts share pixels."""
    low, middle, high = min(a, b, c), max(min(a, b), min(max(a, b), c)), max(a, b, c)
    key = (low * n + middle) * n + high
    at = np.searchsorted(keys, key)
    return at < keys.size and keys[at] == key


@njit(cache=True, nogil=True)
def _descending(values, candidates):
    return candidates[np.argsort(-values[candidates])]


@njit(cache=True, nogil=True)
def scan_unions(best, single, pair, keys, most_lost, most_gained):
    """Score (a OR b) OR c and (a OR b) AND NOT c for concepts that share no pixel, pair by pair."""
    n = single.size
    stat = np.zeros(4, np.int64)
    for a in range(n):
        row_a = pair[a]
        lost_a, gained_a = most_lost[a], most_gained[a]
        for b in range(a + 1, n):
            need = best[WEIGHT] - (single[a] + single[b] - row_a[b])
            lost, gained = lost_a + most_lost[b], min(gained_a + most_lost[b], lost_a + most_gained[b])
            if lost < need and gained < need:
                continue
            stat[0] += 1
            stat[1] += lost >= need
            stat[2] += gained >= need
            row_b = pair[b]
            without, with_c = -FORBIDDEN, -FORBIDDEN
            for c in range(n):
                lost = -(row_a[c] + row_b[c])
                without = max(without, lost)
                with_c = max(with_c, lost + single[c])
            if without < need and with_c < need:
                continue
            for c in range(n):
                lost = -(row_a[c] + row_b[c])
                if (lost >= need or lost + single[c] >= need) and not _meets(keys, n, a, b, c):
                    weight = best[WEIGHT] - need + lost
                    _offer_triple(best, weight, n, a, b, c, OR, AND_NOT)
                    low, high = min(a, c), max(b, c)
                    _offer_triple(best, weight + single[c], n, low, a + b + c - low - high, high, OR, OR)
                    need = best[WEIGHT] - (single[a] + single[b] - row_a[b])
                else:
                    stat[3] += lost >= need or lost + single[c] >= need
    return stat


@njit(cache=True, nogil=True)
def scan_products(best, single, pair, keys, most_lost, most_gained):
    """Score the other formulas for concepts that share no pixel: sums of two terms, the largest terms first."""
    n = single.size
    for a in range(n):
        row = pair[a]
        lost, gained = most_lost[a], most_gained[a]
        if lost > 0 and single[a] + lost + max(gained, lost) >= best[WEIGHT]:
            losers = _descending(
                -row, np.flatnonzero((row < 0) & (single[a] - row + max(gained, lost) >= best[WEIGHT]))
            )
            gain = single - row
            gainers = _descending(gain, np.flatnonzero((gain > 0) & (gain + single[a] + lost >= best[WEIGHT])))
            for i in range(losers.size):
                b = losers[i]
                for c in gainers:
                    weight = single[a] - row[b] + gain[c]
                    if weight < best[WEIGHT]:
                        break
                    if b != c and not _meets(keys, n, a, b, c):
                        _offer_triple(best, weight, n, a, b, c, AND_NOT, OR)
                for c in losers[:i]:
                    weight = single[a] - row[b] - row[c]
                    if weight < best[WEIGHT]:
                        break
                    if not _meets(keys, n, a, b, c):
                        _offer_triple(best, weight, n, a, min(b, c), max(b, c), AND_NOT, AND_NOT)
