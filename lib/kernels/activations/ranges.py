"""Activation ranges of a unit: the top quantile, and the exact one-dimensional k-means clusters."""

import numpy as np
from numba import njit

from .quantiles import exact_quantile

HISTOGRAM_BINS = 64


def unit_status(values: np.ndarray) -> str:
    """Return the status of a unit.

    Parameters
    ----------
    values : numpy.ndarray, float32
        All activations of the unit.

    Returns
    -------
    str
        `nan` (a value is not finite), `dead` (never above zero and constant at zero), `constant` or `ok`.
    """
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return "nan"
    if low == high:
        return "dead" if high == 0 else "constant"
    return "ok"


def top_range(values: np.ndarray, quantile: float) -> tuple[float, float]:
    """Return the open range above the upper quantile of all activations, zeros included.

    Parameters
    ----------
    values : numpy.ndarray, float32
        All activations of the unit before upsampling.
    quantile : float
        Upper tail, such as 0.005 for the top 0.5 %.

    Returns
    -------
    tuple of float
        (lower, inf).

    References
    ----------
    Network Dissection (Bau et al. 2017), section 3.2.
    """
    return exact_quantile(values, 1.0 - quantile), float("inf")


def threshold_range(values: np.ndarray, share: float) -> tuple[float, float]:
    """Return the open range of the thresholds study that belongs to a share of the activations that are not zero.

    Parameters
    ----------
    values : numpy.ndarray, float32
        All activations of the unit before upsampling; not all of them zero.
    share : float
        In (0, 1). Up to 0.5 the range holds the largest activations, that many of them; above, it goes from 1e-6 to
        the value that this share exceeds.

    Returns
    -------
    tuple of float

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), study of the thresholds.
    """
    bound = exact_quantile(values[values != 0], 1.0 - share)
    return (bound, float("inf")) if share <= 0.5 else (1e-6, bound)


def range_status(values: np.ndarray, lower: float, upper: float) -> tuple[int, str]:
    """Return how many activations lie strictly inside a range, and whether any upsampled one can.

    Parameters
    ----------
    values : numpy.ndarray, float32
        All activations of the unit before upsampling, finite.
    lower, upper : float
        Open ends.

    Returns
    -------
    n_inside : int
    status : str
        `ok`, or `empty` if the range ends below its start or starts above all activations.
    """
    # bounds of type float64: numpy would round plain floats to float32, over a neighbouring value
    n_inside = int(((values > np.float64(lower)) & (values < np.float64(upper))).sum())
    # no activation need lie inside: between those at the ends the upsampled map passes through the range
    return n_inside, "ok" if lower < min(upper, values.max()) else "empty"


@njit(cache=True, nogil=True)
def _segment_costs(sums, squares, weights, i, j):
    weight = weights[j] - weights[i]
    total = sums[j] - sums[i]
    return squares[j] - squares[i] - total * total / weight


@njit(cache=True, nogil=True)
def _next_layer(previous, layer, split, sums, squares, weights, first_row):
    """Fill layer[j] = min over i of previous[i] + cost(i, j) by divide and conquer; the best i grows with j."""
    n = layer.size - 1
    stack = np.empty((128, 4), np.int64)
    stack[0] = (first_row, n, first_row - 1, n - 1)
    depth = 1
    while depth:
        depth -= 1
        low, high, best_low, best_high = stack[depth]
        if low > high:
            continue
        j = (low + high) // 2
        best, where = np.inf, best_low
        for i in range(best_low, min(j - 1, best_high) + 1):
            cost = previous[i] + _segment_costs(sums, squares, weights, i, j)
            if cost < best:
                best, where = cost, i
        layer[j], split[j] = best, where
        stack[depth] = (low, j - 1, best_low, where)
        stack[depth + 1] = (j + 1, high, where, best_high)
        depth += 2


def cluster_values(values: np.ndarray, n_clusters: int) -> np.ndarray:
    """Split values into clusters with the least sum of squared distances to the cluster means, exactly.

    Parameters
    ----------
    values : numpy.ndarray of shape (n_values,), float32
    n_clusters : int

    Returns
    -------
    numpy.ndarray of shape (n_found, 2), float64
        Smallest and largest value of each cluster, ascending; n_found < n_clusters only if there are fewer
        different values.
    """
    distinct, counts = np.unique(values, return_counts=True)
    edges = cluster_edges(distinct, counts, n_clusters)
    ends = [(distinct[a], distinct[b - 1]) for a, b in zip(edges, edges[1:])]
    return np.array(ends, dtype=np.float64).reshape(-1, 2)


def cluster_edges(distinct: np.ndarray, counts: np.ndarray, n_clusters: int) -> list[int]:
    """Split sorted values into clusters with the least sum of squared distances to the cluster means, exactly.

    Parameters
    ----------
    distinct : numpy.ndarray of shape (n,)
        Ascending.
    counts : numpy.ndarray of shape (n,), int64
        How often each value occurs.
    n_clusters : int

    Returns
    -------
    list of int
        Cluster i holds the values from edge i to before edge i + 1; one edge, 0, if there are no values.

    References
    ----------
    Dynamic programming over the sorted values (Wang and Song 2011); optimal splits are monotone.
    """
    n = len(distinct)
    n_clusters = min(n_clusters, n)
    if n_clusters == 0:
        return [0]
    centred = distinct.astype(np.float64)
    centred -= np.average(centred, weights=counts)
    weights = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    sums = np.concatenate([[0.0], np.cumsum(centred * counts)])
    squares = np.concatenate([[0.0], np.cumsum(centred * centred * counts)])
    layer = np.full(n + 1, np.inf)
    layer[1:] = squares[1:] - sums[1:] ** 2 / weights[1:]
    splits = []
    for cluster in range(1, n_clusters):
        previous, layer = layer, np.full(n + 1, np.inf)
        split = np.zeros(n + 1, dtype=np.int32)
        _next_layer(previous, layer, split, sums, squares, weights, cluster + 1)
        splits.append(split)
    edges = [n]
    for split in reversed(splits):
        edges.append(int(split[edges[-1]]))
    return [0, *reversed(edges)]


def cluster_ranges(values: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the open ranges of a unit's activation clusters, cluster 1 lowest.

    If no activation is negative (after a ReLU) zeros are left out. A range goes from its cluster's smallest to its
    largest value, both ends excluded.

    Parameters
    ----------
    values : numpy.ndarray, float32
        All activations of the unit before upsampling.
    n_clusters : int

    Returns
    -------
    numpy.ndarray of shape (n_found, 2), float64
        Lower and upper end.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), section 3.2.
    """
    flat = values.reshape(-1)
    if flat.min() >= 0:
        flat = flat[flat > 0]
    return cluster_values(flat, n_clusters)


def histogram(values: np.ndarray) -> tuple[int, np.ndarray]:
    """Count a unit's activations in equal bins between its smallest and largest value, zeros apart.

    Parameters
    ----------
    values : numpy.ndarray, float32
        Finite.

    Returns
    -------
    n_zero : int
    counts : numpy.ndarray of shape (HISTOGRAM_BINS,), int64
    """
    flat = values.reshape(-1)
    rest = flat[flat != 0]
    bounds = (float(flat.min()), float(flat.max()))
    if bounds[0] == bounds[1]:
        return flat.size - rest.size, np.zeros(HISTOGRAM_BINS, dtype=np.int64)
    return flat.size - rest.size, np.histogram(rest, bins=HISTOGRAM_BINS, range=bounds)[0]
