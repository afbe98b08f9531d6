import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from lib.kernels.search.atoms import AtomCollector, Atoms
from lib.kernels.search.beam import ConceptCounts, search_beam
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula
from lib.kernels.search.optimal import round_up, search_optimal, union_bound


def make_counts(sets, sizes, n_concepts):
    """ConceptCounts of one image whose atoms are given by their concepts and sizes."""
    collector = AtomCollector()
    collector.add(np.array(sizes, np.int64), [tuple(sorted(s)) for s in sets])
    return ConceptCounts(Atoms(pixel_atoms=np.zeros((1, 1, 1), np.uint16), n_concepts=n_concepts, **collector.tables()))


def set_bits(counts):
    rows = np.repeat(np.arange(counts.n_sets), np.diff(counts.set_start))
    bits = np.zeros(counts.n_sets, np.int64)
    np.bitwise_or.at(bits, rows, np.int64(1) << counts.set_concepts)
    return bits


@njit
def _join(operator, left, right):
    if operator == 0:
        return left or right
    if operator == 1:
        return left and right
    return left and not right


@njit
def exhaustive(bits, values, sizes, n_concepts, length, exact, counts):
    """Go through all formulas in the order of preference; write the first best into `exact`, its counts into `counts`.

    Compares fractions by cross multiplication: no floats.
    """
    n_bitmap = values.sum()
    best_in, best_union = np.int64(0), np.int64(1)
    for size in range(1, length + 1):
        for code in range(n_concepts**size):
            concepts = np.zeros(3, np.int64)
            rest = code
            for i in range(size - 1, -1, -1):
                concepts[i] = rest % n_concepts
                rest //= n_concepts
            if (size > 1 and concepts[0] == concepts[1]) or (
                size > 2 and (concepts[2] == concepts[0] or concepts[2] == concepts[1])
            ):
                continue
            for operators in range(3 ** (size - 1)):
                first, second = (operators, 0) if size < 3 else (operators // 3, operators % 3)
                inside, covered = np.int64(0), np.int64(0)
                for row in range(bits.size):
                    value = bits[row] >> concepts[0] & 1 == 1
                    if size > 1:
                        value = _join(first, value, bits[row] >> concepts[1] & 1 == 1)
                    if size > 2:
                        value = _join(second, value, bits[row] >> concepts[2] & 1 == 1)
                    if value:
                        inside += values[row]
                        covered += sizes[row]
                union = n_bitmap + covered - inside
                if inside * best_union > best_in * union:
                    best_in, best_union = inside, union
                    exact[0], exact[1], exact[2] = size, first, second
                    exact[3:] = concepts
                    counts[0], counts[1] = inside, covered


def brute_force(values, counts, length):
    exact, found = np.zeros(6, np.int64), np.zeros(2, np.int64)
    exhaustive(set_bits(counts), values, counts.sizes, counts.n_concepts, length, exact, found)
    if exact[0] == 0:
        return None
    size = int(exact[0])
    formula = Formula(tuple(int(c) for c in exact[3 : 3 + size]), tuple(int(o) for o in exact[1:size]))
    inside, covered = (int(x) for x in found)
    return formula, Fraction(inside, int(values.sum()) + covered - inside)


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
        return
    formula, best = expected
    assert iou(optimum.scored, values) == best
    assert optimum.scored.formula == formula
    assert optimum.optimal
    assert optimum.upper_bound == round_up(best)
    holds = counts.holds(formula)
    assert optimum.scored.inside == values[holds].sum() and optimum.scored.size == counts.sizes[holds].sum()
    beam = search_beam(values, counts, length=length, beam=3)
    assert iou(beam, values) <= best
    lazy = search_optimal(values, counts, length=length, beam=3, seconds=0)
    assert lazy.scored == beam and not lazy.optimal
    assert Fraction(lazy.upper_bound) >= best
    assert union_bound(values, counts.sizes, np.diff(counts.set_start) > 0) >= best


KINDS = ("any", "nested", "identical", "disjoint", "empty concepts", "single atom")
BITMAPS = ("any", "empty", "full", "one formula", "all but one pixel")


@st.composite
def problems(draw):
    """Return concept sets, their sizes, the bitmap's pixels in each, and the number of concepts: up to 12, of all odd kinds."""
    n_concepts = draw(st.integers(1, 12))
    kind = draw(st.sampled_from(KINDS))
    concept = st.integers(0, n_concepts - 1)
    if kind == "nested":
        sets = [frozenset(range(n)) for n in draw(st.sets(st.integers(0, n_concepts), min_size=1, max_size=10))]
    elif kind == "identical":
        half = draw(st.integers(0, n_concepts - 1))
        sets = [frozenset(range(half)), frozenset(range(half, n_concepts)), frozenset()]
        sets = sorted(set(sets), key=sorted)
    elif kind == "disjoint":
        sets = [frozenset([c]) for c in range(n_concepts)] + [frozenset()]
    elif kind == "single atom":
        sets = [draw(st.frozensets(concept))]
    else:
        used = st.integers(0, n_concepts // 2) if kind == "empty concepts" else concept
        sets = draw(st.lists(st.frozensets(used), min_size=1, max_size=16, unique=True))
    sizes = [draw(st.sampled_from([1, 2, 3, 7, 50])) for _ in sets]
    bitmap = draw(st.sampled_from(BITMAPS))
    if bitmap == "empty":
        values = [0] * len(sizes)
    elif bitmap == "full":
        values = list(sizes)
    elif bitmap == "one formula":
        a, b = draw(concept), draw(concept)
        values = [size if (a in held or b in held) else 0 for held, size in zip(sets, sizes)]
    elif bitmap == "all but one pixel":
        values = [*sizes[:-1], sizes[-1] - 1]
    else:
        values = [draw(st.integers(0, size)) for size in sizes]
    return sets, sizes, values, n_concepts


@given(problems(), st.integers(1, 3))
@settings(max_examples=2000)
def test_equals_brute_force_over_all_formulas(problem, length):
    sets, sizes, values, n_concepts = problem
    check(np.array(values, np.int64), make_counts(sets, sizes, n_concepts), length)


@given(problems(), st.integers(1, 3))
@settings(max_examples=2000)
def test_a_beam_of_unlimited_width_equals_brute_force_too(problem, length):
    sets, sizes, values, n_concepts = problem
    values, counts = np.array(values, np.int64), make_counts(sets, sizes, n_concepts)
    found = search_beam(values, counts, length=length, beam=10**6)
    expected = brute_force(values, counts, length)
    assert (found is None) == (expected is None)
    if expected:
        assert (found.formula, iou(found, values)) == expected


def test_equals_brute_force_on_many_random_problems():
    rng = np.random.default_rng(5)
    for _ in range(2000):
        values, counts = random_problem(rng)
        check(values, counts, 3)


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


def exhaustive_ious(values, counts, length):
    """Largest IoU over all formulas up to any length, by dense sets of truth vectors."""
    masks = [counts.concept_sets(c) for c in range(counts.n_concepts)]
    level = {m.tobytes(): m for m in masks}
    every = dict(level)
    for _ in range(length - 1):
        grown = {}
        for value, mask in itertools.product(level.values(), masks):
            for new in (value | mask, value & mask, value & ~mask):
                grown.setdefault(new.tobytes(), new)
        level = grown
        every.update(grown)
    n_bitmap = int(values.sum())
    return max(
        Fraction(int(values[m].sum()), n_bitmap + int(counts.sizes[m].sum() - values[m].sum())) for m in every.values()
    )


@pytest.mark.parametrize("length", [4, 5, 6, 8, 10])
def test_longer_formulas_are_proved_on_small_problems(length):
    rng = np.random.default_rng(11)
    for _ in range(12):
        n_concepts = 5
        sets = sorted({tuple(np.flatnonzero(rng.random(n_concepts) < 0.5).tolist()) for _ in range(14)})
        sizes = rng.integers(1, 30, size=len(sets))
        values = rng.integers(0, sizes + 1)
        counts = make_counts(sets, sizes, n_concepts)
        best = exhaustive_ious(values, counts, length)
        optimum = search_optimal(values, counts, length=length, beam=2, seconds=None)
        assert optimum.optimal and iou(optimum.scored, values) == best
        assert optimum.scored.formula.length <= length
        assert optimum.upper_bound == round_up(best)
        for seconds in (0, 0.002):
            partial = search_optimal(values, counts, length=length, beam=2, seconds=seconds)
            assert Fraction(partial.upper_bound) >= best
            assert iou(partial.scored, values) >= iou(search_beam(values, counts, length=length, beam=2), values)


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


def test_too_many_label_triples_are_one_clear_error():
    crowded = make_counts([range(2400)], [1], 2400)
    with pytest.raises(MemoryError, match=r"label triples do not fit.*explanations\.search to beam"):
        search_optimal(np.array([1]), crowded, length=3, beam=1, seconds=None)


def test_same_answer_twice():
    values, counts = random_problem(np.random.default_rng(8))
    first, second = (search_optimal(values, counts, length=3, beam=5, seconds=None) for _ in range(2))
    assert first == second


def test_any_start_gives_the_same_proved_answer():
    rng = np.random.default_rng(9)
    for _ in range(200):
        values, counts = random_problem(rng)
        concepts = rng.choice(counts.n_concepts, size=min(3, counts.n_concepts), replace=False).tolist()
        start = Formula(tuple(concepts), tuple(rng.integers(0, 3, len(concepts) - 1).tolist()))
        found = search_optimal(values, counts, length=3, beam=1, seconds=None, start=start)
        assert found == search_optimal(values, counts, length=3, beam=5, seconds=None)
        unproved = search_optimal(values, counts, length=3, beam=5, seconds=0, start=start)
        held = counts.holds(start)
        assert unproved.scored is None or not values[held].sum() or unproved.scored.formula == start
