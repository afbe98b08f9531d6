"""Planted units: formulas in which every concept matters, maps with the stated share of noise, causes without a name."""

import itertools
from collections import Counter

import numpy as np
import pytest

from lib.kernels.planting.formulas import (
    LARGEST_SHARE,
    LEAST_EFFECT,
    MOST_ALIKE,
    SMALLEST_SHARE,
    concept_ious,
    concepts_together,
    draw_formula,
    draw_outsiders,
    operator_patterns,
    operators_text,
    take_out,
)
from lib.kernels.planting.maps import draw_shapes, formula_means, mask_means, planted_maps
from lib.kernels.planting.units import CASES, PlantedUnit, plan_units, plant
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.formula import AND_NOT, OR, Formula, evaluate


@pytest.fixture(scope="module")
def masks():
    """Return masks of eight concepts on 16 images; the last one is nearly the first one."""
    rng = np.random.default_rng(0)
    found = np.zeros((8, 16, 30, 30), bool)
    for concept in range(7):
        for image in range(16):
            top, left, height, width = rng.integers(0, 15, 2).tolist() + rng.integers(4, 14, 2).tolist()
            found[concept, image, top : top + height, left : left + width] = rng.random() < 0.7
    found[7] = found[0]
    found[7, 0] = ~found[7, 0]
    return found


def blurred(mask):
    """Return the means of blocks, one by one: 30 pixels make 7 blocks of 4 or 5 pixels."""
    ends = [-(-30 * block // 7) for block in range(8)]
    spans = list(itertools.pairwise(ends))
    assert {stop - start for start, stop in spans} == {4, 5}
    return np.array([[[image[a:b, c:d].mean() for c, d in spans] for a, b in spans] for image in mask])


def test_patterns_are_all_sequences_of_operators():
    patterns = operator_patterns([1, 2, 3])
    assert len(patterns) == len(set(patterns)) == 1 + 3 + 9
    assert patterns[0] == () and operators_text(()) == "" and operators_text((OR, AND_NOT)) == "OR, AND NOT"


@pytest.mark.parametrize("operators", operator_patterns([1, 2, 3]))
def test_every_step_of_a_drawn_formula_matters(masks, make_atoms, operators):
    counts = ConceptCounts(make_atoms(masks))
    for first in (None, [0, 7]):
        formula = draw_formula(operators, counts, rng=np.random.default_rng(1), first=first)
        assert formula.operators == operators and len(set(formula.concepts)) == formula.length
        assert first is None or formula.concepts[0] in first
        for n in range(1, formula.length):
            before, after = (evaluate(Formula(formula.concepts[:m], operators[: m - 1]), masks) for m in (n, n + 1))
            assert (before ^ after).sum() >= LEAST_EFFECT * max(before.sum(), after.sum())
        assert SMALLEST_SHARE <= evaluate(formula, masks).mean() <= LARGEST_SHARE


def test_an_impossible_pattern_is_refused(make_atoms):
    masks = np.zeros((2, 1, 4, 4), bool)
    masks[:, 0, 0, 0] = True
    counts = ConceptCounts(make_atoms(masks))
    with pytest.raises(ValueError, match=r"no formula with the operators \(OR\) found in 50 tries"):
        draw_formula((OR,), counts, rng=np.random.default_rng(0), tries=50)


def test_ious_of_concepts_are_those_of_their_masks(masks, make_atoms):
    ious, shares = concept_ious(make_atoms(masks))
    for a, b in itertools.permutations(range(8), 2):
        assert ious[a, b] == pytest.approx((masks[a] & masks[b]).sum() / (masks[a] | masks[b]).sum(), abs=1e-15)
    assert not ious.diagonal().any() and shares == pytest.approx(masks.mean((1, 2, 3)))


def test_concepts_that_occur_together_are_those_of_the_most_alike_pairs(masks, make_atoms):
    many = np.concatenate([masks, masks[1:2]])
    many[7, 0] ^= True  # as the first concept, but for a few pixels
    many[7, 0, 0, :3] ^= True
    found = concepts_together(make_atoms(many))
    pairs = sorted(
        ((many[a] & many[b]).sum() / (many[a] | many[b]).sum(), a, b)
        for a, b in itertools.combinations(range(9), 2)
        if (many[a] != many[b]).any()
    )
    assert pairs[-1][1:] == (0, 7) and found == sorted({c for _, a, b in pairs[-10:] for c in (a, b)})


def test_outsiders_are_like_no_other_concept_and_can_be_taken_out(masks, make_atoms):
    atoms = make_atoms(masks)
    ious, _ = concept_ious(atoms)
    outsiders = draw_outsiders(atoms, np.random.default_rng(0))
    assert len(outsiders) == 1 and ious[outsiders].max() < MOST_ALIKE and not {0, 7} & set(outsiders.tolist())
    rest = take_out(atoms, outsiders)
    for concept in range(8):
        expected = np.zeros_like(masks[0]) if concept in outsiders else masks[concept]
        np.testing.assert_array_equal(rest.concept_mask(concept), expected)
    np.testing.assert_array_equal(rest.set_sizes(), atoms.set_sizes())
    with pytest.raises(ValueError, match="none can be taken out of the vocabulary"):
        draw_outsiders(make_atoms(masks[[0, 7]]), np.random.default_rng(0))


def test_shapes_are_discs_on_half_of_the_images():
    shapes = draw_shapes((40, 48, 48), np.random.default_rng(0))
    sizes = shapes.sum((1, 2))
    assert (sizes > 0).sum() <= 20 and sizes.max() <= np.pi * 13**2 and 0.01 < shapes.mean() < 0.1


def test_maps_without_noise_are_the_means_of_the_masks(masks):
    maps = planted_maps([mask_means(masks[0]), mask_means(masks[1])], noise=0.0, rng=np.random.default_rng(2))
    expected = blurred(masks[0]) + 0.5 * blurred(masks[1])
    assert maps.dtype == np.float32 and maps.shape == (16, 7, 7)
    np.testing.assert_allclose(maps, (expected - expected.mean()) / expected.std(), atol=1e-5)


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5, 0.7])
def test_noise_has_the_stated_share_of_the_variance(noise):
    mask = np.random.default_rng(0).random((200, 30, 30)) < 0.5
    mask[::2] = True
    maps = planted_maps([mask_means(mask)], noise=noise, rng=np.random.default_rng(2))
    assert maps.var() == pytest.approx(1, abs=0.05)
    assert np.corrcoef(maps.ravel(), blurred(mask).ravel())[0, 1] ** 2 == pytest.approx(1 - noise, abs=0.03)
    pure = planted_maps([mask_means(mask)], noise=1.0, rng=np.random.default_rng(2))
    assert abs(np.corrcoef(pure.ravel(), blurred(mask).ravel())[0, 1]) < 0.03
    assert np.corrcoef(pure[:, :, 1:].ravel(), pure[:, :, :-1].ravel())[0, 1] > 0.5, "noise is blurred"


