import numpy as np
import pytest

from lib.kernels.activations.ranges import cluster_ranges
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, evaluate
from lib.kernels.search.planting import (
    LARGEST_SHARE,
    LEAST_EFFECT,
    SMALLEST_SHARE,
    draw_formula,
    operator_patterns,
    operators_text,
    planted_maps,
)


@pytest.fixture(scope="module")
def masks():
    rng = np.random.default_rng(0)
    found = np.zeros((8, 16, 30, 30), bool)
    for concept in range(8):
        for image in range(16):
            top, left, height, width = rng.integers(0, 15, 2).tolist() + rng.integers(4, 14, 2).tolist()
            found[concept, image, top : top + height, left : left + width] = rng.random() < 0.7
    return found


def test_patterns_are_all_sequences_of_operators():
    patterns = operator_patterns([1, 2, 3])
    assert len(patterns) == len(set(patterns)) == 1 + 3 + 9
    assert patterns[0] == () and operators_text(()) == "" and operators_text((OR, AND_NOT)) == "OR, AND NOT"


@pytest.mark.parametrize("operators", operator_patterns([1, 2, 3]))
def test_every_step_of_a_drawn_formula_matters(masks, make_atoms, operators):
    formula = draw_formula(operators, ConceptCounts(make_atoms(masks)), rng=np.random.default_rng(1), tries=20_000)
    assert formula.operators == operators and len(set(formula.concepts)) == formula.length
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


def test_the_highest_cluster_is_the_formulas_mask(masks):
    mask = masks[0]
    maps = planted_maps(mask, noise=0.0, n_levels=5, rng=np.random.default_rng(2))
    ranges = cluster_ranges(maps, 5)
    assert len(ranges) == 5
    inside = (maps > ranges[-1, 0]) & (maps < ranges[-1, 1])
    assert maps.dtype == np.float32 and not (inside & ~mask).any()
    assert (mask & ~inside).sum() == 2, "two pixels are the ends of the open range"


def test_noise_moves_that_share_of_the_pixels(masks):
    mask = masks[0]
    maps = planted_maps(mask, noise=0.3, n_levels=5, rng=np.random.default_rng(2))
    raised = maps > 9
    assert raised.sum() == mask.sum()
    assert (raised & ~mask).sum() == int(0.3 * mask.sum()) == (mask & ~raised).sum()


def test_the_seed_decides_all(masks, make_atoms):
    counts = ConceptCounts(make_atoms(masks))
    twice = [
        (
            draw_formula((OR, AND), counts, rng=np.random.default_rng(4), tries=20_000),
            planted_maps(masks[1], noise=0.2, n_levels=3, rng=np.random.default_rng(4)).tobytes(),
        )
        for _ in range(2)
    ]
    assert twice[0] == twice[1]
