"""The bounds and the beam search of the paper of 2026, against dense masks and a plain-Python twin of the search."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_estimates import problems, random_problem, set_up

from lib.kernels.estimates.estimator import Estimator
from lib.kernels.estimates.guided import search_beam_optimal
from lib.kernels.estimates.searches import SEARCHES, run_search
from lib.kernels.search.beam import search_beam
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, canonical, evaluate

OPERATORS = (OR, AND, AND_NOT)


def dense_bound(formula, operator, concept, masks, bitmap, *, per_image):
    """The largest IoU by the paper's interval rules, written out on dense masks."""
    n_held = masks.sum(axis=0)
    left = evaluate(formula, masks)

    def apart(a, b):
        return not (masks[a] & masks[b]).any()

    disjoint = apart(formula.concepts[0], concept)
    for joint, other in zip(formula.operators, formula.concepts[1:]):
        if joint == OR:
            disjoint = disjoint and apart(other, concept)
        elif joint == AND:
            disjoint = disjoint or apart(other, concept)
    images = [[image] for image in range(len(bitmap))] if per_image else [list(range(len(bitmap)))]
    inside = outside = 0
    for part in images:
        b, one, many = bitmap[part], n_held[part] == 1, n_held[part] > 1
        f, c = left[part], masks[concept][part]
        in_one, in_many, out_one, out_many = [
            tuple(int((mask & side & kind).sum()) for mask in (f, c)) for side in (b, ~b) for kind in (one, many)
        ]
        room_in, room_out = int((b & many).sum()), int((~b & many).sum())
        if operator == OR:
            inside += sum(in_one) + (sum(in_many) if disjoint else min(sum(in_many), room_in))
            outside += sum(out_one) + (sum(out_many) if disjoint else max(out_many))
        elif operator == AND:
            inside += 0 if disjoint else min(in_many)
            outside += 0 if disjoint else max(0, sum(out_many) - room_out)
        else:
            inside += in_one[0] + (in_many[0] if disjoint else min(in_many[0], room_in - in_many[1]))
            outside += out_one[0] + (out_many[0] if disjoint else max(0, out_many[0] - out_many[1]))
    return inside / (int(bitmap.sum()) + outside)


def some_formulas(n_concepts):
    """Every formula of one concept, and some of two and three different ones."""
    for length in range(1, min(3, n_concepts) + 1):
        for concepts in itertools.islice(itertools.permutations(range(n_concepts), length), 6):
            for operators in itertools.islice(itertools.product(OPERATORS, repeat=length - 1), 4):
                yield Formula(concepts, operators)


@given(problem=problems)
@settings(max_examples=60)
def test_the_bounds_are_those_of_the_paper(make_atoms, problem):
    masks, bitmap = problem
    if not bitmap.any():
        return
    per_atom, occurrences = set_up(make_atoms, problem)
    for name in ("diou_sum", "diou_sample"):
        estimator = Estimator(per_atom, occurrences, estimate=name)
        for formula in some_formulas(len(masks)):
            found = estimator.bounds(formula)
            for concept in range(len(masks)):
                for operator in OPERATORS:
                    expected = 1.0
                    if concept not in formula.concepts:
                        per_image = name == "diou_sample"
                        expected = dense_bound(formula, operator, concept, masks, bitmap, per_image=per_image)
                    assert found[operator, concept] == expected, (name, formula, operator, concept)


def plain_beam_optimal(masks, bitmap, *, length, beam):
    """The published search on dense masks, scoring every candidate; returns its IoU and what it may extend."""

    def iou(formula):
        mask = evaluate(formula, masks)
        return (mask & bitmap).sum() / (mask | bitmap).sum()

    kept = sorted((-iou(Formula((c,))), 1, (c,), ()) for c in range(len(masks)) if (masks[c] & bitmap).any())
    kept = kept[: 2 * beam if length > 1 else 1]
    expanded = estimated = 0
    for step in range(2, length + 1):
        n_best = beam if step < length else 1
        parents = [entry for entry in kept if entry[1] == step - 1]
        kept = kept[:n_best]
        expanded += len(parents)
        found = []
        for _, _, concepts, operators in parents:
            for concept in set(range(len(masks))) - set(concepts):
                for operator in OPERATORS:
                    estimated += 1
                    formula = Formula((*concepts, concept), (*operators, operator))
                    if iou(formula):
                        found.append((-iou(formula), step, formula.concepts, formula.operators))
        for entry in sorted(found):
            keys = [canonical(Formula(*old[2:])) for old in kept]
            if canonical(Formula(*entry[2:])) in keys or (len(kept) == n_best and entry[0] >= kept[-1][0]):
                continue
            kept = sorted([*kept, entry])[:n_best]
    return (-kept[0][0] if kept else None), expanded, estimated