def test_every_combination_is_planted_as_often():
    units = plan_units(lengths=[1, 2, 3], noises=[0.0, 0.5], sizes=[50, 90], repeats=6)
    assert [unit.n_images for unit in units] == [50] * (len(units) // 2) + [90] * (len(units) // 2)
    assert Counter(unit.case for unit in units) == dict(zip(CASES, (72, 24, 24, 24)))
    plain = [unit for unit in units if unit.case == "plain"]
    assert set(Counter((unit.n_images, unit.noise, unit.length) for unit in plain).values()) == {6}
    assert set(Counter(unit.operators for unit in plain if unit.length == 3)) == set(operator_patterns([3]))
    assert sum(unit.second for unit in units) == 36 == sum(unit.second for unit in plain)
    outside = [unit for unit in units if unit.case == "outside"]
    assert Counter(unit.length for unit in outside) == {0: 12, 1: 12}
    assert {(unit.noise, unit.length) for unit in units if unit.case == "none"} == {(1.0, 0)}


def test_causes_are_what_their_case_says(masks, make_atoms):
    atoms = make_atoms(masks)
    counts = ConceptCounts(atoms)

    def planted(*arguments, **options):
        unit = PlantedUnit(*arguments, **options)
        return plant(unit, atoms, counts, outsiders=[3], rng=np.random.default_rng(5))

    plain = planted("plain", 0.0, 16, (AND_NOT,), second=True)
    truth, second = (evaluate(formula, masks) for formula in (plain.formula, plain.second))
    assert plain.formula.operators == (AND_NOT,) and plain.share == truth.mean()
    np.testing.assert_allclose(formula_means(counts.holds(plain.formula), atoms), blurred(truth), rtol=1e-15)
    expected = blurred(truth) + 0.5 * blurred(second)
    np.testing.assert_allclose(plain.maps, (expected - expected.mean()) / expected.std(), atol=1e-5)
    assert planted("together", 0.1, 16, (OR,)).formula.concepts[0] in concepts_together(atoms)
    assert planted("outside", 0.1, 16, ()).formula == Formula((3,))
    shape, nothing = planted("outside", 0.0, 16, None), planted("none", 1.0, 16, None)
    assert (
        shape.formula is nothing.formula is None
        and len(np.unique(shape.maps[np.ptp(shape.maps, axis=(1, 2)) == 0])) == 1
    )
    assert nothing.share in masks.mean((1, 2, 3)).tolist()
    again = planted("plain", 0.0, 16, (AND_NOT,), second=True)
    assert again.maps.tobytes() == plain.maps.tobytes() and again.formula == plain.formula
