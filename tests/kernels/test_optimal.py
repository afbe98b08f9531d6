from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from exhaustive import brute_force
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.atoms import AtomCollector, Atoms
from lib.kernels.beam import ConceptCounts, search_beam
from lib.kernels.formula import AND, AND_NOT, OR, Formula
from lib.kernels.optimal import Optimum, round_up, search_optimal, union_bound


def make_counts(sets, sizes, n_concepts):
    """ConceptCounts of one image whose atoms are given by their concepts and sizes."""
    collector = AtomCollector()
    collector.add(np.array(sizes, np.int64), [tuple(sorted(s)) for s in sets])
    return ConceptCounts(Atoms(pixel_atoms=np.zeros((1, 1, 1), np.uint16), n_concepts=n_concepts, **collector.tables()))


def iou(scored, values):
    return Fraction(scored.inside, int(values.sum()) + scored.size - scored.inside)


def random_problem(rng):
    n_concepts = int(rng.integers(1, 13))
    n_sets = int(rng.integers(1, 25))
    density = rng.choice([0.05, 0.2, 0.4, 0.7])
    sets = sorted({tuple(np.flatnonzero(rng.random(n_concepts) < density).tolist()) for _ in range(n_sets)})
    largest = int(rng.choice([1, 3, 30, 1000]))
    sizes = rng.integers(1, largest + 1, size=len(sets))
    counts = make_counts(sets, sizes, n_concepts)
    share = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0]) * rng.random(len(sets)) ** rng.choice([0.2, 1, 5])
    return np.minimum(np.rint(sizes * share).astype(np.int64), sizes), counts


def check(values, counts, length):
    optimum = search_optimal(values, counts, length=length, beam=3, seconds=None)
    expected = brute_force(values, counts, length)
    if expected is None:
        assert optimum.scored is None and optimum.upper_bound == 0
        assert search_beam(values, counts, length=length, beam=10**9) is None
        return
    formula, best = expected
    assert iou(optimum.scored, values) == best
    assert optimum.scored.formula == formula
    assert optimum.optimal
    assert optimum.upper_bound == round_up(best)
    holds = counts.holds(formula)
    assert optimum.scored.inside == values[holds].sum() and optimum.scored.size == counts.sizes[holds].sum()
    unlimited = search_beam(values, counts, length=length, beam=10**9)
    assert unlimited.formula == formula and iou(unlimited, values) == best
    beam = search_beam(values, counts, length=length, beam=3)
    assert iou(beam, values) <= best
    lazy = search_optimal(values, counts, length=length, beam=3, seconds=0)
    assert lazy.scored == beam and not lazy.optimal
    assert Fraction(lazy.upper_bound) >= best
    assert union_bound(values, counts.sizes, np.diff(counts.set_start) > 0) >= best


