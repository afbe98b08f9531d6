"""Spaces of concept sets with integer weights, cut down to what a search can still need.

A left-deep formula reads backwards as a list of decisions: its last concept c decides the pixels of c (OR, AND NOT) or
the pixels outside c (AND), and the rest of the formula decides what is left. What is left is again a space, and concepts
that cannot matter in it are removed, which makes sets equal that differed in them alone.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Space(NamedTuple):
    """Concept sets with their weights.

    Attributes
    ----------
    weights : numpy.ndarray of shape (n_sets,), int64
    set_start, set_concepts : numpy.ndarray of int64
        The concepts of each set, as in `Atoms`, numbered within this space.
    triple_start : numpy.ndarray of shape (n_sets + 1,), int64
    set_triples : numpy.ndarray of int32
        The triples of set s are set_triples[triple_start[s]:triple_start[s + 1]].
    triples : numpy.ndarray of shape (n_triples, 3), int32
        The concepts of each triple, ascending, in ascending order.
    concepts : numpy.ndarray of shape (n_concepts,), int64
        Numbers of the concepts outside this space, ascending.
    """

    weights: np.ndarray
    set_start: np.ndarray
    set_concepts: np.ndarray
    triple_start: np.ndarray
    set_triples: np.ndarray
    triples: np.ndarray
    concepts: np.ndarray


@njit(cache=True, nogil=True)
def restrict(space, concept, side, keep):
    """Keep the sets on one side of a concept and some of the concepts; sets that become equal are one.

    Parameters
    ----------
    space : Space
    concept : int
    side : int
        1 keeps the sets that hold the concept, 0 the others, 2 all.
    keep : numpy.ndarray of shape (n_concepts,), bool

    Returns
    -------
    space : Space
        Without sets that hold no kept concept.
    rows : numpy.ndarray of shape (n_sets,), int64
        What became of each old set; -1 for none.
    """
    n_old = space.weights.size
    number = np.full(keep.size, -1, np.int64)
    kept = np.flatnonzero(keep)
    for i in range(kept.size):
        number[kept[i]] = i
    size = 16
    while size < 2 * n_old:
        size *= 2
    table = np.full(size, -1, np.int64)
    rows = np.full(n_old, -1, np.int64)
    weights = np.zeros(n_old, np.int64)
    starts = np.zeros(n_old + 1, np.int64)
    members = np.empty(space.set_concepts.size, np.int64)
    origin = np.empty(n_old, np.int64)
    n = 0
    for row in range(n_old):
        first, last = space.set_start[row], space.set_start[row + 1]
        end, mixed, held = starts[n], np.uint64(1469598103934665603), False
        for k in range(first, last):
            held |= space.set_concepts[k] == concept
            own = number[space.set_concepts[k]]
            if own >= 0:
                members[end] = own
                end += 1
                mixed = (mixed ^ np.uint64(own)) * np.uint64(1099511628211)
        if end == starts[n] or (side < 2 and held != (side == 1)):
            continue
        # the place in the table is only where to look; sets are one if all their concepts are equal
        slot = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(size - 1))
        while table[slot] >= 0:
            other = table[slot]
            if np.array_equal(members[starts[other] : starts[other + 1]], members[starts[n] : end]):
                break
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = n
            origin[n] = row
            starts[n + 1] = end
            n += 1
        rows[row] = table[slot]
        weights[table[slot]] += space.weights[row]
    triples, triple_start, set_triples = _restrict_triples(space, number, origin[:n])
    new = Space(
        weights[:n].copy(),
        starts[: n + 1].copy(),
        members[: starts[n]].copy(),
        triple_start,
        set_triples,
        triples,
        space.concepts[kept],
    )
    return new, rows


@njit(cache=True, nogil=True)
def _restrict_triples(space, number, origin):
    new = np.full(space.triples.shape[0], -1, np.int32)
    total = 0
    for row in origin:
        for k in range(space.triple_start[row], space.triple_start[row + 1]):
            t = space.set_triples[k]
            a, b, c = space.triples[t]
            if number[a] >= 0 and number[b] >= 0 and number[c] >= 0:
                new[t] = 0
                total += 1
    chosen = np.flatnonzero(new == 0)
    triples = np.empty((chosen.size, 3), np.int32)
    for i in range(chosen.size):
        t = chosen[i]
        new[t] = i
        for j in range(3):
            triples[i, j] = number[space.triples[t, j]]
    triple_start = np.zeros(origin.size + 1, np.int64)
    set_triples = np.empty(total, np.int32)
    n = 0
    for i in range(origin.size):
        for k in range(space.triple_start[origin[i]], space.triple_start[origin[i] + 1]):
            t = new[space.set_triples[k]]
            if t >= 0:
                set_triples[n] = t
                n += 1
        triple_start[i + 1] = n
    return triples, triple_start, set_triples


@njit(cache=True, nogil=True)
def pair_sums(space):
    """Sum positive and negative weights over the sets that hold each pair of concepts.

    Returns
    -------
    numpy.ndarray of shape (2, n_concepts, n_concepts), int64
        Sums of the positive weights, and of the negative ones without their sign; symmetric, the diagonal has the sums
        of single concepts.
    """
    n = space.concepts.size
    sums = np.zeros((2, n, n), np.int64)
    for row in range(space.weights.size):
        weight = space.weights[row]
        side = 0 if weight > 0 else 1
        first, last = space.set_start[row], space.set_start[row + 1]
        for i in range(first, last):
            for j in range(first, last):
                sums[side, space.set_concepts[i], space.set_concepts[j]] += abs(weight)
    return sums


@njit(cache=True, nogil=True)
def needs(sums, length):
    """Bound what one concept can change in the weight of a formula that holds it once.

    Parameters
    ----------
    sums : numpy.ndarray of shape (2, n_concepts, n_concepts), int64
        Of `pair_sums`.
    length : int
        Concepts of the formula.

    Returns
    -------
    more, less : numpy.ndarray of shape (n_concepts,), int64
        The most that the formula gains where it is true because of the concept, and where it is false because of it.
    """
    n = sums.shape[1]
    more, less = np.empty(n, np.int64), np.empty(n, np.int64)
    top = np.zeros((2, length - 1), np.int64)
    for a in range(n):
        top[:] = 0
        for side in range(2):
            row = sums[side, a]
            for b in range(n):
                if b != a and row[b] > top[side, length - 2]:
                    i = length - 2
                    while i > 0 and top[side, i - 1] < row[b]:
                        top[side, i] = top[side, i - 1]
                        i -= 1
                    top[side, i] = row[b]
        positive, negative = sums[0, a, a], sums[1, a, a]
        less[a] = min(negative, top[1].sum())
        more[a] = min(positive, max(positive - negative + less[a], top[0].sum()))
    return more, less
