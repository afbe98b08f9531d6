"""What a concept set holds: sizes, overlaps and coverage of its concepts, from its atoms alone."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..search.atoms import Atoms


@dataclass(frozen=True)
class ConceptSizes:
    """Sizes of the concepts of a set.

    Attributes
    ----------
    n_images : numpy.ndarray of shape (n_concepts,), int64
        Images with a pixel of the concept.
    n_pixels : numpy.ndarray of shape (n_concepts,), int64
    n_shared : numpy.ndarray of shape (n_concepts,), int64
        Its pixels that hold another concept too.
    common : scipy.sparse.csr_matrix of shape (n_concepts, n_concepts), int64
        Pixels that hold both concepts; on the diagonal those of each.
    """

    n_images: np.ndarray
    n_pixels: np.ndarray
    n_shared: np.ndarray
    common: sparse.csr_matrix

    def n_overlapping(self) -> np.ndarray:
        """Return the number of other concepts with which each shares a pixel, int64 of shape (n_concepts,)."""
        others = self.common.copy()
        others.setdiag(0)
        others.eliminate_zeros()
        return np.diff(others.indptr).astype(np.int64)


def measure_concepts(atoms: Atoms) -> ConceptSizes:
    """Measure all concepts of a set and their overlaps."""
    sizes, incidence = atoms.set_sizes(), atoms.incidence()
    per_set = np.diff(atoms.set_start)
    places = (np.ones(len(atoms.atom_set), np.int64), (atoms.atom_images(), atoms.atom_set))
    held = sparse.csr_matrix(places, shape=(atoms.n_images, atoms.n_sets)) @ incidence
    return ConceptSizes(
        n_images=np.bincount(held.indices, minlength=atoms.n_concepts),
        n_pixels=incidence.T @ sizes,
        n_shared=incidence.T @ np.where(per_set > 1, sizes, 0),
        common=sparse.csr_matrix(incidence.T @ sparse.diags(sizes, dtype=np.int64) @ incidence),
    )


def overlapping_pairs(sizes: ConceptSizes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all pairs of concepts that share a pixel.

    Parameters
    ----------
    sizes : ConceptSizes

    Returns
    -------
    pairs : numpy.ndarray of shape (n_pairs, 2), int64
        The concepts, the smaller number first; pairs in the order of their numbers.
    n_pixels : numpy.ndarray of shape (n_pairs,), int64
        Pixels with both.
    iou : numpy.ndarray of shape (n_pairs,), float64
    """
    upper = sparse.coo_matrix(sparse.triu(sizes.common, k=1))
    kept = upper.data > 0
    first, second, both = upper.row[kept].astype(np.int64), upper.col[kept].astype(np.int64), upper.data[kept]
    order = np.lexsort((second, first))
    first, second, both = first[order], second[order], both[order]
    return np.stack([first, second], axis=1), both, both / (sizes.n_pixels[first] + sizes.n_pixels[second] - both)


def pixels_by_concepts(atoms: Atoms) -> np.ndarray:
    """Return the number of pixels that hold 0, 1, 2 ... concepts, int64 of shape (largest number + 1,)."""
    found = np.zeros(int(np.diff(atoms.set_start).max(initial=0)) + 1, dtype=np.int64)
    np.add.at(found, np.diff(atoms.set_start), atoms.set_sizes())
    return found
