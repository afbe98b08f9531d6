"""Formulas of four and five concepts: equality with exhaustive enumeration, proofs and bounds."""

from fractions import Fraction

import numpy as np
import pytest
from numba import njit
from test_optimal import iou, make_counts

from lib.kernels.search.beam import search_beam
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula
from lib.kernels.search.optimal import round_up, search_optimal

N_BITS = 16


@njit
def _joined(mask, operator, concept):
    if operator == 0:
        return mask | concept
    return mask & concept if operator == 1 else mask & ~concept


@njit
def _operators(code, n):
    found = np.zeros(n, np.int64)
    for i in range(n - 1, -1, -1):
        found[i] = code % 3
        code //= 3
    return found


@njit
def enumerate_all(masks, inside, size, n_bitmap, length):
    """Go through all formulas of up to a length in the order of preference; return the first of the best and its counts.

    Masks are bits of concept sets, `inside` and `size` give the pixels of each of the two halves of a mask.
    """
    n = masks.size
    best = np.zeros(3 + 2 * length, np.int64)
    best_in, best_union = np.int64(0), np.int64(1)
    low = (1 << 16) - 1
    for n_concepts in range(1, length + 1):
        n_codes = 3 ** (n_concepts - 1)
        concepts = np.zeros(n_concepts, np.int64)
        operators = np.empty((n_codes, n_concepts - 1), np.int64)
        for code in range(n_codes):
            operators[code] = _operators(code, n_concepts - 1)
        # the masks of all operators after each concept, so that a change of the last concept costs one step
        prefixes = np.zeros((n_concepts, n_codes), np.int64)
        changed = 0
        while True:
            for step in range(changed, n_concepts):
                concept = masks[concepts[step]]
                for code in range(3**step):
                    prefixes[step, code] = (
                        concept if step == 0 else _joined(prefixes[step - 1, code // 3], code % 3, concept)
                    )
            for code in range(n_codes):
                mask = prefixes[n_concepts - 1, code]
                a = inside[0, mask & low] + inside[1, mask >> 16]
                b = n_bitmap + size[0, mask & low] + size[1, mask >> 16] - a
                if a * best_union > best_in * b:
                    best_in, best_union = a, b
                    best[0], best[1], best[2] = n_concepts, a, b
                    best[3 : 3 + n_concepts] = concepts
                    best[3 + length : 2 + length + n_concepts] = operators[code]
            changed = n_concepts - 1
            while changed >= 0 and concepts[changed] == n - 1:
                concepts[changed] = 0
                changed -= 1
            if changed < 0:
                break
            concepts[changed] += 1
    return best


def _table(values):
    """Sum values of up to 16 sets over each subset, whose bits are the index."""
    sums = np.zeros(1 << N_BITS, np.int64)
    for i, value in enumerate(values):
        sums[1 << i : 2 << i] = sums[: 1 << i] + value
    return sums


def enumerated(values, counts, length):
    """Return the first of the best formulas and its IoU by going through all; concepts may repeat. At most 32 sets."""
    bits = np.int64(1) << np.arange(counts.n_sets)
    masks = np.array([bits[counts.concept_sets(c)].sum() for c in range(counts.n_concepts)], np.int64)
    inside, size = (np.stack([_table(column[:N_BITS]), _table(column[N_BITS:])]) for column in (values, counts.sizes))
    best = enumerate_all(masks, inside, size, int(values.sum()), length)
    n = int(best[0])
    if not n:
        return None
    formula = Formula(tuple(best[3 : 3 + n].tolist()), tuple(best[3 + length : 2 + length + n].tolist()))
    return formula, Fraction(int(best[1]), int(best[2]))


def random_problem(rng, n_concepts):
    density = rng.choice([0.06, 0.12, 0.25, 0.5])
    sets = sorted(
        {tuple(np.flatnonzero(rng.random(n_concepts) < density).tolist()) for _ in range(int(rng.integers(8, 33)))}
    )
    sizes = rng.integers(1, int(rng.choice([2, 30, 1000])) + 1, size=len(sets))
    share = rng.choice([0.3, 0.6, 1.0]) * rng.random(len(sets)) ** rng.choice([0.2, 1, 5])
    return np.minimum(np.rint(sizes * share).astype(np.int64), sizes), make_counts(sets, sizes, n_concepts)


def check(values, counts, length):
    """Compare with all formulas; return the length of the best."""
    found = search_optimal(values, counts, length=length, beam=3, seconds=None)
    expected = enumerated(values, counts, length)
    if expected is None:
        assert found.scored is None and found.upper_bound == 0
        return 0
    formula, best = expected
    assert (found.scored.formula, iou(found.scored, values)) == (formula, best)
    assert found.optimal and found.upper_bound == round_up(best)
    holds = counts.holds(formula)
    assert found.scored.inside == values[holds].sum() and found.scored.size == counts.sizes[holds].sum()
    return formula.length


@pytest.mark.parametrize(("length", "n_concepts", "n_problems"), [(4, 26, 200), (5, 12, 200), (4, 6, 300), (5, 5, 300)])
def test_equals_enumeration_of_all_formulas(length, n_concepts, n_problems):
    rng = np.random.default_rng([length, n_concepts])
    lengths = [check(*random_problem(rng, n_concepts), length) for _ in range(n_problems)]
    assert lengths.count(length) >= n_problems // 20


@pytest.mark.parametrize(
    ("concepts", "operators"),
    [
        ((0, 1, 2, 0), (AND_NOT, OR, AND)),
        ((0, 1, 2, 3), (AND, OR, AND_NOT)),
        ((1, 0, 3, 2), (AND_NOT, AND, OR)),
        ((0, 1, 2, 3, 4), (OR, AND_NOT, OR, AND)),
        ((2, 0, 4, 1, 3), (AND, OR, AND_NOT, OR)),
    ],
)
def test_finds_a_bitmap_that_is_a_formula(concepts, operators):
    sets = [{c for c in range(5) if code >> c & 1} for code in range(32)]
    sizes = np.arange(3, 35)
    counts = make_counts(sets, sizes, 5)
    formula = Formula(concepts, operators)
    values = np.where(counts.holds(formula), counts.sizes, 0)
    found = search_optimal(values, counts, length=len(concepts), beam=1, seconds=None)
    assert found.optimal and found.scored.iou == 1
    assert check(values, counts, len(concepts)) == len(concepts)


def test_a_proof_depends_on_neither_beam_nor_start():
    rng = np.random.default_rng(17)
    for _ in range(40):
        values, counts = random_problem(rng, 9)
        length = int(rng.integers(4, 6))
        concepts = rng.choice(9, size=length, replace=False).tolist()
        start = Formula(tuple(concepts), tuple(rng.integers(0, 3, length - 1).tolist()))
        found = search_optimal(values, counts, length=length, beam=1, seconds=None, start=start)
        assert found == search_optimal(values, counts, length=length, beam=20, seconds=None)
        if found.scored:
            again = search_optimal(values, counts, length=length, beam=2, seconds=None, start=found.scored.formula)
            assert found == again


def test_a_budget_leaves_a_valid_bound_at_every_moment(monkeypatch):
    """The clock stops the search after each number of looks at it."""
    rng = np.random.default_rng(3)
    proofs = set()
    for looks in [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 10**9] * 4:
        values, counts = random_problem(rng, 10)
        length = int(rng.integers(4, 6))
        values[0] += not values.any()
        best = search_optimal(values, counts, length=length, beam=1, seconds=None)
        if best.scored is None:
            continue
        beam = search_beam(values, counts, length=length, beam=1)
        clock = iter(range(10**9))
        monkeypatch.setattr("time.monotonic", lambda clock=clock: next(clock))
        found = search_optimal(values, counts, length=length, beam=1, seconds=looks)
        monkeypatch.undo()
        assert iou(beam, values) <= iou(found.scored, values) <= iou(best.scored, values)
        assert Fraction(found.upper_bound) >= iou(best.scored, values)
        assert not found.optimal or found == best
        proofs.add(found.optimal)
    assert proofs == {True, False}


def test_counts_beyond_int64_weights_are_not_claimed_optimal():
    sizes = np.array([2**40, 2**40 + 1, 2**41, 2**39], np.int64)
    counts = make_counts([{0}, {1}, {0, 1}, {2, 3}], sizes, 4)
    found = search_optimal(sizes // 2, counts, length=4, beam=3, seconds=None)
    assert not found.optimal and found.upper_bound >= found.scored.iou
