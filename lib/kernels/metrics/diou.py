"""The six quantities of dIoU: pixels of one concept (unique) and of several (common) in and around a bitmap."""

import numpy as np

from ..search.atoms import Atoms


def diou_quantities(counts: np.ndarray, holds: np.ndarray, atoms: Atoms) -> dict[str, float]:
    """Return the pixels of a formula and an activation range by the number of concepts that they hold.

    F is the formula's mask, B the range's bitmap. A pixel is unique if it holds exactly one concept of the whole set,
    common if it holds several, and cannot be covered if it holds none.

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
        unique_intersection, common_intersection: pixels of both B and F; unique_extras, common_extras: of F without B;
        unique_uncovered, common_uncovered: of B without F; uncoverable: of B without any concept; diou = both
        intersections / (|B| + both extras), NaN for 0/0. It equals the IoU of every formula that holds for no pixel
        without a concept, thus of all that begin with a concept.

    References
    ----------
    La Rosa and Gilpin, "Guaranteed Optimal Compositional Explanations for Neurons", ICML 2026.
    """
    n_concepts, inside = np.diff(atoms.set_start)[atoms.atom_set], holds[atoms.atom_set]
    found = {}
    for name, group in (("unique", n_concepts == 1), ("common", n_concepts > 1)):
        found[f"{name}_intersection"] = float(counts[group & inside].sum())
        found[f"{name}_extras"] = float((atoms.atom_size - counts)[group & inside].sum())
        found[f"{name}_uncovered"] = float(counts[group & ~inside].sum())
    both = found["unique_intersection"] + found["common_intersection"]
    union = float(counts.sum()) + found["unique_extras"] + found["common_extras"]
    diou = both / union if union else float("nan")
    return found | {"uncoverable": float(counts[n_concepts == 0].sum()), "diou": diou}
