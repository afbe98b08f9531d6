"""The units most alike, by shared exemplars, concepts and words, and groups of redundant ones.

Counts are whole numbers; a quotient of two, and the sum of a few quotients in a fixed order, are the same on every processor
(IEEE 754 rounds them correctly).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

ALL = "all"
"""Likeness by all kinds of features."""

REDUNDANT = 0.5
"""Likeness by all kinds of features from which two units are redundant."""

_HELD = 1 << 21
"""Pairs of units whose likeness is held at once."""


class Likeness:
    """How alike units are: for each kind of features the Jaccard index, and by `ALL` kinds the mean of these.

    Parameters
    ----------
    kinds : dict of str to scipy.sparse.csr_array of shape (U, F)
        From `incidence`, at least one.
    sizes : dict of str to numpy.ndarray of shape (U,), int64
        Number of features of each unit, those included that no other unit has.
    """

    def __init__(self, kinds: dict[str, csr_array], sizes: dict[str, np.ndarray]) -> None:
        self.kinds, self._sizes = kinds, sizes
        self._transposed = {kind: found.T.tocsr() for kind, found in kinds.items()}
        self.n = next(iter(kinds.values())).shape[0]

    def of(self, rows: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return, of R units and all units, the features in common by kind, and the likeness by kind and by `ALL`: arrays (R, U).

        Each unit has a likeness of 0 with itself.
        """
        shared = {kind: (found[rows] @ self._transposed[kind]).toarray() for kind, found in self.kinds.items()}
        indices = {ALL: np.zeros((len(rows), self.n))}
        for kind, common in shared.items():
            union = self._sizes[kind][rows, None] + self._sizes[kind] - common
            indices[kind] = np.divide(common, union, out=np.zeros(common.shape), where=union > 0)
            indices[kind][np.arange(len(rows)), rows] = 0
            indices[ALL] += indices[kind]
        indices[ALL] /= len(self.kinds)
        return shared, indices

    def redundant_with(self, unit: int) -> np.ndarray:
        """Return the units that are redundant with one, int64, ascending."""
        return np.flatnonzero(self.of(np.array([unit]))[1][ALL][0] >= REDUNDANT)


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of units by one kind of likeness: E pairs, by unit, the most alike first.

    Attributes
    ----------
    unit, neighbour : numpy.ndarray of shape (E,), int64
        Rows of the units.
    likeness : numpy.ndarray of shape (E,), float64
        In (0, 1].
    shared : dict of str to numpy.ndarray of shape (E,), int64
        Common features of each kind.
    """

    unit: np.ndarray
    neighbour: np.ndarray
    likeness: np.ndarray
    shared: dict[str, np.ndarray]


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


def find_neighbours(likeness: Likeness, *, k: int) -> tuple[dict[str, Neighbours], np.ndarray]:
    """Find the k units most alike to each, by each kind of features and by all.

    Parameters
    ----------
    likeness : Likeness
    k : int
        Neighbours of each unit; those of likeness 0 are left out. Of units that are equally alike by one kind, those come
        first that are more alike by all kinds; then the first ones.

    Returns
    -------
    dict of str to Neighbours
        By `ALL` and each kind.
    numpy.ndarray of shape (U,), int64
        Number of units that are redundant with each.
    """
    n, kinds = likeness.n, (ALL, *likeness.kinds)
    parts, n_redundant = {kind: [] for kind in kinds}, np.zeros(n, np.int64)
    step = max(1, _HELD // max(n, 1))
    for start in range(0, n, step):
        rows = np.arange(start, min(n, start + step))
        shared, indices = likeness.of(rows)
        n_redundant[rows] = (indices[ALL] >= REDUNDANT).sum(axis=1)
        for kind in kinds:
            own, other = _largest(indices[kind], indices[ALL], k=min(k, n))
            counts = {name: found[own, other] for name, found in shared.items()}
            parts[kind].append(Neighbours(own + start, other, indices[kind][own, other], counts))
    return {kind: _joined(found) for kind, found in parts.items()}, n_redundant


def _largest(values: np.ndarray, seconds: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of the k largest positive values of each row in their order, equal ones by the second value."""
    place = values.shape[1] - k
    least = np.partition(values, place, axis=1)[:, place]
    row, column = np.nonzero((values > 0) & (values >= least[:, None]))
    order = np.lexsort((column, -seconds[row, column], -values[row, column], row))
    row, column = row[order], column[order]
    # the place of each among those of its row
    kept = np.arange(len(row)) - np.searchsorted(row, row) < k
    return row[kept], column[kept]


def _joined(parts: list[Neighbours]) -> Neighbours:
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("unit", "neighbour", "likeness"))
    return Neighbours(
        *columns, {kind: np.concatenate([part.shared[kind] for part in parts]) for kind in parts[0].shared}
    )


def group_redundant(n_redundant: np.ndarray, redundant_with: Callable[[int], np.ndarray]) -> list[list[int]]:
    """Group units so that each of a group is redundant with its first one.

    The unit with most redundant ones leads the first group, which takes them all; then the next unit that is left. Chains, in
    which the first and the last have nothing in common, do not come about.

    Parameters
    ----------
    n_redundant : numpy.ndarray of shape (U,), int64
        Number of units that are redundant with each.
    redundant_with : callable
        Returns the units that are redundant with a unit, ascending. The pairs of a large network are too many to be held.

    Returns
    -------
    list of list of int
        Groups of at least two units, the largest first; the leader of each first, then the others by number.
    """
    free, groups = np.ones(len(n_redundant), bool), []
    for leader in np.lexsort((np.arange(len(n_redundant)), -n_redundant)).tolist():
        if n_redundant[leader] == 0:
            break
        members = [unit for unit in redundant_with(leader).tolist() if free[unit]] if free[leader] else []
        if members:
            groups.append([leader, *members])
            free[groups[-1]] = False
    return sorted(groups, key=lambda group: (-len(group), group))
