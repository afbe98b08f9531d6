"""Neighbours and redundant groups, against a count of sets."""

import itertools

import numpy as np
import pytest

from lib.kernels.likeness import neighbours
from lib.kernels.likeness.neighbours import ALL, REDUNDANT, Likeness, find_neighbours, group_redundant, incidence


def drawn(rng, n, n_features, *, most):
    return [set(rng.choice(n_features, rng.integers(0, most), replace=False).tolist()) for _ in range(n)]


def index_of(own, one, other):
    """Jaccard index, by sets."""
    return len(own[one] & own[other]) / max(1, len(own[one] | own[other]))


@pytest.mark.parametrize("held", [1, 100, 1 << 22])
def test_neighbours_are_those_of_sets(monkeypatch, held):
    monkeypatch.setattr(neighbours, "_HELD", held)
    rng = np.random.default_rng(0)
    n, k = 40, 5
    kinds = {"exemplars": drawn(rng, n, 30, most=8), "words": drawn(rng, n, 6, most=4)}
    for own in kinds.values():
        own[7], own[9] = own[3], own[3]  # ties
    sizes = {kind: np.array([len(found) for found in own]) for kind, own in kinds.items()}
    likeness = Likeness({kind: incidence(own, n=n)[0] for kind, own in kinds.items()}, sizes)
    found, n_redundant = find_neighbours(likeness, k=k)
    assert list(found) == [ALL, "exemplars", "words"]
    mean = lambda one, other: sum(index_of(own, one, other) for own in kinds.values()) / 2  # noqa: E731
    for by, of_by in found.items():
        expected = []
        for one in range(n):
            values = [mean(one, other) if by == ALL else index_of(kinds[by], one, other) for other in range(n)]
            ranked = sorted((-values[other], -mean(one, other), other) for other in range(n) if other != one)[:k]
            expected += [(one, other, -value) for value, _, other in ranked if value < 0]
        rows = list(zip(of_by.unit.tolist(), of_by.neighbour.tolist(), of_by.likeness.tolist(), strict=True))
        assert [row[:2] for row in rows] == [row[:2] for row in expected]
        assert [row[2] for row in rows] == pytest.approx([row[2] for row in expected])
        for kind, own in kinds.items():
            assert of_by.shared[kind].tolist() == [len(own[one] & own[other]) for one, other, _ in rows]
    redundant = [[other for other in range(n) if other != one and mean(one, other) >= REDUNDANT] for one in range(n)]
    assert n_redundant.tolist() == [len(others) for others in redundant] and any(redundant)
    assert [likeness.redundant_with(one).tolist() for one in range(n)] == redundant


def grouped(pairs, n):
    """Groups of units of which these pairs are redundant."""
    partners = [sorted({b for a, b in pairs if a == one} | {a for a, b in pairs if b == one}) for one in range(n)]
    return group_redundant(np.array([len(found) for found in partners]), lambda unit: np.array(partners[unit], int))


def test_groups_have_no_chains():
    chain = [(0, 1), (1, 2), (2, 3), (3, 4)]
    clique = list(itertools.combinations((6, 7, 8, 9), 2))
    groups = grouped(chain + clique, 10)
    assert groups == [[6, 7, 8, 9], [1, 0, 2], [3, 4]]
    edges = {pair for edge in chain + clique for pair in (edge, edge[::-1])}
    assert all((group[0], unit) in edges for group in groups for unit in group[1:])
    assert grouped([], 3) == []
