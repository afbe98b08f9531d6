"""Simulation: predict a unit's activation on unseen images from labels, as a weighted sum of 0/1 features.

All is exact over pixels, but computed from sums: a feature (a formula or a concept) is constant within a concept set, so
the pixels of a set count through their number and through the sum of their activations.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import nnls

from ..search.atoms import Atoms
from ..search.beam import ConceptCounts
from .resampling import weigh_images

CUTOFF = 1e-12
"""Directions of the features whose share of the variance is smaller are taken for rounding errors."""

LEAST_VARIANCE = 1e-11
"""An activation does not vary if its variance is at most this share of its mean square."""


@dataclass(frozen=True)
class Activation:
    """A unit's upsampled activation on one half of the images.

    Attributes
    ----------
    sums : numpy.ndarray of shape (n_sets,), float64
        Sum over the pixels of each concept set.
    mean : float
        Over all pixels of the half.
    square : float
        Sum of the squared differences to the mean; 0 if the activation does not vary.
    """

    sums: np.ndarray
    mean: float
    square: float


@dataclass(frozen=True)
class Moments:
    """First and centred second moments of features and activation over the pixels of one half.

    Attributes
    ----------
    n_pixels : int
    shares : numpy.ndarray of shape (n,), float64
        Share of the pixels that have each feature.
    gram : numpy.ndarray of shape (n, n), float64
        Sums of the products of two features, each minus its share.
    cross : numpy.ndarray of shape (n,), float64
        Sums of the products of a feature and the activation, each minus its mean.
    mean, square : float
        Of the activation, as in `Activation`.
    """

    n_pixels: int
    shares: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    mean: float
    square: float

    def take(self, chosen: np.ndarray) -> "Moments":
        """Return the moments of some of the features, by their numbers."""
        return replace(
            self, shares=self.shares[chosen], gram=self.gram[np.ix_(chosen, chosen)], cross=self.cross[chosen]
        )


class Half:
    """One half of the images: what a search needs, and the moments of features.

    Parameters
    ----------
    atoms : Atoms
        Of all images.
    images : numpy.ndarray of shape (n_images,), bool
        The images of the half.
    """

    def __init__(self, atoms: Atoms, images: np.ndarray) -> None:
        self.atoms = weigh_images(atoms, images.astype(np.int64))
        self.counts = ConceptCounts(self.atoms)
        self._inside = images[atoms.atom_images()]
        self._concepts = Features(atoms.incidence(), self.counts.sizes)

    def bitmap(self, per_atom: np.ndarray) -> np.ndarray:
        """Return counts per atom with 0 for the atoms of the other half."""
        return per_atom * self._inside

    def activation(self, sums: np.ndarray, squares: np.ndarray) -> Activation:
        """Return a unit's activation on this half from its sums and sums of squares per atom, float64 (n_atoms,)."""
        by_set = np.bincount(self.atoms.atom_set, weights=sums * self._inside, minlength=self.atoms.n_sets)
        n_pixels, total = int(self.counts.sizes.sum()), float((squares * self._inside).sum())
        mean = float(by_set.sum() / n_pixels)
        square = total - n_pixels * mean**2
        return Activation(by_set, mean, square if square > LEAST_VARIANCE * total else 0.0)

    def concepts(self, activation: Activation) -> Moments:
        """Return the moments of all concepts and an activation."""
        return self._concepts.moments(activation)

    def formulas(self, holds: list[np.ndarray], activation: Activation) -> Moments:
        """Return the moments of formulas and an activation.

        Parameters
        ----------
        holds : list of numpy.ndarray of shape (n_sets,), bool
            For which concept sets each formula holds.
        activation : Activation
        """
        matrix = np.array(holds, dtype=np.int64).reshape(len(holds), self.atoms.n_sets)
        return Features(sparse.csr_matrix(matrix.T), self.counts.sizes).moments(activation)


class Features:
    """0/1 features of the pixels of one half and their products.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix of shape (n_sets, n), int64
        Which concept sets have each feature.
    sizes : numpy.ndarray of shape (n_sets,), int64
        Pixels of each concept set in the half.
    """

    def __init__(self, matrix: sparse.csr_matrix, sizes: np.ndarray) -> None:
        self._columns, self._n_pixels = matrix.T.tocsr(), int(sizes.sum())
        totals = (self._columns @ sizes).astype(np.float64)
        both = (self._columns @ sparse.diags_array(sizes, dtype=np.int64) @ matrix).toarray()
        self._shares = totals / self._n_pixels
        self._gram = both - np.outer(totals, self._shares)

    def moments(self, activation: Activation) -> Moments:
        """Return the moments of the features and an activation."""
        cross = self._columns @ activation.sums - self._n_pixels * self._shares * activation.mean
        return Moments(self._n_pixels, self._shares, self._gram, cross, activation.mean, activation.square)


