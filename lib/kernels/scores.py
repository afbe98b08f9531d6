"""Quality of an explanation: IoU, coverages and mean sizes, from counts per atom."""

import numpy as np


def _ratio(numerator, denominator):
    return numerator / denominator if denominator else float("nan")


def _mean_share(pixels, n_pixels):
    present = pixels[pixels > 0]
    return float(present.mean() / n_pixels) if present.size else float("nan")


def explanation_scores(counts, holds, atoms):
    """Score one formula on one activation range of a unit.

    F is the formula's mask, B the range's bitmap; 0/0 gives NaN.

    Parameters
    ----------
    counts : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom.
    holds : numpy.ndarray of shape (n_sets,), bool
        Whether the formula holds for each concept set.
    atoms : lib.kernels.atoms.Atoms

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
    inside = holds[atoms.atom_set]
    images = atoms.atom_images()

    def per_image(values):
        return np.bincount(images, weights=values, minlength=atoms.n_images)

    n_pixels = atoms.pixel_atoms.shape[1] * atoms.pixel_atoms.shape[2]
    formula = per_image(atoms.atom_size * inside)
    bitmap = per_image(counts)
    both = per_image(counts * inside)
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
