import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.search.beam import ConceptCounts, search_beam
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, evaluate

OPERATORS = (OR, AND, AND_NOT)


def per_set(atoms, bitmap):
    """Bitmap pixels in each concept set."""
    values = np.zeros(atoms.n_sets, np.int64)
    for image in range(atoms.n_images):
        sets = atoms.atom_set[atoms.image_start[image] + atoms.pixel_atoms[image][bitmap[image]].astype(int)]
        np.add.at(values, sets, 1)
    return values


def iou(mask, bitmap):
    union = int((mask | bitmap).sum())
    return Fraction(int((mask & bitmap).sum()), union) if union else Fraction(0)


def apply(mask, operator, other):
    return {OR: mask | other, AND: mask & other, AND_NOT: mask & ~other}[operator]


def mask_of(masks, concepts, operators):
    mask = masks[concepts[0]]
    for operator, concept in zip(operators, concepts[1:]):
        mask = apply(mask, operator, masks[concept])
    return mask


def exhaustive(masks, bitmap, length):
    """Return the rank key of the best of all left-deep formulas, concepts repeated or not."""
    keys = []
    for n in range(1, length + 1):
        for concepts in itertools.product(range(len(masks)), repeat=n):
            for operators in itertools.product(OPERATORS, repeat=n - 1):
                keys.append((-iou(mask_of(masks, concepts, operators), bitmap), n, concepts, operators))
    return min(keys)


def naive_beam(masks, bitmap, length, beam):
    """Follow the definition by loops over dense masks; returns the rank key of the winner."""
    assignments = np.array(list(itertools.product((False, True), repeat=len(masks)))).T

    def best(candidates, n):
        kept, seen = [], set()
        for key in sorted(set(candidates)):
            meaning = mask_of(assignments, key[2], key[3]).tobytes()
            if meaning not in seen and key[0] < 0:
                seen.add(meaning)
                kept.append(key)
        return kept[:n]

    def key(concepts, operators):
        return -iou(mask_of(masks, concepts, operators), bitmap), len(concepts), concepts, operators

    kept = best([key((c,), ()) for c in range(len(masks))], 2 * beam if length > 1 else 1)
    for step in range(2, length + 1):
        longer = [
            key((*concepts, c), (*operators, operator))
            for _, _, concepts, operators in kept
            for c in range(len(masks))
            if c not in concepts or len(concepts) > 2
            for operator in OPERATORS
        ]
        kept = best(kept + longer, beam if step < length else 1)
    return kept[0] if kept else None


@st.composite
def problems(draw, most_concepts):
    """Small images with overlapping, empty, full and equal concepts, so that ties abound."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_concepts = draw(st.integers(1, most_concepts))
    side = draw(st.integers(1, 4))
    share = draw(st.sampled_from([0.15, 0.5, 0.85]))
    masks = rng.random((n_concepts, 2, side, side)) < share
    if n_concepts > 2 and draw(st.booleans()):
        masks[1] = masks[0]
    bitmap = rng.random((2, side, side)) < draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]))
    if draw(st.booleans()):
        a, b = rng.integers(0, n_concepts, 2)
        bitmap = (masks[a] & ~masks[b]) ^ (rng.random(bitmap.shape) < 0.1)
    return masks, bitmap


def check(found, key, masks, bitmap):
    if key is None or key[0] == 0:
        assert found is None
        return
    assert (found.formula.concepts, found.formula.operators) == key[2:]
    mask = evaluate(found.formula, masks)
    assert found.inside == (mask & bitmap).sum() and found.size == mask.sum()
    assert found.iou == float(-key[0]) == float(iou(mask, bitmap))


@given(problem=problems(4), length=st.integers(1, 3))
@settings(max_examples=60)
def test_unlimited_width_is_exhaustive_search(make_atoms, problem, length):
    masks, bitmap = problem
    atoms = make_atoms(masks)
    found = search_beam(per_set(atoms, bitmap), ConceptCounts(atoms), length=length, beam=10**6)
    check(found, exhaustive(masks, bitmap, length), masks, bitmap)


def test_unlimited_width_is_exhaustive_search_with_six_concepts(make_atoms):
    rng = np.random.default_rng(3)
    for _ in range(3):
        masks, bitmap = rng.random((6, 2, 5, 5)) < 0.4, rng.random((2, 5, 5)) < 0.3
        atoms = make_atoms(masks)
        found = search_beam(per_set(atoms, bitmap), ConceptCounts(atoms), length=3, beam=10**6)
        check(found, exhaustive(masks, bitmap, 3), masks, bitmap)


@pytest.mark.parametrize("length", range(1, 11))
@given(problem=problems(7), beam=st.sampled_from([1, 2, 3, 5, 9]))
@settings(max_examples=20)
def test_equals_a_naive_beam_with_its_ties_at_any_length(make_atoms, length, problem, beam):
    masks, bitmap = problem
    atoms = make_atoms(masks)
    found = search_beam(per_set(atoms, bitmap), ConceptCounts(atoms), length=length, beam=beam)
    check(found, naive_beam(masks, bitmap, length, beam), masks, bitmap)


def test_a_target_of_ten_concepts_is_found_at_length_ten(make_atoms):
    masks = np.zeros((11, 1, 1, 11), bool)
    masks[np.arange(11), 0, 0, np.arange(11)] = True
    bitmap = masks[:10].any(axis=0)
    atoms = make_atoms(masks)
    for length in range(1, 11):
        found = search_beam(per_set(atoms, bitmap), ConceptCounts(atoms), length=length, beam=3)
        assert found.formula == Formula(tuple(range(length)), (OR,) * (length - 1)) and found.iou == length / 10


def test_nothing_to_explain_gives_none(make_atoms):
    masks = np.zeros((2, 1, 2, 2), bool)
    masks[0, 0, 0] = True
    atoms = make_atoms(masks)
    counts = ConceptCounts(atoms)
    empty, elsewhere = np.zeros((1, 2, 2), bool), np.zeros((1, 2, 2), bool)
    elsewhere[0, 1] = True
    for bitmap in (empty, elsewhere):
        assert search_beam(per_set(atoms, bitmap), counts, length=3, beam=5) is None


def test_a_single_concept_wins_over_longer_equals(make_atoms):
    masks = np.zeros((3, 1, 2, 2), bool)
    masks[0, 0, 0] = masks[2, 0, 0] = True
    masks[1, 0, 1, 1] = True
    atoms = make_atoms(masks)
    found = search_beam(per_set(atoms, masks[2]), ConceptCounts(atoms), length=3, beam=5)
    assert found.formula == Formula((0,)) and found.iou == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_dense_counts(make_atoms, seed):
    rng = np.random.default_rng(seed)
    masks = rng.random((6, 3, 4, 5)) < 0.4
    masks[3] = False
    atoms = make_atoms(masks)
    counts = ConceptCounts(atoms)
    formula = Formula((0, 1, 2), (OR, AND_NOT))
    mask = evaluate(formula, masks)
    holds = counts.holds(formula)
    assert counts.sizes[holds].sum() == mask.sum()
    np.testing.assert_array_equal(counts.within(counts.sizes, holds), (masks & mask).sum(axis=(1, 2, 3)))
    for concept in range(6):
        assert counts.sizes[counts.concept_sets(concept)].sum() == masks[concept].sum()
