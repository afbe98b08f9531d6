"""The activations of a unit in bins against all of them."""

import numpy as np
import pytest

from lib.kernels.activations import unit_values
from lib.kernels.activations.unit_values import BinnedValues, ExactValues, collect_values

BIN = 2.0**-15


class Blocks:
    """Blocks of values with a shape, as the maps of a unit have."""

    def __init__(self, *parts):
        self._parts, self.shape = parts, (sum(map(len, parts)), *parts[0].shape[1:])

    def __iter__(self):
        return iter(self._parts)


def both(values, *, quantile=0.005, parts=3):
    blocks = np.array_split(values, parts)
    return ExactValues([values]), BinnedValues(blocks, n_values=values.size, quantile=quantile)


def draw(kind, n=40_000, seed=0):
    values = np.random.default_rng(seed).normal(size=(n // 16, 4, 4)).astype(np.float32)
    return np.maximum(values, 0) if kind == "rectified" else values * 1e-6 if kind == "small" else values


@pytest.mark.parametrize("kind", ["rectified", "signed", "small"])
def test_bins_agree_with_all_values(kind):
    exact, binned = both(draw(kind))
    assert binned.status == exact.status == "ok" and binned.bounds == exact.bounds
    assert binned.top_range(0.005) == exact.top_range(0.005)
    found, expected = binned.cluster_ranges(5), exact.cluster_ranges(5)
    assert len(found) == len(expected) == 5
    flat = draw(kind).reshape(-1)
    for (lower, upper, n, status), (true_lower, true_upper, _, _) in zip(found, expected):
        np.testing.assert_allclose([lower, upper], [true_lower, true_upper], rtol=4 * BIN)
        assert {np.float32(lower), np.float32(upper)} <= set(flat), "ends are values that occur"
        assert n == ((flat > lower) & (flat < upper)).sum() and status == "ok"
    n_zero, counts = binned.histogram()
    assert n_zero == exact.histogram()[0] and abs(counts - exact.histogram()[1]).sum() <= 20
    for share in (0.005, 0.2, 0.8, 0.995):
        np.testing.assert_allclose(binned.threshold_range(share)[:2], exact.threshold_range(share)[:2], rtol=4 * BIN)


def test_few_values_are_clustered_exactly():
    values = np.repeat(np.float32([0, -0.0, 1, 1.5, 2, 7, 7.25, 30]), 5)
    exact, binned = both(values, parts=7)
    assert binned.cluster_ranges(3) == exact.cluster_ranges(3)
    assert binned.cluster_ranges(50) == exact.cluster_ranges(50)
    assert binned.histogram()[0] == 10


@pytest.mark.parametrize(
    ("values", "status"), [([0, 0], "dead"), ([2, 2], "constant"), ([1, np.nan], "nan"), ([np.inf, 1], "nan")]
)
def test_units_that_cannot_be_explained(values, status):
    exact, binned = both(np.float32(values), parts=2)
    assert exact.status == binned.status == status
    if status != "nan":
        assert binned.top_range(0.005) == exact.top_range(0.005)
        np.testing.assert_array_equal(binned.histogram()[1], exact.histogram()[1])


def test_many_values_are_binned(monkeypatch):
    values = draw("rectified")
    maps = Blocks(*np.array_split(values, 4))
    exact = collect_values(maps)
    assert isinstance(exact, ExactValues)
    monkeypatch.setattr(unit_values, "MOST_EXACT_VALUES", values.size - 1)
    binned = collect_values(maps, quantile=0.01)
    assert isinstance(binned, BinnedValues) and binned.top_range(0.01) == exact.top_range(0.01)
