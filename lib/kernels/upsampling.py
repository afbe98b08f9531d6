"""MILAN's upsampling of an activation map: bilinear, and zero outside the map."""

import numpy as np


def faded_weights(n_source, n_target):
    """Return the matrix that resizes one axis bilinearly, taking everything outside the source as zero.

    Parameters
    ----------
    n_source, n_target : int

    Returns
    -------
    numpy.ndarray of shape (n_target, n_source), float64
        Row y weighs the sources around y' = (y + 1/2) n_source / n_target - 1/2; rows at the border add up to less
        than 1, so that maps fade there.

    References
    ----------
    MILAN (Hernandez et al. 2022): the published masks are made in this way.
    """
    position = (np.arange(n_target) + 0.5) * n_source / n_target - 0.5
    distance = np.abs(position[:, None] - np.arange(n_source)[None])
    return np.clip(1 - distance, 0, None)


def exemplar_masks(maps, thresholds, *, size):
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
    rows = faded_weights(maps.shape[1], size)
    columns = faded_weights(maps.shape[2], size)
    upsampled = rows @ maps.astype(np.float64) @ columns.T
    return (upsampled > thresholds[:, None, None]).astype(np.uint8)
