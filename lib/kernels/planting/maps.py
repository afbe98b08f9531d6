"""Activation maps of planted units: the mask of a formula or shape on the grid of a layer, and noise."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ..search.atoms import Atoms

REDUCTION = 4
"""How many pixels of the mask grid a position of a planted map is high and wide."""
SECOND_WEIGHT = 0.5
"""Height of the second formula of a unit; the first has 1."""


def draw_shapes(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw a disc on every other image, at random: its radius is a twelfth to a quarter of the height.

    Parameters
    ----------
    shape : tuple of int
        (n_images, H, W).
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (n_images, H, W), bool
    """
    n_images, height, width = shape
    chosen = rng.permutation(n_images)[: (n_images + 1) // 2]
    rows, columns = rng.uniform(0, height, n_images), rng.uniform(0, width, n_images)
    radii = rng.uniform(height / 12, height / 4, n_images)
    masks = np.zeros(shape, bool)
    y, x = np.ogrid[:height, :width]
    for image in chosen:
        masks[image] = (y + 0.5 - rows[image]) ** 2 + (x + 0.5 - columns[image]) ** 2 <= radii[image] ** 2
    return masks


def formula_mask(holds: np.ndarray, atoms: Atoms) -> np.ndarray:
    """Return where a formula holds, bool of shape (n_images, H, W); `holds` says for which concept sets it does."""
    return np.stack([atoms.image_mask(holds, image) for image in range(atoms.n_images)])


def planted_maps(masks: Sequence[np.ndarray], *, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return activation maps of a unit that is caused by masks, and by noise.

    A map is a quarter as high and wide as the masks. The signal at a position is the share of its pixels in the first
    mask, and half of that in the second one. Noise is white, blurred by one position. Both are scaled to the given
    shares of the variance.

    Parameters
    ----------
    masks : sequence of numpy.ndarray of shape (n_images, H, W), bool
        One or two; the first is the cause of the unit's highest activations.
    noise : float
        Share of the variance that is noise, from 0 to 1.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (n_images, h, w), float32
        Mean 0.
    """
    signal = sum(np.float32(weight) * _means(mask) for mask, weight in zip(masks, (1, SECOND_WEIGHT)))
    signal = signal.astype(np.float64)
    blurred = ndimage.gaussian_filter(rng.standard_normal(signal.shape), (0, 1, 1), mode="wrap")
    parts = [(1 - noise, signal), (noise, blurred)]
    total = sum(np.sqrt(share) * (values - values.mean()) / values.std() for share, values in parts if share > 0)
    return total.astype(np.float32)


def _means(mask: np.ndarray) -> np.ndarray:
    """Return the means of blocks of about `REDUCTION` x `REDUCTION` pixels, float32."""
    rows, columns = (_blocks(n_pixels) for n_pixels in mask.shape[1:])
    # counts of pixels are whole numbers, exact in any order of summation
    counts = rows @ (mask.astype(np.float32) @ columns.T)
    return counts / (rows.sum(1)[:, None] * columns.sum(1))


def _blocks(n_pixels: int) -> np.ndarray:
    """Return which pixels belong to each block along one axis, float32 of shape (n_blocks, n_pixels)."""
    n_blocks = max(1, n_pixels // REDUCTION)
    return (np.arange(n_pixels) * n_blocks // n_pixels == np.arange(n_blocks)[:, None]).astype(np.float32)