def fit_non_negative(moments: Moments) -> np.ndarray:
    """Return the weights w >= 0 that minimise the squared error of b + sum of w_r feature_r, with a free intercept b.

    Parameters
    ----------
    moments : Moments

    Returns
    -------
    numpy.ndarray of shape (n,), float64

    References
    ----------
    Lawson and Hanson 1974, through `scipy.optimize.nnls`. The intercept is free because features and activation are
    centred; the squared error is that of a factor of the Gram matrix, which has one row per feature and not per pixel.
    """
    values, vectors = np.linalg.eigh(moments.gram) if moments.gram.size else (np.zeros(0), np.zeros((0, 0)))
    kept = values > max(CUTOFF * values.max(initial=0), 0)
    if not kept.any():
        return np.zeros(len(values))
    roots, axes = np.sqrt(values[kept]), vectors[:, kept].T
    return nnls(roots[:, None] * axes, axes @ moments.cross / roots)[0]


def fit_sparse(moments: Moments, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose few features by the lasso, and weigh these by least squares.

    The features are divided by their standard deviation for the lasso. The path is followed from no feature to the first
    point where more than `most` would have a weight. The refit has no penalty, and weights of any sign.

    Parameters
    ----------
    moments : Moments
    most : int
        Largest number of features.

    Returns
    -------
    chosen : numpy.ndarray of shape (n_chosen,), int64
        Their numbers, ascending.
    weights : numpy.ndarray of shape (n_chosen,), float64

    References
    ----------
    Oikarinen and Weng 2024, Linear Explanations for Individual Neurons, who standardise and refit too; Efron et al. 2004
    for the path, through `sklearn.linear_model.lars_path_gram`.
    """
    chosen = _lasso_path(moments, most)
    few = moments.take(chosen)
    scale = np.sqrt(np.diag(few.gram))
    weights = np.linalg.lstsq(few.gram / np.outer(scale, scale), few.cross / scale, rcond=CUTOFF)[0] / scale
    return chosen, weights


def _lasso_path(moments: Moments, most: int) -> np.ndarray:
    """Return which features have a weight where the path is about to have more than `most` of them."""
    # scikit-learn takes half a second to import
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lars_path_gram

    variance = np.diag(moments.gram)
    # a feature that varies at all is true or false on at least one pixel
    usable = np.flatnonzero(variance > 0.25)
    if not most or not usable.size:
        return np.zeros(0, np.int64)
    some, scale = moments.take(usable), np.sqrt(variance[usable])
    gram, cross = some.gram / np.outer(scale, scale), some.cross / scale
    steps = most + 1
    while True:
        with warnings.catch_warnings():
            # of concepts that say the same, such as day and not night, the path takes one
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, _, path = lars_path_gram(cross, gram, n_samples=moments.n_pixels, max_iter=steps, method="lasso")
        n_weights = (path != 0).sum(0)
        over = np.flatnonzero(n_weights > most)
        # steps that only drop a feature may leave the path short
        if over.size or path.shape[1] <= steps:
            return usable[np.flatnonzero(path[:, over[0] - 1 if over.size else -1])]
        steps *= 2


def score_unseen(weights: np.ndarray, fitted: Moments, unseen: Moments) -> tuple[float, float]:
    """Score a prediction on pixels that it was not fitted on.

    Parameters
    ----------
    weights : numpy.ndarray of shape (n,), float64
    fitted, unseen : Moments
        Of the same features on the half that the weights were fitted on, and on the other one. The activation must vary
        on the latter.

    Returns
    -------
    correlation : float
        Pearson correlation of activation and prediction; 0 for a prediction that does not vary.
    explained : float
        1 - squared error / squared error of the fitted half's mean. It may be negative.
    """
    together, spread = weights @ unseen.cross, weights @ unseen.gram @ weights
    varies = spread > CUTOFF * (weights**2 @ np.diag(unseen.gram))
    correlation = together / np.sqrt(spread * unseen.square) if varies else 0.0
    shift = fitted.mean - unseen.mean
    bias = shift + weights @ (unseen.shares - fitted.shares)
    error = unseen.square - 2 * together + spread + unseen.n_pixels * bias**2
    return float(correlation), float(1 - error / (unseen.square + unseen.n_pixels * shift**2))
