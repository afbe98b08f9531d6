"""Concept masking: similarity of a unit's maps on whole images and on the pixels of its formula only."""

import numpy as np


def noisy_mask(inside: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return factors that keep only some pixels of an image.

    Parameters
    ----------
    inside : numpy.ndarray of shape (H, W), bool
        The formula's mask.
    noise : numpy.ndarray of shape (H, W), float32
        Uniform in [0, 1).

    Returns
    -------
    numpy.ndarray of shape (H, W), float32
        1 inside, the noise elsewhere.
    """
    return np.where(inside, np.float32(1), noise)


def range_similarity(before: np.ndarray, after: np.ndarray, *, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return the cosine similarity of pairs of maps of which only an activation range is kept.

    Parameters
    ----------
    before, after : numpy.ndarray of shape (n, size), float32
        Flattened maps of a unit. The range is applied to `before`: both are zero where that lies outside.
    lower, upper : numpy.ndarray of shape (n,), float64
        Open ends of the range of each pair.

    Returns
    -------
    numpy.ndarray of shape (n,), float64
        0 where one of the two is zero everywhere.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), section 4, concept masking.
    """
    inside = (before > lower[:, None]) & (before < upper[:, None])
    first, second = np.where(inside, before, 0).astype(np.float64), np.where(inside, after, 0).astype(np.float64)
    norms = np.sqrt((first**2).sum(1)) * np.sqrt((second**2).sum(1))
    return np.divide((first * second).sum(1), norms, out=np.zeros(len(norms)), where=norms > 0)
