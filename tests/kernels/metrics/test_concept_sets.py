import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.metrics.concept_sets import measure_concepts, overlapping_pairs, pixels_by_concepts
from lib.kernels.metrics.diou import diou_quantities
from lib.kernels.metrics.formulas import explanation_scores
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, evaluate

FORMULAS = [
    Formula((0,)),
    Formula((1, 3), (OR,)),
    Formula((2, 1), (AND_NOT,)),
    Formula((0, 1, 2), (AND, OR)),
    Formula((0, 1, 2, 3), (OR, OR, AND_NOT)),
]


def draw(seed, share):
    """Return masks of 5 concepts on 4 images, of which some are empty, and a bitmap."""
    rng = np.random.default_rng(seed)
    masks = (rng.random((5, 4, 5, 6)) < share) & (rng.random((5, 4, 1, 1)) < 0.6)
    masks[4] &= rng.random() < 0.5
    return masks, rng.random((4, 5, 6)) < rng.choice([0.0, 0.1, 0.5, 1.0])


drawn = given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.1, 0.5, 1.0]))


@drawn
@settings(max_examples=100)
def test_sizes_and_overlaps_equal_the_dense_ones(make_atoms, seed, share):
    masks, _ = draw(seed, share)
    atoms = make_atoms(masks)
    found = measure_concepts(atoms)
    depth = masks.sum(axis=0)
    assert found.n_pixels.tolist() == [int(mask.sum()) for mask in masks]
    assert found.n_images.tolist() == [int(mask.any(axis=(1, 2)).sum()) for mask in masks]
    assert found.n_shared.tolist() == [int((mask & (depth > 1)).sum()) for mask in masks]
    others = [sum((a & b).any() for j, b in enumerate(masks) if i != j) for i, a in enumerate(masks)]
    assert found.n_overlapping().tolist() == others
    pairs, both, ious = overlapping_pairs(found)
    expected = [
        ([i, j], int((masks[i] & masks[j]).sum()), (masks[i] & masks[j]).sum() / (masks[i] | masks[j]).sum())
        for i, j in itertools.combinations(range(5), 2)
        if (masks[i] & masks[j]).any()
    ]
    assert list(zip(pairs.tolist(), both.tolist(), ious.tolist(), strict=True)) == expected
    counts = pixels_by_concepts(atoms)
    assert counts.tolist() == [int((depth == n).sum()) for n in range(depth.max() + 1)]


@drawn
@pytest.mark.parametrize("formula", FORMULAS)
@settings(max_examples=30)
def test_quantities_of_diou_equal_the_dense_ones(make_atoms, formula, seed, share):
    masks, bitmap = draw(seed, share)
    atoms = make_atoms(masks)
    counts = np.zeros(len(atoms.atom_size), np.int64)
    for image in range(atoms.n_images):
        np.add.at(counts, atoms.image_start[image] + atoms.pixel_atoms[image][bitmap[image]].astype(int), 1)
    holds = ConceptCounts(atoms).holds(formula)
    found = diou_quantities(counts, holds, atoms)
    mask, depth = evaluate(formula, masks), masks.sum(axis=0)
    groups = {"unique": depth == 1, "common": depth > 1}
    expected = {"uncoverable": (bitmap & (depth == 0)).sum()}
    for name, group in groups.items():
        expected[f"{name}_intersection"] = (mask & bitmap & group).sum()
        expected[f"{name}_extras"] = (mask & ~bitmap & group).sum()
        expected[f"{name}_uncovered"] = (~mask & bitmap & group).sum()
    diou = found.pop("diou")
    assert found == expected
    assert sum(value for name, value in found.items() if "extras" not in name) == bitmap.sum()
    assert diou == pytest.approx(explanation_scores(counts, holds, atoms)["iou"], rel=1e-12, nan_ok=True)


def test_diou_does_not_count_extras_that_no_concept_covers(make_atoms):
    """A bare negation would hold on unlabelled pixels too."""
    masks = np.zeros((1, 1, 2, 3), bool)
    masks[0, 0, 0, 0] = True
    atoms = make_atoms(masks)
    unlabelled = np.array([len(concepts) == 0 for concepts in np.split(atoms.set_concepts, atoms.set_start[1:-1])])
    counts = np.where(unlabelled[atoms.atom_set], 2, 0)
    found = diou_quantities(counts, unlabelled, atoms)
    assert found["uncoverable"] == 2 and found["diou"] == 0