def adversarial_sets(kind, n_concepts, rng):
    """Concept sets that hold nested, identical, disjoint, empty or no concepts, or anything."""
    if kind == "nested":
        return [range(k) for k in range(n_concepts + 1)]
    if kind == "identical":
        return [range(n_concepts), [], range(0, n_concepts, 2)]
    if kind == "disjoint":
        return [[], *([c] for c in range(n_concepts))]
    if kind == "single atom":
        return [np.flatnonzero(rng.random(n_concepts) < 0.5)]
    used = max(1, n_concepts // 2) if kind == "empty concepts" else n_concepts
    density = rng.choice([0.05, 0.2, 0.4, 0.7])
    return [np.flatnonzero(rng.random(used) < density) for _ in range(rng.integers(1, 25))]


@st.composite
def adversarial_problems(draw):
    """Up to 12 concepts; sizes from 1 pixel, where ties abound, to 1000; bitmaps from none to all of the pixels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_concepts = draw(st.integers(1, 12))
    kinds = ("any", "any", "nested", "identical", "disjoint", "single atom", "empty concepts")
    sets = sorted({tuple(int(c) for c in s) for s in adversarial_sets(draw(st.sampled_from(kinds)), n_concepts, rng)})
    sizes = rng.integers(1, draw(st.sampled_from([1, 3, 30, 1000])) + 1, size=len(sets))
    bitmap = draw(st.sampled_from(["empty", "full", "sparse", "any", "any"]))
    share = {"empty": 0, "full": 1, "sparse": rng.random(len(sets)) < 0.2, "any": rng.random(len(sets))}[bitmap]
    return np.minimum(np.rint(sizes * share).astype(np.int64), sizes), make_counts(sets, sizes, n_concepts)


@given(adversarial_problems(), st.sampled_from([1, 2, 3, 3]))
@settings(max_examples=2000, deadline=None)
def test_equals_brute_force_over_all_formulas(problem, length):
    check(*problem, length)


CASES = {
    "empty bitmap": ([{0}, {1}], [4, 5], [0, 0], 2),
    "bitmap apart from all concepts": ([{0}, set()], [4, 5], [0, 5], 2),
    "full bitmap": ([{0}, {1}, {0, 2}, set()], [4, 5, 3, 2], [4, 5, 3, 2], 3),
    "nested": ([{0}, {0, 1}, {0, 1, 2}, {0, 1, 2, 3}], [9, 7, 5, 3], [0, 6, 5, 1], 4),
    "identical": ([{0, 1, 2}, {3, 4}, set()], [9, 7, 5], [4, 4, 0], 5),
    "disjoint": ([{0}, {1}, {2}, {3}, {4}], [9, 7, 5, 3, 2], [5, 5, 5, 1, 0], 5),
    "concepts without pixels": ([{1}, {1, 4}], [9, 7], [1, 6], 6),
    "single atom": ([{0}], [9], [3], 1),
    "pairs that meet only two by two": (
        [{0, 1}, {1, 2}, {0, 2}, {0}, {1}, {2}],
        [9, 8, 7, 9, 9, 9],
        [0, 1, 7, 9, 9, 1],
        3,
    ),
    "large negative overlap": ([{0}, {1}, {0, 1}, {2}], [10, 10, 1000, 50], [10, 10, 0, 9], 3),
}


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_edge_cases(name, length):
    sets, sizes, values, n_concepts = CASES[name]
    check(np.array(values, np.int64), make_counts(sets, sizes, n_concepts), length)


@pytest.mark.parametrize(
    ("operators", "values"),
    [
        ((OR, OR), [1, 1, 1, 1, 1, 1, 1]),
        ((OR, AND), [0, 0, 0, 0, 1, 1, 1]),
        ((OR, AND_NOT), [1, 1, 0, 1, 0, 0, 0]),
        ((AND, OR), [0, 0, 1, 1, 1, 1, 1]),
        ((AND, AND), [0, 0, 0, 0, 0, 0, 1]),
        ((AND, AND_NOT), [0, 0, 0, 1, 0, 0, 0]),
        ((AND_NOT, OR), [1, 0, 1, 0, 1, 1, 1]),
        ((AND_NOT, AND_NOT), [1, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_finds_each_kind_of_formula(operators, values):
    sets = [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}, {3}]
    sizes = np.array([5, 6, 7, 8, 9, 10, 11, 12], np.int64)
    optimum = search_optimal(
        np.array([*values, 0]) * sizes, make_counts(sets, sizes, 4), length=3, beam=1, seconds=None
    )
    assert optimum.scored.iou == 1
    assert optimum.scored.formula == Formula((0, 1, 2), operators)


def test_large_counts_stay_exact():
    rng = np.random.default_rng(3)
    sets = sorted({tuple(np.flatnonzero(rng.random(8) < 0.4).tolist()) for _ in range(40)})
    sizes = rng.integers(1, 2**22, size=len(sets))
    counts = make_counts(sets, sizes, 8)
    for _ in range(20):
        check(rng.integers(0, sizes + 1), counts, 3)


def test_counts_beyond_int64_weights_are_not_claimed_optimal():
    sizes = np.array([2**40, 2**40 + 1, 2**41], np.int64)
    counts = make_counts([{0}, {1}, {0, 1}], sizes, 2)
    optimum = search_optimal(sizes // 2, counts, length=3, beam=3, seconds=None)
    assert not optimum.optimal and optimum.upper_bound >= optimum.scored.iou


def exhaustive_iou(values, counts, length):
    """Largest IoU over all formulas of distinct concepts up to any length, by the sets of concept sets they cover."""
    masks = [sum(1 << int(row) for row in np.flatnonzero(counts.concept_sets(c))) for c in range(counts.n_concepts)]
    level = {(1 << c, mask) for c, mask in enumerate(masks)}
    every = set(level)
    for _ in range(length - 1):
        level = {
            (used | 1 << c, new)
            for used, covered in level
            for c, mask in enumerate(masks)
            if not used >> c & 1
            for new in (covered | mask, covered & mask, covered & ~mask)
        }
        every |= level
    n_bitmap, best = int(values.sum()), Fraction(0)
    for covered in {covered for _, covered in every}:
        rows = [row for row in range(counts.n_sets) if covered >> row & 1]
        inside, size = int(values[rows].sum()), int(counts.sizes[rows].sum())
        best = max(best, Fraction(inside, n_bitmap + size - inside))
    return best


@pytest.mark.parametrize("length", range(4, 11))
def test_longer_formulas_are_proved_on_small_problems(length):
    rng = np.random.default_rng(length)
    for n_concepts in (2, 4, 5, 5):
        sets = sorted({tuple(np.flatnonzero(rng.random(n_concepts) < 0.5).tolist()) for _ in range(14)})
        sizes = rng.integers(1, 30, size=len(sets))
        values = rng.integers(0, sizes + 1)
        counts = make_counts(sets, sizes, n_concepts)
        best = exhaustive_iou(values, counts, length)
        optimum = search_optimal(values, counts, length=length, beam=2, seconds=None)
        assert optimum.optimal and iou(optimum.scored, values) == best
        assert Fraction(optimum.upper_bound) >= best
        assert optimum.scored.formula.length <= min(length, n_concepts)
        beam = search_beam(values, counts, length=length, beam=2)
        for seconds in (0, 0.002):
            ended = search_optimal(values, counts, length=length, beam=2, seconds=seconds)
            assert Fraction(ended.upper_bound) >= best
            assert iou(ended.scored, values) >= iou(beam, values)
        lazy = search_optimal(values, counts, length=length, beam=2, seconds=0)
        assert lazy.scored == beam and not lazy.optimal


@pytest.mark.parametrize("length", [4, 7, 10])
def test_a_budget_on_a_large_problem_keeps_the_beam_and_a_valid_bound(length):
    rng = np.random.default_rng(length)
    sets = sorted({tuple(np.flatnonzero(rng.random(60) < 0.08).tolist()) for _ in range(400)})
    sizes = rng.integers(1, 500, size=len(sets))
    values = rng.binomial(sizes, 0.2)
    counts = make_counts(sets, sizes, 60)
    beam = search_beam(values, counts, length=length, beam=5)
    for seconds in (0, 0.1):
        optimum = search_optimal(values, counts, length=length, beam=5, seconds=seconds)
        assert iou(optimum.scored, values) >= iou(beam, values) and (seconds or not optimum.optimal)
        assert optimum.scored.iou <= optimum.upper_bound < 1


def test_counts_above_32_bits_are_summed_in_64():
    rng = np.random.default_rng(4)
    sets = sorted({tuple(np.flatnonzero(rng.random(6) < 0.4).tolist()) for _ in range(20)})
    sizes = rng.integers(2**31, 2**33, size=len(sets))
    counts = make_counts(sets, sizes, 6)
    values = rng.integers(0, sizes + 1)
    best = exhaustive_iou(values, counts, 3)
    beam = search_beam(values, counts, length=3, beam=10**6)
    assert iou(beam, values) == best and beam.iou == float(best)
    optimum = search_optimal(values, counts, length=3, beam=1, seconds=None)
    assert best <= Fraction(optimum.upper_bound) <= 1 and optimum.scored.iou <= float(best)
    assert not optimum.optimal, "weights of these counts do not fit into 64 bits, so nothing is proved"


@pytest.mark.parametrize("length", [1, 3, 5])
def test_a_set_of_one_concept_or_none(length):
    one = make_counts([(), (0,)], [5, 4], 1)
    for search in (search_beam, partial(search_optimal, seconds=None)):
        found = search(np.array([1, 3]), one, length=length, beam=5)
        best = getattr(found, "scored", found)
        assert best.formula == Formula((0,)) and best.iou == 3 / 5
    none = make_counts([()], [9], 0)
    assert search_beam(np.array([4]), none, length=length, beam=5) is None
    assert search_optimal(np.array([4]), none, length=length, beam=5, seconds=None) == Optimum(None, 0.0, True)


def test_too_many_label_triples_are_one_clear_error():
    crowded = make_counts([range(2400)], [1], 2400)
    with pytest.raises(MemoryError, match=r"label triples do not fit.*explanations\.search to beam"):
        search_optimal(np.array([1]), crowded, length=3, beam=1, seconds=None)


def test_same_answer_twice():
    values, counts = random_problem(np.random.default_rng(8))
    first, second = (search_optimal(values, counts, length=3, beam=5, seconds=None) for _ in range(2))
    assert first == second
