"""The units most alike, by shared exemplars, concepts and words, and groups of redundant ones.

Counts are whole numbers; a quotient of two, and the sum of a few quotients in a fixed order, are the same on every processor
(IEEE 754 rounds them correctly).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

REDUNDANT = 0.5
"""Likeness from which two units are redundant."""

_HELD = 1 << 22
"""Pairs of units whose likeness is held at once."""


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of U units, by unit, the most alike first.

    Attributes
    ----------
    unit, neighbour : numpy.ndarray of shape (E,), int64
        Rows of the units.
    likeness : numpy.ndarray of shape (E,), float64
        In (0, 1].
    shared : dict of str to numpy.ndarray of shape (E,), int64
        Common features of each kind.
    redundant : numpy.ndarray of shape (P, 2), int64
        All ordered pairs of redundant units.
    """

    unit: np.ndarray
    neighbour: np.ndarray
    likeness: np.ndarray
    shared: dict[str, np.ndarray]
    redundant: np.ndarray


def incidence(features: Iterable[Iterable], *, n: int) -> tuple[csr_array, list]:
    """Return which of n units has which feature, of all features that at least two units have.

    Parameters
    ----------
    features : iterable of iterable
        Features of each unit, sortable; repeated ones count once.
    n : int
        Number of units.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, F), int64, 0 or 1
    list
        The F features, sorted.
    """
    own = [set(found) for found in features]
    counts = {}
    for found in own:
        for feature in found:
            counts[feature] = counts.get(feature, 0) + 1
    names = sorted(feature for feature, count in counts.items() if count > 1)
    numbers = {feature: number for number, feature in enumerate(names)}
    columns = [sorted(numbers[feature] for feature in found if feature in numbers) for found in own]
    starts = np.cumsum([0, *map(len, columns)])
    flat = np.array([column for found in columns for column in found], np.int64)
    return csr_array((np.ones(len(flat), np.int64), flat, starts), shape=(n, len(names))), names


def find_neighbours(kinds: dict[str, csr_array], sizes: dict[str, np.ndarray], *, k: int) -> Neighbours:
    """Find the k units most alike to each: the mean, over the kinds of features, of the Jaccard index.

    Parameters
    ----------
    kinds : dict of str to scipy.sparse.csr_array of shape (U, F)
        From `incidence`, at least one.
    sizes : dict of str to numpy.ndarray of shape (U,), int64
        Number of features of each unit, those included that no other unit has.
    k : int
        Neighbours of each unit; those of likeness 0 are left out. Of equal ones the first come.

    Returns
    -------
    Neighbours
    """
    n = len(next(iter(sizes.values())))
    transposed = {kind: found.T.tocsr() for kind, found in kinds.items()}
    parts, pairs = [], [np.zeros((0, 2), np.int64)]
    step = max(1, _HELD // max(n, 1))
    for start in range(0, n, step):
        rows = np.arange(start, min(n, start + step))
        counts = {kind: (kinds[kind][rows] @ transposed[kind]).toarray() for kind in kinds}
        total = np.zeros((len(rows), n))
        for kind, common in counts.items():
            union = sizes[kind][rows, None] + sizes[kind] - common
            total += np.divide(common, union, out=np.zeros(common.shape), where=union > 0)
        total /= len(kinds)
        total[np.arange(len(rows)), rows] = 0
        pairs.append(np.argwhere(total >= REDUNDANT) + [start, 0])
        least = np.partition(total, n - min(k, n), axis=1)[:, n - min(k, n)]
        own, other = np.nonzero((total > 0) & (total >= least[:, None]))
        order = np.lexsort((other, -total[own, other], own))
        own, other = own[order], other[order]
        # the place of each among those of its unit
        first = np.searchsorted(own, own)
        kept = np.arange(len(own)) - first < k
        own, other = own[kept], other[kept]
        parts.append((own + start, other, total[own, other], {kind: counts[kind][own, other] for kind in kinds}))
    return Neighbours(
        *(np.concatenate([part[place] for part in parts]) for place in range(3)),
        {kind: np.concatenate([part[3][kind] for part in parts]) for kind in kinds},
        np.concatenate(pairs),
    )


def group_redundant(pairs: np.ndarray, *, n: int) -> list[list[int]]:
    """Group units so that each of a group is redundant with its first one.

    The unit with most redundant ones leads the first group, which takes them all; then the next unit that is left. Chains, in
    which the first and the last have nothing in common, do not come about.

    Parameters
    ----------
    pairs : numpy.ndarray of shape (P, 2), int64
        All ordered pairs of redundant units.
    n : int
        Number of units.

    Returns
    -------
    list of list of int
        Groups of at least two units, the largest first; the leader of each first, then the others by number.
    """
    partners = [[] for _ in range(n)]
    for one, other in pairs.tolist():
        partners[one].append(other)
    free, groups = np.ones(n, bool), []
    for leader in sorted(range(n), key=lambda unit: (-len(partners[unit]), unit)):
        members = [unit for unit in sorted(partners[leader]) if free[unit]]
        if free[leader] and members:
            groups.append([leader, *members])
            free[groups[-1]] = False
    return sorted(groups, key=lambda group: (-len(group), group))
