"""Activation maps of planted units: the mask of a formula or shape on the grid of a layer, and noise."""

from collections.abc import Sequence

import numpy as np
from numba import njit
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


def formula_means(holds: np.ndarray, atoms: Atoms) -> np.ndarray:
    """Return the share of the pixels of each block of about `REDUCTION` x `REDUCTION` where a formula holds.

    Parameters
    ----------
    holds : numpy.ndarray of shape (n_sets,), bool
        For which concept sets the formula holds.
    atoms : Atoms

    Returns
    -------
    numpy.ndarray of shape (n_images, h, w), float64
    """
    return _block_means(atoms.pixel_atoms, atoms.image_start, holds[atoms.atom_set])


def mask_means(mask: np.ndarray) -> np.ndarray:
    """Return `formula_means` of a dense mask, bool of shape (n_images, H, W)."""
    n_images = len(mask)
    return _block_means(mask.astype(np.uint16), 2 * np.arange(n_images + 1), np.tile([False, True], n_images))


def planted_maps(signals: Sequence[np.ndarray], *, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return activation maps of a unit that is caused by signals, and by noise.

    Noise is white, blurred by one position. It and the sum of the signals are scaled to their shares of the variance.

    Parameters
    ----------
    signals : sequence of numpy.ndarray of shape (n_images, h, w), float64
        One or two, from 0 to 1; the first is the cause of the unit's highest activations, the second has half the weight.
    noise : float
        Share of the variance that is noise, from 0 to 1.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (n_images, h, w), float32
        Mean 0.
    """
    signal = sum(weight * values for values, weight in zip(signals, (1, SECOND_WEIGHT)))
    blurred = ndimage.gaussian_filter(rng.standard_normal(signal.shape), (0, 1, 1), mode="wrap")
    parts = [(1 - noise, signal), (noise, blurred)]
    total = sum(np.sqrt(share) * (values - values.mean()) / values.std() for share, values in parts if share > 0)
    return total.astype(np.float32)


def _block_means(pixel_atoms: np.ndarray, image_start: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the share of each block's pixels whose atom is inside, float64 of shape (n_images, h, w)."""
    rows, columns = (_block_of_pixel(n_pixels) for n_pixels in pixel_atoms.shape[1:])
    counts = np.zeros((len(pixel_atoms), rows[-1] + 1, columns[-1] + 1), np.int64)
    _count_blocks(pixel_atoms, image_start, inside, rows, columns, counts)
    return counts / np.outer(np.bincount(rows), np.bincount(columns))


def _block_of_pixel(n_pixels: int) -> np.ndarray:
    n_blocks = max(1, n_pixels // REDUCTION)
    return np.arange(n_pixels) * n_blocks // n_pixels


@njit(cache=True, nogil=True)
def _count_blocks(pixel_atoms, image_start, inside, rows, columns, counts):
    for image in range(pixel_atoms.shape[0]):
        for y in range(rows.size):
            for x in range(columns.size):
                if inside[image_start[image] + pixel_atoms[image, y, x]]:
                    counts[image, rows[y], columns[x]] += 1
