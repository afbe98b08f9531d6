"""MILAN's upsampling of an activation map: bilinear, and zero outside the map."""

import numpy as np
from numba import njit


def faded_weights(n_source: int, n_target: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a bilinear resize of one axis with zeros outside the source.

    Parameters
    ----------
    n_source, n_target : int

    Returns
    -------
    sources : numpy.ndarray of shape (n_target, 2), int64
        The two sources between which target y lies, at y' = (y + 1/2) n_source / n_target - 1/2.
    weights : numpy.ndarray of shape (n_target, 2), float64
        Their weights, 0 outside, so that they add up to less than 1 at the border and maps fade there.

    References
    ----------
    MILAN (Hernandez et al. 2022): the published masks are made in this way.
    """
    position = ((np.arange(n_target) + 0.5) * n_source / n_target - 0.5)[:, None]
    sources = np.floor(position).astype(np.int64) + [0, 1]
    weights = np.where((sources >= 0) & (sources < n_source), 1 - np.abs(position - sources), 0)
    return sources.clip(0, n_source - 1), weights


@njit(cache=True, nogil=True)
def _exceed(maps, thresholds, rows, row_weights, columns, column_weights, masks):
    """Resize both axes by two sources each and compare, in double precision."""
    n, size, width = len(maps), len(rows), maps.shape[2]
    line = np.empty(width)
    for i in range(n):
        for y in range(size):
            above, below = maps[i, rows[y, 0]], maps[i, rows[y, 1]]
            for x in range(width):
                line[x] = row_weights[y, 0] * above[x] + row_weights[y, 1] * below[x]
            for x in range(size):
                value = column_weights[x, 0] * line[columns[x, 0]] + column_weights[x, 1] * line[columns[x, 1]]
                masks[i, y, x] = value > thresholds[i]


def exemplar_masks(maps: np.ndarray, thresholds: np.ndarray, *, size: int) -> np.ndarray:
    """Return where upsampled activation maps exceed their thresholds.

    Parameters
    ----------
    maps : numpy.ndarray of shape (n, h, w), float32
    thresholds : numpy.ndarray of shape (n,), float64
    size : int
        Height and width of the masks.

    Returns
    -------
    numpy.ndarray of shape (n, size, size), uint8
        1 where the map is strictly greater, else 0; 1 everywhere for units without positions (1 x 1 maps), which have
        no mask.
    """
    if maps.shape[1:] == (1, 1):
        return np.ones((len(maps), size, size), np.uint8)
    masks = np.empty((len(maps), size, size), np.uint8)
    rows, columns = faded_weights(maps.shape[1], size), faded_weights(maps.shape[2], size)
    _exceed(np.ascontiguousarray(maps), thresholds, *rows, *columns, masks)
    return masks
