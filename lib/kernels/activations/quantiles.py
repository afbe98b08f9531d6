"""Exact quantiles: of an array at once, and of a stream of which only the upper tail is kept; streams can be merged."""

import math
from collections.abc import Callable

import numpy as np
from numba import njit

SCANNED_AT_ONCE = 64


def interpolate_order_statistics(low: np.ndarray | float, high: np.ndarray | float, share: float) -> np.ndarray:
    """Return the point a share of the way from one order statistic to the next, rounded as in numpy.quantile.

    Parameters
    ----------
    low, high : array_like
    share : float
        In [0, 1].

    Returns
    -------
    numpy.ndarray of float64
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    with np.errstate(invalid="ignore"):
        gap = high - low
        value = low + gap * share if share < 0.5 else high - gap * (1 - share)
    return np.where(low == high, low, value)


def exact_quantile(values: np.ndarray, q: float) -> float:
    """Return the q quantile of all values by linear interpolation of the order statistics.

    Parameters
    ----------
    values : numpy.ndarray, float32
        At least one value, no NaN.
    q : float
        In [0, 1].

    Returns
    -------
    float
        Equal to `numpy.quantile(values.astype(numpy.float64), q)`.
    """
    flat = values.reshape(-1)
    position = q * (flat.size - 1)
    below = min(math.floor(position), flat.size - 1)
    above = min(below + 1, flat.size - 1)
    ordered = np.partition(flat, (below, above))
    return float(interpolate_order_statistics(ordered[below], ordered[above], position - below))


@njit(cache=True, nogil=True)
def _keep(values, kept, n_kept, floors, n_needed):
    """Append what exceeds each unit's floor; a full row is cut back to its largest values, which raise the floor."""
    n_blocks, n_units, size = values.shape
    room = kept.shape[1]
    for unit in range(n_units):
        n, floor = n_kept[unit], floors[unit]
        for block in range(n_blocks):
            row = values[block, unit]
            for first in range(0, size, SCANNED_AT_ONCE):
                part = row[first : first + SCANNED_AT_ONCE]
                # a count without branches, by which the processor compares many values at a time
                n_above = np.int32(0)
                for value in part:
                    n_above += np.int32(value > floor)
                if n_above == 0 and n >= n_needed:
                    continue
                for value in part:
                    if value > floor or n < n_needed:
                        kept[unit, n] = -np.inf if np.isnan(value) else value
                        n += 1
                        if n == room:
                            kept[unit] = np.partition(kept[unit], room - n_needed)
                            kept[unit, :n_needed] = kept[unit, room - n_needed :].copy()
                            floor = kept[unit, :n_needed].min()
                            n = n_needed
        n_kept[unit], floors[unit] = n, floor


def hazen_position(n_values: int, q: float) -> float:
    """Return at which of n sorted values (from 0, with a fraction) the quantile q lies by Hazen's rule.

    References
    ----------
    MILAN (Hernandez et al. 2022): the threshold of an exemplar's mask. Sorted value i (0-based) of n stands at
    cumulative position (i + 1/2) / n; the published program estimates it by a random sketch.
    """
    return min(max(q * n_values - 0.5, 0.0), n_values - 1.0)


def linear_position(n_values: int, q: float) -> float:
    """Return at which of n sorted values (from 0, with a fraction) the quantile q lies by numpy's default rule."""
    return q * (n_values - 1)


class StreamQuantile:
    """Position of a quantile among the sorted values of a stream of known length.

    Parameters
    ----------
    n_values : int
        Values per unit in the whole stream.
    q : float
        In (0, 1).
    position : callable, optional
        `hazen_position`, if left out, or `linear_position`.
    """

    def __init__(self, n_values: int, q: float, position: Callable[[int, float], float] | None = None) -> None:
        position = (position or hazen_position)(n_values, q)
        self.below = min(math.floor(position), n_values - 1)
        self.above = min(self.below + 1, n_values - 1)
        self.share = position - self.below
        self.n_values, self.n_seen = n_values, 0

    def check(self) -> None:
        """Check that as many values were added as announced."""
        if self.n_seen != self.n_values:
            raise ValueError(f"{self.n_seen} values per unit were added, {self.n_values} were announced")


class UpperTail:
    """The exact upper quantile of each unit over a stream of activations, of which only the largest are kept.

    For n values and the quantile q the largest (1 - q) n + 2 values are needed. Twice as many are stored
    at most, in any order of the values. Streams of parts of the values can be merged.

    Parameters
    ----------
    n_units : int
    n_values : int
        Values per unit in the whole stream.
    q : float
        In (0, 1).
    n_here : int, optional
        Number of values added and merged here, if only a part.
    position : callable, optional
        As for `StreamQuantile`.
    """

    def __init__(
        self,
        n_units: int,
        n_values: int,
        q: float,
        *,
        n_here: int | None = None,
        position: Callable[[int, float], float] | None = None,
    ) -> None:
        self._stream = StreamQuantile(n_values, q, position)
        self._n_needed = n_values - self._stream.below
        room = min(2 * self._n_needed, n_values if n_here is None else n_here) + 1
        self._kept = np.empty((n_units, room), dtype=np.float32)
        self._n_kept = np.zeros(n_units, dtype=np.int64)
        self._floors = np.full(n_units, -np.inf, dtype=np.float32)

    @staticmethod
    def needed(n_values: int, q: float) -> int:
        """Return the number of largest values that are needed."""
        return n_values - StreamQuantile(n_values, q).below

    def add(self, values: np.ndarray) -> None:
        """Add the next values, float32 of shape (n_blocks, n_units, n); NaN counts as the smallest value."""
        self._stream.n_seen += values.shape[0] * values.shape[2]
        self._take(values)

    def _take(self, values: np.ndarray) -> None:
        _keep(np.ascontiguousarray(values), self._kept, self._n_kept, self._floors, self._n_needed)

    def state(self) -> dict[str, int | np.ndarray]:
        """Return what `merge` takes: `n_seen`, and the `largest` values, float32 of shape (n_units, n)."""
        n = min(self._n_needed, self._stream.n_seen)
        largest = np.empty((len(self._kept), n), dtype=np.float32)
        for unit, n_kept in enumerate(self._n_kept):
            largest[unit] = np.partition(self._kept[unit, :n_kept], n_kept - n)[n_kept - n :]
        return {"n_seen": self._stream.n_seen, "largest": largest}

    def merge(self, state: dict[str, int | np.ndarray]) -> None:
        """Add the values of another stream."""
        self._stream.n_seen += int(state["n_seen"])
        self._take(state["largest"][None])

    def n_above(self, bound: float) -> int:
        """Return how many values of the first unit exceed a bound that is not below the quantile's lower neighbour."""
        return int((self._kept[0, : self._n_kept[0]] > np.float64(bound)).sum())

    def quantile(self) -> np.ndarray:
        """Return the quantile of each unit, float64 of shape (n_units,).

        Raises
        ------
        ValueError
            If fewer or more values came than were announced.
        """
        stream = self._stream
        stream.check()
        # rank from the top of the two order statistics around the position
        ranks = [stream.n_values - stream.below, stream.n_values - stream.above]
        tails = [np.sort(kept[:n])[[n - rank for rank in ranks]] for kept, n in zip(self._kept, self._n_kept)]
        low, high = np.array(tails, dtype=np.float64).reshape(-1, 2).T
        return interpolate_order_statistics(low, high, stream.share)
