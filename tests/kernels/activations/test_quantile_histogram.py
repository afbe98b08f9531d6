import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lib.kernels.activations.quantile_histogram import UpperHistogram
from lib.kernels.activations.quantiles import interpolate_order_statistics

QUANTILES = (0.01, 0.3, 0.5, 0.9, 0.99, 0.999)
LARGEST = float(np.finfo(np.float32).max)
anything = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(-1e3, 1e3, width=32),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1e-38, LARGEST, -LARGEST, 2.0**-23, 1 + 2.0**-9]),
)


def check_bound(values, q, found):
    """Compare with what the stated errors of the two order statistics allow."""
    ordered = np.sort(values.astype(np.float64))
    position = min(max(q * len(ordered) - 0.5, 0), len(ordered) - 1)
    below = int(position)
    pair = ordered[[below, min(below + 1, len(ordered) - 1)]]
    error = np.maximum(np.abs(pair) * 2.0**-9, np.abs(ordered).max() * 2.0**-23).clip(2.0**-135)
    low, high = (interpolate_order_statistics(*(pair + sign * error), position - below) for sign in (-1, 1))
    assert low <= found <= high, (q, pair, found)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 200)), elements=anything, fill=anything),
    st.one_of(st.sampled_from(QUANTILES), st.floats(0.001, 0.999)),
    st.lists(st.integers(0, 200), max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_any_values_in_any_parts_are_within_the_bound(values, q, cuts):
    one, merged, stream = (UpperHistogram(*values.shape, q) for _ in range(3))
    one.add(values[None])
    for part in np.split(values, sorted(min(cut, values.shape[1]) for cut in cuts), axis=1):
        own = UpperHistogram(*values.shape, q)
        own.add(part[None])
        merged.merge(own.state())
        stream.add(part[None])
    for row, found in zip(values, one.quantile()):
        check_bound(row, q, found)
    assert one.quantile().tobytes() == merged.quantile().tobytes() == stream.quantile().tobytes()


@pytest.mark.parametrize("order", ["as drawn", "ascending", "descending", "small last"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(size=60000),
        lambda rng: np.maximum(rng.normal(-2.8, size=60000), 0),  # the quantile is that of nearly all zeros
        lambda rng: rng.normal(-50, size=60000),
        lambda rng: np.exp(rng.normal(0, 12, size=60000)),
        lambda rng: np.where(rng.random(60000) < 1e-3, 1e30, rng.normal(size=60000)),  # few values dwarf the others
        lambda rng: np.where(rng.random(60000) < 0.5, 1.0, np.nextafter(np.float32(1), np.float32(0))),
        lambda rng: np.full(60000, 1 / 3),
    ],
)
def test_long_streams_with_a_floor(draw, order):
    values = draw(np.random.default_rng(0)).astype(np.float32)
    if order == "small last":
        values = np.concatenate([values[values > np.median(values)], values[values <= np.median(values)]])
    elif order != "as drawn":
        values = np.sort(values)[:: 1 if order == "ascending" else -1]
    for q in (0.5, 0.99, 0.999):
        found = []
        for n_parts in (1, 2, 7):
            merged = UpperHistogram(1, len(values), q)
            for part in np.array_split(values, n_parts):
                own = UpperHistogram(1, len(values), q)
                for block in np.array_split(part, 9):
                    own.add(block[None, None])
                merged.merge(own.state())
            found.append(merged.quantile()[0])
        assert len(set(found)) == 1
        check_bound(values, q, found[0])


def test_nan_counts_as_the_smallest_value_and_infinities_as_themselves():
    values = np.array([[np.nan] * 6 + [1, 2, 3, 4], [-np.inf] * 6 + [np.inf] * 4, [5] * 9 + [np.nan]], np.float32)
    low, high = UpperHistogram(3, 10, 0.3), UpperHistogram(3, 10, 0.8)
    for histogram in (low, high):
        histogram.add(values[None])
    assert low.quantile()[:2].tolist() == [-np.inf, -np.inf]
    assert high.quantile()[1] == np.inf
    np.testing.assert_allclose(high.quantile()[[0, 2]], [2.5, 5], rtol=2**-9)


def test_a_wrong_number_of_values_is_refused():
    histogram = UpperHistogram(2, 10, 0.9)
    histogram.add(np.zeros((1, 2, 9), np.float32))
    with pytest.raises(ValueError, match="9 values per unit were added, 10 were announced"):
        histogram.quantile()
