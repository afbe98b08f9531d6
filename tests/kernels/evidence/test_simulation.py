"""Simulation: equal to a dense recomputation over pixels, near the ceiling of planted units, blind for the unseen half."""

import warnings

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoLars, LinearRegression, lars_path

from lib.kernels.evidence.predictors import OF_TOP, PREDICTORS, Simulation
from lib.kernels.evidence.simulation import Half, fit_non_negative, fit_sparse, score_unseen
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, evaluate

SEARCH = {"search": "optimal", "length": 2, "beam": 3, "seconds": None}


def per_atom(atoms, values):
    """Add up dense pixel values, of shape (n_images, H, W), in each atom."""
    numbers = atoms.pixel_atoms + atoms.image_start[:-1, None, None]
    return np.bincount(numbers.reshape(-1), weights=values.reshape(-1).astype(float), minlength=len(atoms.atom_size))


def moments_of(atoms, values):
    return per_atom(atoms, values), per_atom(atoms, values**2)


class Problem:
    """Masks, activations and the two halves of the images."""

    def __init__(self, make_atoms, seed):
        rng = np.random.default_rng(seed)
        self.masks = rng.random((6, 14, 9, 7)) < rng.uniform(0.1, 0.6, (6, 1, 1, 1))
        self.masks[5] = ~self.masks[4]  # says the same as another concept
        weights = rng.normal(size=6)
        self.values = 3 + np.tensordot(weights, self.masks, 1) + rng.normal(size=self.masks.shape[1:])
        self.atoms = make_atoms(self.masks)
        self.split = rng.permutation(14) < 7
        self.halves = [Half(self.atoms, images) for images in (self.split, ~self.split)]
        self.activations = [half.activation(*moments_of(self.atoms, self.values)) for half in self.halves]

    def columns(self, formulas, first):
        """Return the dense features and the activation on one half, (n_pixels, n) and (n_pixels,)."""
        images = self.split if first else ~self.split
        features = [evaluate(formula, self.masks[:, images]).reshape(-1) for formula in formulas]
        return np.array(features, float).T, self.values[images].reshape(-1)


@pytest.fixture(scope="module", params=range(4))
def problem(request, make_atoms):
    return Problem(make_atoms, request.param)


FORMULAS = [
    [Formula((0,))],
    [Formula((0, 1), (AND,)), Formula((2, 3), (OR,)), Formula((1,))],
    [Formula((4,)), Formula((5,)), Formula((4,)), Formula((0, 2, 3), (OR, AND_NOT))],
]


@pytest.mark.parametrize("formulas", FORMULAS, ids=len)
def test_weights_and_scores_of_formulas_are_those_of_dense_pixels(problem, formulas):
    holds = [problem.halves[0].counts.holds(formula) for formula in formulas]
    for way in (0, 1):
        fitted, unseen = (problem.halves[i].formulas(holds, problem.activations[i]) for i in (way, 1 - way))
        weights = fit_non_negative(fitted)
        features, values = problem.columns(formulas, way == 0)
        exact = nnls(features - features.mean(0), values - values.mean())[0]
        bias = values.mean() - exact @ features.mean(0)
        other, truth = problem.columns(formulas, way == 1)
        prediction = other @ exact + bias
        assert (weights >= 0).all()
        np.testing.assert_allclose(features @ (weights - exact), (weights - exact) @ fitted.shares, atol=1e-9)
        correlation, explained = score_unseen(weights, fitted, unseen)
        expected = np.corrcoef(prediction, truth)[0, 1] if exact.any() else 0
        assert correlation == pytest.approx(expected, abs=1e-9)
        error = ((truth - prediction) ** 2).sum() / ((truth - values.mean()) ** 2).sum()
        assert explained == pytest.approx(1 - error, abs=1e-9)


