"""One round of the optimal search: the formula with the largest sum of integer weights, over all of length up to 3.

Weights are additive over pixels, so a formula's weight follows from the weights of its concepts, pairs and triples.
Triples of concepts that share pixels are all scored. For the rest the triple's weight is zero, and what remains is a
sum of two or three terms of pairs, searched from the largest term down.
"""

from fractions import Fraction

import numpy as np
from numba import njit

from .formula import AND, AND_NOT, OR, Formula

WEIGHT, LENGTH, CODE = 0, 1, 2
FORBIDDEN = 2**62
MAX_WEIGHT = FORBIDDEN // 6


def fits(iou: Fraction, n_bitmap: int, n_pixels: int) -> bool:
    """Return whether all sums of weights at an IoU, a fraction, fit into int64.

    Parameters
    ----------
    iou : fractions.Fraction
    n_bitmap, n_pixels : int
        Pixels of the bitmap and of all images.

    Returns
    -------
    bool
        Always true below 600 million pixels, such as 48,000 images on a grid of 112 x 112.
    """
    return iou.denominator * n_bitmap + iou.numerator * n_pixels <= MAX_WEIGHT


def decode(length: int, code: int, n_concepts: int) -> Formula:
    """Return the formula of a code, as the scans below write it.

    Parameters
    ----------
    length, code : int
    n_concepts : int

    Returns
    -------
    Formula
    """
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
def weigh(inside, size, gain, cost, out):
    """Write gain * inside - cost * size into `out`, all int64 of one shape (n_concepts, n_concepts), bar the diagonal."""
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            out[a, b] = gain * inside[a, b] - cost * size[a, b]
        out[a, a] = FORBIDDEN


@njit(cache=True, nogil=True)
def scan_short(best, single, pair, length):
    """Score every formula of one and two concepts.

    Parameters
    ----------
    best : numpy.ndarray of shape (3,), int64
        Weight, length and code of the best formula; changed in place.
    single : numpy.ndarray of shape (n_concepts,), int64
    pair : numpy.ndarray of shape (n_concepts, n_concepts), int64
        Symmetric; the diagonal is FORBIDDEN.
    length : int

    Returns
    -------
    lost, gained, shared : numpy.ndarray of shape (n_concepts,), int64
        For each concept a, the most over all other concepts b that AND NOT b adds to a (-W(a and b)), that OR b adds
        to a (W(b outside a)), and that a and b share (W(a and b)).
    """
    n = single.size
    lost, gained, shared = np.full(n, -FORBIDDEN), np.full(n, -FORBIDDEN), np.full(n, -FORBIDDEN)
    for a in range(n):
        if single[a] >= best[WEIGHT]:
            _offer(best, single[a], 1, a)
    if length == 1:
        return lost, gained, shared
    for a in range(n):
        row = pair[a]
        least, most, more = FORBIDDEN, -FORBIDDEN, -FORBIDDEN
        for part, added in ((row[:a], single[:a]), (row[a + 1 :], single[a + 1 :])):
            for b in range(part.size):
                least, most, more = min(least, part[b]), max(most, part[b]), max(more, added[b] - part[b])
        lost[a], gained[a], shared[a] = -least, more, most
        if max(single[a] + max(-least, more), most) >= best[WEIGHT]:
            for b in range(n):
                if b > a:
                    _offer_pair(best, single[a] + single[b] - row[b], n, a, b, OR)
                    _offer_pair(best, row[b], n, a, b, AND)
                if b != a:
                    _offer_pair(best, single[a] - row[b], n, a, b, AND_NOT)
    return lost, gained, shared


@njit(cache=True, nogil=True)
def scan_meeting(best, single, pair, triple, triples):
    """Score every formula over every triple of concepts that share pixels.

    Parameters
    ----------
    best : numpy.ndarray of shape (3,), int64
        Weight, length and code of the best formula; changed in place.
    single, pair, triple : numpy.ndarray, int64
        Weights of the concepts, of the pairs and of the triples that share pixels.
    triples : numpy.ndarray of shape (n_triples, 3), int32
        The concepts of each triple, ascending.
    """
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
def _meets(keys, n, a, b, c):
    """Tell whether three concepts share pixels."""
    low, high = min(a, b, c), max(a, b, c)
    key = (low * n + a + b + c - low - high) * n + high
    at = np.searchsorted(keys, key)
    return at < keys.size and keys[at] == key


