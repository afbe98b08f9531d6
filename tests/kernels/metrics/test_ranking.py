import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from lib.kernels.metrics.ranking import rank_pixels, rank_values
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.formula import Formula


def expected(values, labels):
    values = values.astype(np.float64)
    return (
        [average_precision_score(label, values) for label in labels],
        [roc_auc_score(label, values) for label in labels],
    )


@pytest.mark.parametrize("n_labels", [1, 3, 31, 32, 33, 70])
def test_ranks_equal_scikit_learn(n_labels):
    rng = np.random.default_rng(n_labels)
    values = rng.normal(size=400).astype(np.float32)
    labels = rng.random((n_labels, 400)) < rng.uniform(0.02, 0.9, (n_labels, 1))
    labels[:, 0], labels[:, 1] = True, False
    np.testing.assert_allclose(rank_values(values, labels), expected(values, labels), rtol=1e-12)


def test_ties_count_half_and_both_zeros_are_one_value():
    rng = np.random.default_rng(0)
    values = rng.choice(np.array([-2.5, -0.0, 0.0, 1.0, np.inf, 1e-44, 3e38], np.float32), 300)
    labels = rng.random((5, 300)) < 0.3
    finite = np.where(np.isinf(values), np.float32(3.2e38), values)
    np.testing.assert_allclose(rank_values(values, labels), expected(finite, labels), rtol=1e-12)
    equal = np.zeros(300, np.float32)
    np.testing.assert_allclose(rank_values(equal, labels)[1], 0.5)
    np.testing.assert_allclose(rank_values(equal, labels)[0], labels.mean(1))


def test_labels_of_all_or_of_nothing_have_no_auc():
    labels = np.array([[True] * 4, [False] * 4])
    precision, auc = rank_values(np.arange(4, dtype=np.float32), labels)
    assert np.isnan(auc).all() and precision[0] == 1 and np.isnan(precision[1])


@pytest.mark.parametrize("relu", [False, True])
def test_pixels_are_ranked_as_dense_values_in_any_slices_and_blocks(make_atoms, relu):
    rng = np.random.default_rng(1)
    masks = rng.random((4, 6, 70, 70)) < rng.uniform(0.05, 0.6, (4, 1, 1, 1))
    atoms = make_atoms(masks)
    maps = rng.normal(size=(6, 5, 5)).astype(np.float32)
    maps = np.maximum(maps, 0) if relu else maps
    maps[2] = 0
    counts = ConceptCounts(atoms)
    formulas = [Formula((c,)) for c in range(4)] + [Formula((0, 1), (o,)) for o in range(3)]
    holds = np.stack([counts.holds(formula) for formula in formulas])
    dense = np.stack([np.stack([atoms.image_mask(one, i) for i in range(6)]).ravel() for one in holds])
    step = np.repeat(np.repeat(maps, 14, 1), 14, 2)
    found = rank_pixels([step], atoms, holds)
    np.testing.assert_allclose(found, expected(step.ravel(), dense), rtol=1e-12)
    whole = rank_pixels([maps], atoms, holds)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=(70, 70), mode="bilinear")
    np.testing.assert_allclose(whole, expected(smooth.numpy().ravel(), dense), rtol=1e-12)
    for most_keys in (1, 700, 5000):
        np.testing.assert_array_equal(rank_pixels([maps[:2], maps[2:]], atoms, holds, most_keys=most_keys), whole)
