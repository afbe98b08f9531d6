"""Exact quantiles: of an array at once, and of a stream of which only the upper tail is kept."""

import math

import numpy as np


def interpolate_order_statistics(low, high, share):
    """Return the point a share of the way from one order statistic to the next, float64, as numpy.quantile does."""
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    with np.errstate(invalid="ignore"):
        gap = high - low
        value = low + gap * share if share < 0.5 else high - gap * (1 - share)
    return np.where(low == high, low, value)


def exact_quantile(values, q):
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


class UpperTail:
    """The exact upper quantile of each unit over a stream of activations, of which only the largest are kept.

    For n values and the quantile q of the rule below, the largest (1 - q) n + 2 values decide. They are all that is
    stored, whatever the order in which the values come.

    Parameters
    ----------
    n_units : int
    n_values : int
        Values per unit in the whole stream.
    q : float
        In (0, 1).

    References
    ----------
    MILAN (Hernandez et al. 2022): the threshold of an exemplar's mask. Sorted value i (0-based) of n stands at
    cumulative position (i + 1/2) / n (Hazen's rule); the published program estimates it by a random sketch.
    """

    def __init__(self, n_units, n_values, q):
        self._position = min(max(q * n_values - 0.5, 0.0), n_values - 1.0)
        self._n_values = n_values
        self._n_kept = n_values - math.floor(self._position)
        self._kept = np.empty((n_units, 0), dtype=np.float32)
        self._n_seen = 0

    def add(self, values):
        """Add the next values, float32 of shape (n_units, n)."""
        self._n_seen += values.shape[1]
        if self._kept.shape[1] == self._n_kept:
            floor = self._kept.min(axis=1)
            if not (values > floor[:, None]).any():
                return
        joined = np.concatenate([self._kept, values], axis=1)
        if joined.shape[1] > self._n_kept:
            joined = np.partition(joined, joined.shape[1] - self._n_kept, axis=1)[:, -self._n_kept :]
        self._kept = np.ascontiguousarray(joined)

    def quantile(self):
        """Return the quantile of each unit, float64 of shape (n_units,).

        Raises
        ------
        ValueError
            If fewer or more values came than were announced.
        """
        if self._n_seen != self._n_values:
            raise ValueError(f"{self._n_seen} values per unit were added, {self._n_values} were announced")
        below = math.floor(self._position)
        offset = below - (self._n_values - self._n_kept)
        ordered = np.sort(self._kept, axis=1)
        low, high = ordered[:, offset], ordered[:, min(offset + 1, self._n_kept - 1)]
        return interpolate_order_statistics(low, high, self._position - below)