@given(problem=problems, length=st.integers(1, 3), beam=st.integers(1, 3))
@settings(max_examples=100)
def test_beam_optimal_finds_the_iou_of_the_plain_search(make_atoms, problem, length, beam):
    masks, bitmap = problem
    per_atom, occurrences = set_up(make_atoms, problem)
    visit = search_beam_optimal(per_atom, occurrences, length=length, beam=beam)
    if not bitmap.any():
        assert visit.scored is None
        return
    iou, expanded, estimated = plain_beam_optimal(masks, bitmap, length=length, beam=beam)
    assert (visit.scored.iou if visit.scored else None) == iou
    if length <= 2:
        # above, the order of formulas of one IoU decides which are extended
        assert (visit.expanded, visit.estimated) == (expanded, estimated)
    if visit.scored:
        mask = evaluate(visit.scored.formula, masks)
        assert visit.scored.inside == (mask & bitmap).sum() and visit.scored.size == mask.sum()


def test_beam_optimal_extends_the_newest_formulas_only(make_atoms):
    """A best single concept that no pair beats ends the search, where the exact beam goes on extending it."""
    masks = np.zeros((3, 1, 4, 4), bool)
    masks[0, 0, :2], masks[1, 0, 2], masks[2, 0, 3] = True, True, True
    per_atom, occurrences = set_up(make_atoms, (masks, masks[0]))
    visit = search_beam_optimal(per_atom, occurrences, length=4, beam=1)
    assert visit.scored.formula == Formula((0,)) and visit.scored.iou == 1
    # two other concepts share nothing with the bitmap or with the formula: no extension is worth a visit
    assert (visit.visited, visit.expanded, visit.estimated) == (0, 1, 6)


def test_every_search_says_what_it_visits(make_atoms):
    per_atom, occurrences = set_up(make_atoms, random_problem(5, 12, 12, "rectangles"))
    options = {"length": 3, "beam": 3, "seconds": None}
    found = {name: run_search(name, per_atom, occurrences, **options) for name in SEARCHES}
    atoms = occurrences.atoms
    values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
    best = search_beam(values, occurrences.counts, length=3, beam=3)
    for name in ("none", "areas", "cfh", "mmesh", "diou_sum", "diou_sample", "beam"):
        assert found[name].scored == best and found[name].upper_bound is None and not found[name].optimal
        assert found[name].expanded == 9 and found[name].estimated == found["none"].estimated
        assert found[name].visited <= found["none"].visited
    assert found["beam"].visited == found["none"].visited == found["none"].estimated
    optimal = found["optimal"]
    assert optimal.optimal and optimal.upper_bound == optimal.scored.iou >= best.iou
    n_triples = sum(1 for a, b, c in itertools.combinations(range(12), 3) if _share(occurrences, a, b, c))
    assert optimal.expanded >= 1 and optimal.estimated == optimal.expanded * (12 + 66 + n_triples)
    assert optimal.visited == found["beam"].visited + optimal.expanded
    longer = run_search("optimal", per_atom, occurrences, length=4, beam=3, seconds=0)
    assert (longer.visited, longer.expanded, longer.estimated) == (None, None, None)
    empty = run_search("optimal", np.zeros_like(per_atom), occurrences, **options)
    assert empty.scored is None and run_search("beam", np.zeros_like(per_atom), occurrences, **options).visited == 0
    single = {name: run_search(name, per_atom, occurrences, length=1, beam=3, seconds=None) for name in SEARCHES}
    assert {single[name].visited for name in SEARCHES if name != "optimal"} == {12}
    assert single["optimal"].estimated == 12 * single["optimal"].expanded
    with pytest.raises(ValueError, match="no search 'guess'; there are none, areas"):
        run_search("guess", per_atom, occurrences, **options)


def _share(occurrences, *concepts):
    together = np.logical_and.reduce([occurrences.counts.concept_sets(concept) for concept in concepts])
    return bool(together.any())