@njit(cache=True, nogil=True)
def _descending(values, floor):
    """Return the indices of the positive values that reach the floor, largest value first."""
    chosen = np.flatnonzero((values > 0) & (values >= floor) & (values < FORBIDDEN))
    return chosen[np.argsort(-values[chosen])]


@njit(cache=True, nogil=True)
def _reach(single, row, lost, gained, lost_a, gained_a):
    """Return the most that a concept b of these and any third concept can add to a concept a."""
    reach = -FORBIDDEN
    for b in range(single.size):
        third = max(lost_a + lost[b], min(gained_a + lost[b], lost_a + gained[b]))
        reach = max(reach, single[b] - row[b] + third)
    return reach


@njit(cache=True, nogil=True)
def scan_unions(best, single, pair, keys, lost, gained):
    """Score (a OR b) OR c and (a OR b) AND NOT c where the three concepts share no pixel.

    For a pair, AND NOT c adds -W(a and c) - W(b and c) and OR c adds W(c) more than that; what each half can add at most
    is known per concept, so most pairs are left out at once.
    """
    n = single.size
    for a in range(n):
        row_a = pair[a]
        rest = slice(a + 1, n)
        reach = _reach(single[rest], row_a[rest], lost[rest], gained[rest], lost[a], gained[a])
        if single[a] + reach < best[WEIGHT]:
            continue
        for b in range(a + 1, n):
            union = single[a] + single[b] - row_a[b]
            reach = max(lost[a] + lost[b], min(gained[a] + lost[b], lost[a] + gained[b]))
            if union + reach < best[WEIGHT]:
                continue
            row_b = pair[b]
            for c in range(n):
                less = union - row_a[c] - row_b[c]
                if max(less, less + single[c]) >= best[WEIGHT] and not _meets(keys, n, a, b, c):
                    low, high = min(a, c), max(b, c)
                    _offer_triple(best, less, n, a, b, c, OR, AND_NOT)
                    _offer_triple(best, less + single[c], n, low, a + b + c - low - high, high, OR, OR)


@njit(cache=True, nogil=True)
def _scan_subtractions(best, single, row, a, keys, lost, gained):
    """Score (a AND NOT b) OR c and (a AND NOT b) AND NOT c: what b takes off a plus what c adds."""
    n = single.size
    removed, added = -row, single - row
    without_b = _descending(removed, best[WEIGHT] - single[a] - max(lost, gained))
    with_c = _descending(added, best[WEIGHT] - single[a] - lost)
    for i in range(without_b.size):
        b = without_b[i]
        left = single[a] + removed[b]
        for c in with_c:
            if left + added[c] < best[WEIGHT]:
                break
            if b != c and not _meets(keys, n, a, b, c):
                _offer_triple(best, left + added[c], n, a, b, c, AND_NOT, OR)
        for c in without_b[:i]:
            if left + removed[c] < best[WEIGHT]:
                break
            if not _meets(keys, n, a, b, c):
                _offer_triple(best, left + removed[c], n, a, min(b, c), max(b, c), AND_NOT, AND_NOT)


@njit(cache=True, nogil=True)
def scan_sums(best, single, pair, keys, lost, gained, shared):
    """Score the other formulas whose three concepts share no pixel: sums of two terms, the largest terms first."""
    n = single.size
    by_weight = _descending(single, 1)
    heaviest = single[by_weight[0]] if by_weight.size else -FORBIDDEN
    for a in range(n):
        row = pair[a]
        if lost[a] > 0 and single[a] + lost[a] + max(lost[a], gained[a]) >= best[WEIGHT]:
            _scan_subtractions(best, single, row, a, keys, lost[a], gained[a])
        if shared[a] > 0 and shared[a] + max(shared[a], heaviest) >= best[WEIGHT]:
            partners = _descending(row, best[WEIGHT] - max(shared[a], heaviest))
            for i in range(partners.size):
                b = partners[i]
                for c in partners[:i]:
                    if row[b] + row[c] < best[WEIGHT]:
                        break
                    if not _meets(keys, n, a, b, c):
                        _offer_triple(best, row[b] + row[c], n, min(b, c), max(b, c), a, OR, AND)
                for c in by_weight if b > a else by_weight[:0]:
                    if row[b] + single[c] < best[WEIGHT]:
                        break
                    if c != a and c != b and not _meets(keys, n, a, b, c):
                        _offer_triple(best, row[b] + single[c], n, a, b, c, AND, OR)
