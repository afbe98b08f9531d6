import numpy as np
import pytest

from lib.kernels.metrics.masking import noisy_mask, range_similarity

INF = float("inf")


def test_the_formula_stays_and_the_rest_is_noise():
    inside = np.array([[True, False], [False, True]])
    noise = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
    found = noisy_mask(inside, noise)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([[1, 0.2], [0.3, 1]], np.float32))


@pytest.mark.parametrize(
    ("before", "after", "bounds", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], (-INF, INF), 1),
        ([1, 2, 3], [-1, -2, -3], (-INF, INF), -1),
        ([3, 4, 9], [4, 3, 0], (2, 9), 24 / 25),  # the end is open: 9 counts neither before nor after
        ([3, 4, 9], [4, 3, 7], (2, 9), 24 / 25),  # the range is judged on the map before
        ([1, 0, 0], [0, 1, 0], (-INF, INF), 0),
        ([1, 2, 3], [5, 5, 5], (7, 8), 0),  # nothing in the range
        ([1, 2, 3], [0, 0, 0], (0, 8), 0),
    ],
)
def test_similarity_known_on_paper(before, after, bounds, expected):
    before, after = (np.array([values], np.float32) for values in (before, after))
    found = range_similarity(before, after, lower=np.array([bounds[0]]), upper=np.array([bounds[1]]))
    assert found.dtype == np.float64 and found.tolist() == [pytest.approx(expected, abs=1e-15)]


def test_bounds_are_not_rounded_to_float32():
    value = np.float32(0.1)
    before = np.array([[value, 1]], np.float32)
    just_below = np.nextafter(np.float64(value), 0)
    for lower, expected in ((just_below, 1.0), (np.float64(value), 0.0)):
        found = range_similarity(before, np.array([[1, 0]], np.float32), lower=np.array([lower]), upper=np.array([0.5]))
        assert found.tolist() == [expected]