@pytest.mark.parametrize("most", range(7))
def test_sparse_models_are_those_of_dense_pixels(problem, most):
    fitted, unseen = (half.concepts(a) for half, a in zip(problem.halves, problem.activations))
    singles = [Formula((concept,)) for concept in range(6)]
    (features, values), (other, truth) = (problem.columns(singles, first) for first in (True, False))
    scaled = (features - features.mean(0)) / features.std(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        alphas, _, _ = lars_path(scaled, values - values.mean(), method="lasso")
    supports = [set()]
    for alpha in (alphas[:-1] + alphas[1:]) / 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of the two concepts that say the same
            model = LassoLars(alpha=alpha).fit(scaled, values)
        support = set(np.flatnonzero(model.coef_).tolist())
        if len(support) > most:
            break
        supports.append(support)
    chosen, weights = fit_sparse(fitted, most)
    # rounding decides which of two concepts that say the same is chosen
    assert {min(c, 4) for c in chosen} == {min(c, 4) for c in supports[-1]} and len(chosen) <= most
    if most:
        assert len(chosen), "the path begins with a concept"
        model = LinearRegression().fit(features[:, chosen], values)
        np.testing.assert_allclose(weights, model.coef_, atol=1e-9)
        correlation, explained = score_unseen(weights, fitted.take(chosen), unseen.take(chosen))
        prediction = model.predict(other[:, chosen])
        assert correlation == pytest.approx(np.corrcoef(prediction, truth)[0, 1], abs=1e-9)
        error = ((truth - prediction) ** 2).sum() / ((truth - values.mean()) ** 2).sum()
        assert explained == pytest.approx(1 - error, abs=1e-9)


def test_weights_are_never_negative(make_atoms):
    masks = np.random.default_rng(0).random((2, 8, 6, 6)) < 0.4
    atoms, half = make_atoms(masks), np.ones(8, bool)
    values = masks[0] - 2.0 * masks[1]
    fitted = Half(atoms, half)
    holds = [fitted.counts.holds(Formula((concept,))) for concept in (0, 1)]
    weights = fit_non_negative(fitted.formulas(holds, fitted.activation(*moments_of(atoms, values))))
    assert weights[0] > 0.5 and weights[1] == 0


@pytest.fixture(scope="module")
def planted(make_atoms):
    """A unit with two causes of different strength, and noise in every pixel."""
    rng = np.random.default_rng(5)
    masks = np.kron(rng.random((6, 120, 8, 8)) < 0.3, np.ones((2, 2), bool))
    signal = 2.0 * masks[0] + masks[1]
    return masks, make_atoms(masks), signal, rng.permutation(120) < 60


BOUNDS = [(0.5, 1.5), (1.5, 2.5), (2.5, np.inf)]


def run(atoms, split, values, **changes):
    counts = np.array([per_atom(atoms, (values > low) & (values < high)) for low, high in BOUNDS]).astype(np.int64)
    whole = [Formula((1, 0), (AND_NOT,)), Formula((0, 1), (AND_NOT,)), Formula((0, 1), (AND,))]
    options = {
        "formulas": whole,
        "top": 2,
        "sentence": Formula((0,)),
        "others": [Formula((3,)), Formula((4, 5), (OR,))],
    }
    return Simulation(atoms, split, SEARCH).run(counts, moments_of(atoms, values), **options | changes)


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_labels_of_a_planted_unit_reach_its_ceiling(planted, noise):
    _, atoms, signal, split = planted
    values = signal + noise * np.random.default_rng(6).normal(size=signal.shape)
    found = run(atoms, split, values)
    assert set(found) == set(PREDICTORS)
    ceiling = np.sqrt(signal.var() / (signal.var() + noise**2))
    for name, n_literals in (("formulas", 6), ("linear", 6), ("linear_top", 2)):
        assert found[name][0] == n_literals
        assert found[name][1] == pytest.approx(ceiling, abs=0.01)
        assert found[name][2] == pytest.approx(ceiling**2, abs=0.02)
    assert ceiling - 0.02 > found["sentence"][1] > found["top"][1] > 0.5
    assert found["dissection"][0] == 1
    assert abs(found["shuffled"][1]) < 0.03 and found["shuffled"][2] < 0.01
    assert found["constant"] == (0, 0, 0)


def test_labels_have_not_seen_the_images_that_they_are_scored_on(planted):
    """Each half has a cause of its own: what is found on one says nothing about the other."""
    masks, atoms, _, split = planted
    cause = np.where(split[:, None, None], masks[0], masks[1])
    values = 3.0 * cause + 0.01 * np.random.default_rng(7).normal(size=cause.shape)
    found = run(atoms, split, values, formulas=[Formula((0, 1), (OR,))] * 3)
    for name in ("formulas", "top", "dissection", "linear", "linear_top"):
        # the lasso's further concepts may be the other cause, but with a weight near 0
        assert found[name][1] < 0.05, name


def test_a_range_without_pixels_on_a_half_says_nothing_there(planted):
    masks, atoms, _, split = planted
    only_first = 3.0 * (masks[0] & split[:, None, None]) + masks[1]
    found = run(atoms, split, only_first)
    assert found["top"][0] == 0.5, "one literal on one half, none on the other"
    assert np.isfinite(found["top"]).all()


def test_a_half_without_variation_has_no_scores(planted):
    masks, atoms, _, split = planted
    assert run(atoms, split, 7.25 + 2.0 * (masks[0] & split[:, None, None])) is None


def test_what_there_is_not_has_no_scores(planted):
    _, atoms, signal, split = planted
    found = run(atoms, split, signal, top=None, sentence=None, others=[])
    assert set(found) == set(PREDICTORS) - {*OF_TOP, "sentence", "shuffled"}
