"""Neighbours and redundant groups, against a count of sets."""

import itertools

import numpy as np
import pytest

from lib.kernels.likeness import neighbours
from lib.kernels.likeness.neighbours import REDUNDANT, find_neighbours, group_redundant, incidence


def drawn(rng, n, n_features, *, most):
    return [set(rng.choice(n_features, rng.integers(0, most), replace=False).tolist()) for _ in range(n)]


def likeness(kinds, one, other):
    """Mean Jaccard index, by sets."""
    shares = [len(own[one] & own[other]) / max(1, len(own[one] | own[other])) for own in kinds]
    return sum(shares) / len(shares)


@pytest.mark.parametrize("held", [1, 100, 1 << 22])
def test_neighbours_are_those_of_sets(monkeypatch, held):
    monkeypatch.setattr(neighbours, "_HELD", held)
    rng = np.random.default_rng(0)
    n, k = 40, 5
    kinds = {"exemplars": drawn(rng, n, 30, most=8), "words": drawn(rng, n, 6, most=4)}
    for own in kinds.values():
        own[7], own[9] = own[3], own[3]  # ties
    matrices = {kind: incidence(own, n=n)[0] for kind, own in kinds.items()}
    sizes = {kind: np.array([len(found) for found in own]) for kind, own in kinds.items()}
    found = find_neighbours(matrices, sizes, k=k)
    expected, redundant = [], []
    for one in range(n):
        values = [(-likeness(kinds.values(), one, other), other) for other in range(n) if other != one]
        expected += [(one, other, -value) for value, other in sorted(values)[:k] if value < 0]
        redundant += [(one, other) for value, other in values if -value >= REDUNDANT]
    rows = list(zip(found.unit.tolist(), found.neighbour.tolist(), found.likeness.tolist(), strict=True))
    assert [row[:2] for row in rows] == [row[:2] for row in expected]
    assert [row[2] for row in rows] == pytest.approx([row[2] for row in expected])
    assert set(map(tuple, found.redundant.tolist())) == set(redundant) and redundant
    for kind, own in kinds.items():
        counted = [len(own[one] & own[other]) for one, other, _ in rows]
        assert found.shared[kind].tolist() == counted


def test_groups_have_no_chains():
    chain = [(0, 1), (1, 2), (2, 3), (3, 4)]
    clique = list(itertools.combinations((6, 7, 8, 9), 2))
    pairs = np.array([pair for edge in chain + clique for pair in (edge, edge[::-1])])
    groups = group_redundant(pairs, n=10)
    assert groups == [[6, 7, 8, 9], [1, 0, 2], [3, 4]]
    edges = {tuple(pair) for pair in pairs.tolist()}
    assert all((group[0], unit) in edges for group in groups for unit in group[1:])
    assert group_redundant(np.zeros((0, 2), int), n=3) == []
