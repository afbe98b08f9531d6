"""The heaviest formula of up to three concepts in a space, and in what one concept leaves of it."""

from typing import NamedTuple

import numpy as np
from numba import njit

from .optimal_scan import (
    CODE,
    FORBIDDEN,
    LENGTH,
    WEIGHT,
    scan_meeting,
    scan_short,
    scan_sums,
    scan_unions,
)
from .optimal_space import Space, needs, pair_sums, restrict

LEAF = 3


class Sums(NamedTuple):
    """Weights of all concepts, pairs and triples of a space.

    Attributes
    ----------
    single : numpy.ndarray of shape (n_concepts,), int64
    pair : numpy.ndarray of shape (n_concepts, n_concepts), int64
        The diagonal is FORBIDDEN.
    triple, keys : numpy.ndarray of shape (n_triples,), int64
        Weights of the triples that share sets, and their numbers in ascending order.
    """

    single: np.ndarray
    pair: np.ndarray
    triple: np.ndarray
    keys: np.ndarray


@njit(cache=True, nogil=True)
def joint_sums(space, sums):
    """Sum the weights of a space; `sums` are those of `pair_sums`.

    Returns
    -------
    Sums
    """
    n = space.concepts.size
    single, pair = np.empty(n, np.int64), sums[0] - sums[1]
    for a in range(n):
        single[a] = pair[a, a]
        pair[a, a] = FORBIDDEN
    triple = np.zeros(space.triples.shape[0], np.int64)
    for row in range(space.weights.size):
        for k in range(space.triple_start[row], space.triple_start[row + 1]):
            triple[space.set_triples[k]] += space.weights[row]
    keys = np.empty(triple.size, np.int64)
    for t in range(triple.size):
        keys[t] = (np.int64(space.triples[t, 0]) * n + space.triples[t, 1]) * n + space.triples[t, 2]
    return Sums(single, pair, triple, keys)


@njit(cache=True, nogil=True)
def heaviest_pair(joint):
    """Return the largest weight of a formula of up to two concepts, at least 0; `joint` is of `joint_sums`."""
    best = np.array([0, LEAF, 0])
    scan_short(best, joint.single, joint.pair, 2)
    return best[WEIGHT]


@njit(cache=True, nogil=True)
def _recode(best, numbers, n):
    """Return a best formula with its concepts numbered as they were before `restrict`."""
    if best[LENGTH] <= LEAF:
        operators = 3 ** (best[LENGTH] - 1)
        rest, operator = best[CODE] // operators, best[CODE] % operators
        code, scale = 0, 1
        for _ in range(best[LENGTH]):
            code += numbers[rest % numbers.size] * scale
            scale *= n
            rest //= numbers.size
        best[CODE] = code * operators + operator
    return best


@njit(cache=True, nogil=True)
def _scan(joint, triples, need, floor):
    """Score all formulas of up to three concepts, unless few concepts can matter.

    Returns
    -------
    best : numpy.ndarray of shape (3,), int64
    keep : numpy.ndarray of shape (n_concepts,), bool
        Concepts that can be in a formula of three concepts that reaches the floor. If they are less than half of all,
        only formulas of up to two concepts have been scored.
    """
    best = np.array([floor, LEAF + 1, 0])
    two = np.array([0, LEAF, 0])
    lost, gained, shared = scan_short(two, joint.single, joint.pair, 2)
    keep = need >= floor - two[WEIGHT]
    if two[WEIGHT] >= floor:
        scan_short(best, joint.single, joint.pair, LEAF)
        keep[:] = True
    if 2 * keep.sum() >= keep.size:
        scan_meeting(best, joint.single, joint.pair, joint.triple, triples)
        scan_unions(best, joint.single, joint.pair, joint.keys, lost, gained)
        scan_sums(best, joint.single, joint.pair, joint.keys, lost, gained, shared)
    return best, keep


