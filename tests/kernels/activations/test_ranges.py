import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.activations.ranges import (
    HISTOGRAM_BINS,
    cluster_ranges,
    cluster_values,
    histogram,
    range_status,
    threshold_range,
    top_range,
    unit_status,
)


def cost(values, found):
    """Sum of squared distances to the means of the clusters whose ends are given."""
    total, n = 0.0, 0
    for low, high in found:
        members = values[(values >= low) & (values <= high)].astype(np.float64)
        total, n = total + ((members - members.mean()) ** 2).sum(), n + len(members)
    assert n == len(values), "the clusters do not cover all values once"
    return total


def least_cost(values, k):
    """Try all splits of the sorted values; equal values may be parted too, which never helps."""
    ordered = np.sort(values).astype(np.float64)
    best = np.inf
    for cuts in itertools.combinations(range(1, len(ordered)), k - 1):
        parts = np.split(ordered, cuts)
        best = min(best, sum(((part - part.mean()) ** 2).sum() for part in parts))
    return best


@given(
    st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-5, 5, width=16)), min_size=1, max_size=11),
    st.integers(1, 5),
)
@settings(max_examples=150)
def test_clusters_are_optimal(values, k):
    values = np.array(values, np.float32)
    found = cluster_values(values, k)
    distinct = len(np.unique(values))
    assert len(found) == min(k, distinct)
    assert (found[:, 0] <= found[:, 1]).all() and (found[1:, 0] > found[:-1, 1]).all()
    assert np.isin(found, values).all()
    assert cost(values, found) == pytest.approx(least_cost(values, len(found)), rel=1e-9, abs=1e-9)


def test_no_lloyd_run_beats_the_clusters_of_many_values():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(m, 0.3, 300) for m in (0, 2, 2.5, 7, 30)]).astype(np.float32)
    found = cluster_values(values, 5)
    for _ in range(30):
        centres = np.sort(rng.choice(values, 5, replace=False))
        for _ in range(40):
            nearest = np.abs(values[:, None] - centres).argmin(1)
            centres = np.array([values[nearest == j].mean() if (nearest == j).any() else centres[j] for j in range(5)])
        assert cost(values, found) <= ((values - centres[nearest]) ** 2).sum() * (1 + 1e-6)


def test_far_from_zero_the_clusters_are_still_right():
    values = np.array([1000.0, 1000.125, 1000.5, 1000.625, 1001.0], np.float32)
    assert cluster_values(values, 3).tolist() == [[1000.0, 1000.125], [1000.5, 1000.625], [1001.0, 1001.0]]


def test_zeros_are_left_out_exactly_when_no_value_is_negative():
    values = np.array([[0, 0, 0, 1], [0, 5, 5.5, 1.5]], np.float32)
    assert cluster_ranges(values, 2).tolist() == [[1.0, 1.5], [5.0, 5.5]]
    values[0, 0] = -1
    assert cluster_ranges(values, 3).tolist() == [[-1.0, 0.0], [1.0, 1.5], [5.0, 5.5]]


def test_fewer_distinct_values_than_clusters():
    assert cluster_ranges(np.array([0, 2, 2, 1], np.float32), 5).tolist() == [[1.0, 1.0], [2.0, 2.0]]
    assert cluster_ranges(np.zeros(4, np.float32), 5).shape == (0, 2)


@pytest.mark.parametrize(
    ("values", "status"),
    [([0, 0], "dead"), ([-0.0, 0.0], "dead"), ([2, 2], "constant"), ([-1, -1], "constant"), ([0, 1], "ok"),
     ([0, np.nan], "nan"), ([np.nan, np.nan], "nan"), ([0, np.inf], "nan"), ([-np.inf, 0], "nan")],
)  # fmt: skip
def test_status(values, status):
    assert unit_status(np.array(values, np.float32)) == status


def test_top_range_is_the_exact_upper_quantile_zeros_included():
    values = np.maximum(np.random.default_rng(0).normal(size=(40, 4, 4)), 0).astype(np.float32)
    assert top_range(values, 0.005) == (np.quantile(values.astype(float), 0.995), np.inf)


def test_histogram_counts_all_but_the_zeros():
    values = np.array([0, 0, -1, 3, 3, 1], np.float32)
    n_zero, counts = histogram(values)
    assert n_zero == 2 and counts.sum() == 4 and len(counts) == HISTOGRAM_BINS
    assert counts[0] == 1 and counts[-1] == 2 and counts[32] == 1
    n_zero, counts = histogram(np.zeros(3, np.float32))
    assert n_zero == 3 and not counts.any()


@pytest.mark.parametrize("share", [0.005, 0.2, 0.5, 0.8, 0.995])
def test_thresholds_are_exceeded_by_their_share_of_the_activations_that_are_not_zero(share):
    values = np.random.default_rng(0).random((10, 20, 20), np.float32)
    values[:, :10] = 0
    lower, upper = threshold_range(values, share)
    bound = lower if share <= 0.5 else upper
    assert bound == np.quantile(values[values != 0].astype(np.float64), 1 - share)
    assert (values > bound).sum() == pytest.approx(share * 2000, abs=1)
    assert (lower, upper) == ((bound, np.inf) if share <= 0.5 else (1e-6, bound))


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (0, np.inf, (2, "ok")),
        (1, 2, (0, "ok")),  # upsampled maps pass through it
        (0, 2, (1, "ok")),  # open ends
        (2, np.inf, (0, "empty")),
        (1, 1, (0, "empty")),
        (1e-6, -1, (0, "empty")),
        (np.nextafter(np.float64(np.float32(0.1)), 0), 0.5, (1, "ok")),  # bounds are not rounded to float32
    ],
)
def test_what_lies_in_a_range(lower, upper, expected):
    values = np.array([0, 1, 2] if lower != np.nextafter(np.float64(np.float32(0.1)), 0) else [0.1, 1], np.float32)
    assert range_status(values, lower, upper) == expected
