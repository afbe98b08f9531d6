import bruteforce
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.metrics.formulas import explanation_scores, image_ious
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, evaluate


def per_atom(atoms, bitmap):
    counts = np.zeros(len(atoms.atom_size), np.int64)
    for image in range(atoms.n_images):
        np.add.at(counts, atoms.image_start[image] + atoms.pixel_atoms[image][bitmap[image]].astype(int), 1)
    return counts


@given(
    seed=st.integers(0, 2**32 - 1),
    formula=st.sampled_from(
        [Formula((0,)), Formula((0, 1), (OR,)), Formula((2, 1), (AND_NOT,)), Formula((0, 1, 2), (AND, OR))]
    ),
    share=st.sampled_from([0.0, 0.05, 0.4, 1.0]),
)
@settings(max_examples=100)
def test_equal_the_dense_recomputation(make_atoms, seed, formula, share):
    rng = np.random.default_rng(seed)
    masks = (rng.random((3, 4, 5, 6)) < 0.3) & (rng.random((3, 4, 1, 1)) < 0.7)
    bitmap = rng.random((4, 5, 6)) < share
    atoms = make_atoms(masks)
    found = explanation_scores(per_atom(atoms, bitmap), ConceptCounts(atoms).holds(formula), atoms)
    expected = bruteforce.scores(evaluate(formula, masks), bitmap)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-15, nan_ok=True), name


def test_a_case_known_on_paper(make_atoms):
    masks = np.zeros((1, 3, 2, 2), bool)
    masks[0, 0] = masks[0, 1, 0] = True  # 4 and 2 pixels
    bitmap = np.zeros((3, 2, 2), bool)
    bitmap[0, 0], bitmap[2, 0, 0] = True, True  # 2 pixels in the concept, 1 outside
    atoms = make_atoms(masks)
    found = explanation_scores(per_atom(atoms, bitmap), ConceptCounts(atoms).holds(Formula((0,))), atoms)
    assert found == {
        "iou": 2 / 7,
        "activation_coverage": 2 / 3,
        "detection_accuracy": 2 / 6,
        "samples_coverage": 1 / 2,
        "explanation_coverage": 1 / 2,
        "avg_segmentation_size": 3 / 4,
        "avg_activation_size": 1.5 / 4,
        "avg_overlapping": 2 / 4,
        "avg_overlapping_activation_size": 2 / 4,
    }


def test_each_image_has_its_own_iou(make_atoms):
    masks = np.zeros((1, 4, 2, 2), bool)
    masks[0, 0] = masks[0, 1, 0] = True
    bitmap = np.zeros((4, 2, 2), bool)
    bitmap[0, 0], bitmap[2, 0, 0] = True, True
    atoms = make_atoms(masks)
    found = image_ious(per_atom(atoms, bitmap), ConceptCounts(atoms).holds(Formula((0,))), atoms)
    np.testing.assert_array_equal(found, [2 / 4, 0, 0, np.nan])
