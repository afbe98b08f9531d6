"""Quality of an explanation: IoU, coverages and mean sizes, from counts per atom."""

from collections.abc import Iterator

import numpy as np

from ..search.atoms import Atoms

EXPLAINED_ABOVE = 0.04
"""IoU above which Network Dissection (Bau et al., CVPR 2017, section 3.1) counts a unit as a detector of a concept."""


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")


def _mean_share(pixels: np.ndarray, n_pixels: int) -> float:
    present = pixels[pixels > 0]
    return float(present.mean() / n_pixels) if present.size else float("nan")


def image_ious(counts: np.ndarray, holds: np.ndarray, atoms: Atoms) -> np.ndarray:
    """Return the IoU of one formula with one activation range of a unit on each image by itself.

    Parameters
    ----------
    counts, holds, atoms
        As `explanation_scores` takes them.

    Returns
    -------
    numpy.ndarray of shape (n_images,), float64
        NaN where neither has a pixel.
    """
    formula, bitmap, both = _per_image(counts, holds, atoms)
    union = formula + bitmap - both
    return np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)


def _per_image(counts: np.ndarray, holds: np.ndarray, atoms: Atoms) -> Iterator[np.ndarray]:
    """Return the pixels of the formula, of the bitmap and of both in each image."""
    inside, images = holds[atoms.atom_set], atoms.atom_images()
    return (
        np.bincount(images, weights=values, minlength=atoms.n_images)
        for values in (atoms.atom_size * inside, counts, counts * inside)
    )


def explanation_scores(counts: np.ndarray, holds: np.ndarray, atoms: Atoms) -> dict[str, float]:
    """Score one formula on one activation range of a unit.

    F is the formula's mask, B the range's bitmap; 0/0 gives NaN.

    Parameters
    ----------
    counts : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom.
    holds : numpy.ndarray of shape (n_sets,), bool
        Whether the formula holds for each concept set.
    atoms : Atoms

    Returns
    -------
    dict of str to float
        iou = |B & F| / |B or F|; activation_coverage = |B & F| / |B|; detection_accuracy = |B & F| / |F|;
        samples_coverage = images with B & F over images with F; explanation_coverage = images with B & F over images
        with B; avg_segmentation_size, avg_activation_size, avg_overlapping = mean share of the mask grid of F, B and
        B & F over the images where they are not empty; avg_overlapping_activation_size = that of B over the images
        with B & F.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), section 4.
    """
    n_pixels = atoms.pixel_atoms.shape[1] * atoms.pixel_atoms.shape[2]
    formula, bitmap, both = _per_image(counts, holds, atoms)
    n_formula, n_bitmap, n_both = (int(values.sum()) for values in (formula, bitmap, both))
    n_images_both = int((both > 0).sum())
    return {
        "iou": _ratio(n_both, n_formula + n_bitmap - n_both),
        "activation_coverage": _ratio(n_both, n_bitmap),
        "detection_accuracy": _ratio(n_both, n_formula),
        "samples_coverage": _ratio(n_images_both, int((formula > 0).sum())),
        "explanation_coverage": _ratio(n_images_both, int((bitmap > 0).sum())),
        "avg_segmentation_size": _mean_share(formula, n_pixels),
        "avg_activation_size": _mean_share(bitmap, n_pixels),
        "avg_overlapping": _mean_share(both, n_pixels),
        "avg_overlapping_activation_size": _mean_share(np.where(both > 0, bitmap, 0), n_pixels),
    }
