import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lib.kernels.activations.quantiles import UpperTail, exact_quantile

SWEEP = (0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 0.995)
floats = st.floats(-1e6, 1e6, width=32)
arrays = hnp.arrays(np.float32, st.integers(1, 60), elements=st.one_of(floats, st.sampled_from([0.0, 1.0, 2.5])))


@given(arrays, st.one_of(st.sampled_from((0.0, 1.0, *SWEEP, *(1 - q for q in SWEEP))), st.floats(0, 1)))
@settings(max_examples=300)
def test_exact_quantile_equals_numpy_to_the_last_bit(values, q):
    assert exact_quantile(values, q) == np.quantile(values.astype(np.float64), q)


@pytest.mark.parametrize("q", SWEEP)
def test_exact_quantile_of_many_values(q):
    values = np.maximum(np.random.default_rng(0).normal(size=(50, 7, 7)), 0).astype(np.float32)
    before = values.copy()
    for tail in (q, 1 - q):
        assert exact_quantile(values, tail) == np.quantile(values.astype(np.float64), tail)
    assert (values == before).all()


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 50)), elements=floats),
    st.floats(0.001, 0.999),
    st.lists(st.integers(0, 50), max_size=8),
)
@settings(max_examples=300)
def test_upper_tail_equals_hazen_for_any_split(values, q, cuts):
    tail = UpperTail(*values.shape, q)
    for part in np.split(values, sorted(min(cut, values.shape[1]) for cut in cuts), axis=1):
        tail.add(part[None])
    expected = np.quantile(values.astype(np.float64), q, axis=1, method="hazen")
    np.testing.assert_allclose(tail.quantile(), expected, rtol=1e-12, atol=1e-12 * max(1.0, np.abs(values).max()))


def test_the_split_changes_no_bit():
    values = np.random.default_rng(1).normal(size=(5, 3000)).astype(np.float32)
    found = []
    for size in (1, 7, 100, 3000):
        tail = UpperTail(5, 3000, 0.99)
        for first in range(0, 3000, size):
            tail.add(values[None, :, first : first + size])
        found.append(tail.quantile())
    assert all((other == found[0]).all() for other in found)


def test_thresholds_of_many_positions_are_exact_and_draw_no_random_numbers():
    """D25: beyond 8192 positions the published thresholds depend on a global random state."""
    values = np.random.default_rng(4).normal(size=(20, 3, 1000)).astype(np.float32)
    found = []
    for seed in (0, 1):
        np.random.seed(seed)
        before = np.random.get_state()[1].copy()
        tail = UpperTail(3, 20 * 1000, 0.99)
        for part in np.split(values, 5):
            tail.add(part)
        found.append(tail.quantile())
        assert (np.random.get_state()[1] == before).all()
    joined = values.transpose(1, 0, 2).reshape(3, -1).astype(np.float64)
    np.testing.assert_array_equal(found, [np.quantile(joined, 0.99, axis=1, method="hazen")] * 2)


def test_equal_and_infinite_values():
    values = np.full((2, 40), -np.inf, np.float32)
    values[1] = 3.0
    tail = UpperTail(2, 40, 0.9)
    tail.add(values[None])
    assert tail.quantile().tolist() == [-np.inf, 3.0]


def test_a_wrong_number_of_values_is_refused():
    tail = UpperTail(2, 10, 0.9)
    tail.add(np.zeros((1, 2, 9), np.float32))
    with pytest.raises(ValueError, match="9 values per unit were added, 10 were announced"):
        tail.quantile()


def test_many_blocks_and_nan_as_the_smallest_value():
    values = np.random.default_rng(2).normal(size=(7, 3, 100)).astype(np.float32)
    values[np.random.default_rng(3).random(values.shape) < 0.01] = np.nan
    tail = UpperTail(3, 700, 0.9)
    tail.add(values[:4])
    tail.add(values[4:])
    joined = np.nan_to_num(values.transpose(1, 0, 2).reshape(3, -1), nan=-np.inf)
    expected = UpperTail(3, 700, 0.9)
    expected.add(joined[None])
    np.testing.assert_array_equal(tail.quantile(), expected.quantile())
    np.testing.assert_array_equal(tail.quantile(), np.quantile(joined.astype(np.float64), 0.9, axis=1, method="hazen"))
