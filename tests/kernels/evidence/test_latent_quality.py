"""Quality of latents: overlaps, assignments and monosemanticity against dense recomputations."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from lib.kernels.evidence.latent_quality import ConceptOverlaps, image_vectors, match_concepts, monosemanticity


def iou(first, second):
    either = (first | second).sum()
    return (first & second).sum() / either if either else 0.0


def count(bitmap, atoms):
    counts = np.zeros(len(atoms.atom_size), np.int64)
    for image in range(atoms.n_images):
        np.add.at(counts, atoms.image_start[image] + atoms.pixel_atoms[image][bitmap[image]].astype(int), 1)
    return counts


@pytest.fixture(scope="module")
def case(make_atoms):
    rng = np.random.default_rng(5)
    masks = rng.random((4, 11, 7, 7)) < rng.uniform(0.1, 0.5, (4, 11, 1, 1))
    bitmaps = np.stack(
        [masks[1] & (rng.random(masks[1].shape) < 0.9), masks[1], masks[0] | masks[2], np.zeros_like(masks[0])]
    )
    first = rng.permutation(11) < 6
    atoms = make_atoms(masks)
    overlaps = ConceptOverlaps(atoms, first)
    shared, totals = zip(*(overlaps.of(count(bitmap, atoms)) for bitmap in bitmaps), strict=True)
    return masks, bitmaps, first, atoms, match_concepts(np.stack(shared), np.stack(totals), overlaps.sizes)


def test_the_best_unit_of_each_concept_is_that_of_dense_masks(case):
    masks, bitmaps, first, _, found = case
    whole = np.array([[iou(bitmap, mask) for mask in masks] for bitmap in bitmaps])
    assert found.iou.tolist() == whole.max(0).tolist()
    assert found.unit.tolist() == whole.argmax(0).tolist()
    assert found.unit[1] == 1 and found.iou[1] == 1, "that of the concept itself"
    for concept, mask in enumerate(masks):
        unseen = []
        for own in (first, ~first):
            chosen = max(range(4), key=lambda unit: iou(bitmaps[unit][own], mask[own]))
            unseen.append(iou(bitmaps[chosen][~own], mask[~own]))
        assert found.iou_unseen[concept] == pytest.approx(np.mean(unseen), abs=1e-15)


def test_each_unit_stands_for_one_concept_in_the_best_assignment(case):
    masks, bitmaps, _, _, found = case
    whole = np.array([[iou(bitmap, mask) for mask in masks] for bitmap in bitmaps])
    best = max(sum(whole[unit, concept] for concept, unit in enumerate(p)) for p in itertools.permutations(range(4)))
    assert found.single_iou.sum() == pytest.approx(best)
    named = found.single_unit[found.single_unit >= 0]
    assert len(set(named)) == len(named) == 3, "the empty bitmap stands for none"
    assert found.single_iou[found.single_unit == -1].tolist() == [0]


def test_concepts_without_a_unit():
    shared, totals = np.zeros((1, 2, 3), np.int64), np.full((1, 2), 5)
    shared[0, :, 2] = 4
    found = match_concepts(shared, totals, np.full((2, 3), 6))
    assert found.unit.tolist() == found.single_unit.tolist() == [-1, -1, 0]
    assert found.iou.tolist() == found.single_iou.tolist() == [0, 0, 4 / 7]


def test_image_vectors_are_areas_of_concepts(case):
    masks, _, _, atoms, _ = case
    areas = masks.sum((2, 3)).T.astype(float)
    np.testing.assert_allclose(image_vectors(atoms).toarray(), areas / np.linalg.norm(areas, axis=1, keepdims=True))


def test_monosemanticity_is_the_weighted_mean_over_pairs_of_images():
    rng = np.random.default_rng(1)
    vectors = rng.random((8, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[2] = 0
    values = rng.normal(size=8).astype(np.float32)
    scaled = (values.astype(float) - values.min()) / (values.max() - np.float64(values.min()))
    pairs = list(itertools.permutations(range(8), 2))
    expected = sum(scaled[i] * scaled[j] * (vectors[i] @ vectors[j]) for i, j in pairs)
    expected /= sum(scaled[i] * scaled[j] for i, j in pairs)
    own = sparse.csr_matrix(vectors)
    assert monosemanticity(values, own) == pytest.approx(expected, abs=1e-12)
    assert monosemanticity(3 * values + 2, own) == pytest.approx(expected, abs=1e-5), "whatever the scale"
    same = sparse.csr_matrix(np.tile(vectors[0], (8, 1)))
    assert monosemanticity(values, same) == pytest.approx(1)
    assert np.isnan(monosemanticity(np.ones(8), own)) and np.isnan(monosemanticity(np.eye(8)[0], own))
