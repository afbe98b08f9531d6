"""How well the units of a layer, its latents or its directions stand for concepts one by one."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from ..search.atoms import Atoms
from ..search.beam import ConceptCounts


class ConceptOverlaps:
    """Pixels that bitmaps share with each concept, in two halves of the images.

    Parameters
    ----------
    atoms : Atoms
    first : numpy.ndarray of shape (n_images,), bool
        Images of the first half, as `split_images` gives them.

    Attributes
    ----------
    sizes : numpy.ndarray of shape (2, n_concepts), int64
        Pixels of each concept in each half.
    """

    def __init__(self, atoms: Atoms, first: np.ndarray) -> None:
        self._counts, self._sets, self._n_sets = ConceptCounts(atoms), atoms.atom_set, atoms.n_sets
        inside = first[atoms.atom_images()]
        self._halves = inside, ~inside
        self.sizes = np.stack([self._within(atoms.atom_size * half) for half in self._halves])

    def _within(self, per_atom: np.ndarray) -> np.ndarray:
        values = np.bincount(self._sets, weights=per_atom, minlength=self._n_sets).astype(np.int64)
        return self._counts.within(values, np.ones(self._n_sets, bool))

    def of(self, per_atom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the shared pixels, int64 of shape (2, n_concepts), and the pixels, int64 of shape (2,), of a bitmap.

        Parameters
        ----------
        per_atom : numpy.ndarray of shape (n_atoms,), int64
            As `count_per_atom` gives it.
        """
        own = [per_atom * half for half in self._halves]
        return np.stack([self._within(part) for part in own]), np.array([part.sum() for part in own])


@dataclass(frozen=True)
class Matches:
    """The best unit of each concept; -1 and an IoU of 0 where no unit shares a pixel with it, or none is left.

    Attributes
    ----------
    unit : numpy.ndarray of shape (n_concepts,), int64
        A unit may be that of several concepts.
    iou : numpy.ndarray of shape (n_concepts,), float64
    iou_unseen : numpy.ndarray of shape (n_concepts,), float64
        The unit is chosen on one half of the images and scored on the other; mean of both ways.
    single_unit : numpy.ndarray of shape (n_concepts,), int64
        One unit for each concept, so that the sum of the IoUs is largest.
    single_iou : numpy.ndarray of shape (n_concepts,), float64
    """

    unit: np.ndarray
    iou: np.ndarray
    iou_unseen: np.ndarray
    single_unit: np.ndarray
    single_iou: np.ndarray


def match_concepts(shared: np.ndarray, totals: np.ndarray, sizes: np.ndarray) -> Matches:
    """Find the best units of each concept.

    Parameters
    ----------
    shared : numpy.ndarray of shape (n_units, 2, n_concepts), int64
        Pixels that the bitmap of each unit shares with each concept, in each half of the images.
    totals : numpy.ndarray of shape (n_units, 2), int64
        Pixels of each bitmap.
    sizes : numpy.ndarray of shape (2, n_concepts), int64
        Pixels of each concept.

    Returns
    -------
    Matches
    """
    whole = _iou(shared.sum(1), totals.sum(1)[:, None] + sizes.sum(0))
    halves = _iou(shared, totals[:, :, None] + sizes).transpose(1, 0, 2)
    concepts = np.arange(sizes.shape[1])
    best = whole.argmax(0)
    unseen = [other[own.argmax(0), concepts] for own, other in (halves, halves[::-1])]
    single_unit, single_iou = np.full(len(concepts), -1), np.zeros(len(concepts))
    units, matched = linear_sum_assignment(whole, maximize=True)
    single_iou[matched] = whole[units, matched]
    single_unit[matched] = np.where(single_iou[matched] > 0, units, -1)
    iou = whole[best, concepts]
    return Matches(np.where(iou > 0, best, -1), iou, np.mean(unseen, axis=0), single_unit, single_iou)


def _iou(shared: np.ndarray, both: np.ndarray) -> np.ndarray:
    either = both - shared
    return np.divide(shared, either, out=np.zeros(shared.shape), where=either > 0)


def image_vectors(atoms: Atoms) -> sparse.csr_matrix:
    """Return the shares of its pixels that each concept has in each image, as vectors of length 1.

    Returns
    -------
    scipy.sparse.csr_matrix of shape (n_images, n_concepts), float64
        A row of zeros for an image without concepts.
    """
    places = atoms.atom_images(), atoms.atom_set
    areas = sparse.csr_matrix((atoms.atom_size.astype(np.float64), places), (atoms.n_images, atoms.n_sets))
    vectors = (areas @ atoms.incidence()).tocsr()
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(1)).ravel())
    return sparse.diags(np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)).dot(vectors).tocsr()


def monosemanticity(values: np.ndarray, vectors: sparse.csr_matrix) -> float:
    """Return the mean similarity of pairs of images, weighted by the product of their activations.

    Parameters
    ----------
    values : numpy.ndarray of shape (n_images,)
        Activations of a unit on images; they are scaled to 0 to 1.
    vectors : scipy.sparse.csr_matrix of shape (n_images, n)
        Of length 1, or 0; the similarity of two is their product.

    Returns
    -------
    float
        NaN if the activation does not vary or only one image has more than the least.

    References
    ----------
    Pach et al. 2025, the monosemanticity score.
    """
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return float("nan")
    weights = (values.astype(np.float64) - low) / (high - low)
    own = np.asarray(vectors.multiply(vectors).sum(1)).ravel()
    # a sparse product has one order of summation, whatever the threads
    along = vectors.T @ weights
    squares = np.square(weights)
    pairs = weights.sum() ** 2 - squares.sum()
    # what is left of a single image is rounding
    if np.count_nonzero(weights) < 2:
        return float("nan")
    return float((np.square(along).sum() - (squares * own).sum()) / pairs)