@njit(cache=True, nogil=True)
def best_of_three(space, floor):
    """Find the heaviest formula of up to three concepts.

    Parameters
    ----------
    space : Space
    floor : int
        At least 1; lighter formulas do not count.

    Returns
    -------
    best : numpy.ndarray of shape (3,), int64
        Weight, length and code (for `decode`) of the first of the heaviest formulas; length 4 if none reaches the floor.
    """
    nothing = np.array([floor, LEAF + 1, 0])
    if space.concepts.size == 0 or np.maximum(space.weights, 0).sum() < floor:
        return nothing
    sums = pair_sums(space)
    more, less = needs(sums, LEAF)
    best, keep = _scan(joint_sums(space, sums), space.triples, np.maximum(more, less), floor)
    if 2 * keep.sum() >= keep.size:
        return best
    if keep.sum() == 0:
        return nothing
    smaller, _ = restrict(space, -1, 2, keep)
    return _recode(best_of_three(smaller, floor), np.flatnonzero(keep), keep.size)


@njit(cache=True, nogil=True)
def members(space):
    """Return the sets that hold each concept c, ascending: sets[start[c]:start[c + 1]].

    Returns
    -------
    start, sets : numpy.ndarray of int64
    """
    start = np.zeros(space.concepts.size + 1, np.int64)
    for concept in space.set_concepts:
        start[concept + 1] += 1
    start = np.cumsum(start)
    place, sets = start[:-1].copy(), np.empty(space.set_concepts.size, np.int64)
    for row in range(space.weights.size):
        for k in range(space.set_start[row], space.set_start[row + 1]):
            sets[place[space.set_concepts[k]]] = row
            place[space.set_concepts[k]] += 1
    return start, sets


@njit(cache=True, nogil=True)
def without(part, rows, removed, weights):
    """Return a part of a space without some sets of the space.

    Parameters
    ----------
    part : Space
    rows : numpy.ndarray of shape (n_sets,), int64
        The set of the part that each set of the space is in, of `restrict`.
    removed : numpy.ndarray of int64
        Sets of the space.
    weights : numpy.ndarray of shape (n_sets,), int64
        Weights of the space.

    Returns
    -------
    Space
    """
    left = part.weights.copy()
    for row in removed:
        if rows[row] >= 0:
            left[rows[row]] -= weights[row]
    return Space(
        left, part.set_start, part.set_concepts, part.triple_start, part.set_triples, part.triples, part.concepts
    )


@njit(cache=True, nogil=True)
def best_of_three_without(part, joint, need, rows, removed, weights, floor):
    """Find the heaviest formula of up to three concepts in a part of a space without some sets.

    Parameters
    ----------
    part : Space
    joint : Sums
        Of the part.
    need : numpy.ndarray of shape (n_concepts,), int64
        Bounds of what a concept of the part can change.
    rows, removed, weights
        As for `without`.
    floor : int
        At least 1; lighter formulas do not count.

    Returns
    -------
    best : numpy.ndarray of shape (3,), int64
        As of `best_of_three`.
    """
    single, pair, triple = joint.single.copy(), joint.pair.copy(), joint.triple.copy()
    for row in removed:
        own = rows[row]
        if own < 0:
            continue
        weight = weights[row]
        first, last = part.set_start[own], part.set_start[own + 1]
        for i in range(first, last):
            a = part.set_concepts[i]
            single[a] -= weight
            for j in range(i + 1, last):
                b = part.set_concepts[j]
                pair[a, b] -= weight
                pair[b, a] -= weight
        for k in range(part.triple_start[own], part.triple_start[own + 1]):
            triple[part.set_triples[k]] -= weight
    best, keep = _scan(Sums(single, pair, triple, joint.keys), part.triples, need, floor)
    if 2 * keep.sum() >= keep.size or keep.sum() == 0:
        return best
    smaller, _ = restrict(without(part, rows, removed, weights), -1, 2, keep)
    return _recode(best_of_three(smaller, floor), np.flatnonzero(keep), keep.size)
