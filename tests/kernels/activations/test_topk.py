import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.activations.topk import TopImages


def naive(pooled, k):
    ids, values = [], []
    for column in pooled.T:
        clean = [(-np.inf if np.isnan(v) else float(v)) for v in column]
        order = sorted(range(len(clean)), key=lambda i: (-clean[i], i))[:k]
        ids.append(order)
        values.append([clean[i] for i in order])
    return np.array(ids), np.array(values)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.lists(st.integers(1, 6), min_size=1, max_size=6))
@settings(max_examples=120)
def test_equals_a_full_sort_for_any_batches(seed, k, sizes):
    rng = np.random.default_rng(seed)
    pooled = rng.integers(-2, 3, (sum(sizes), 4)).astype(np.float32)  # many ties
    pooled[rng.random(pooled.shape) < 0.1] = np.nan
    top, first = TopImages(4, k), 0
    held = np.full((4, k), -1)  # what a caller keeps of each image: here its number
    for size in sizes:
        units, places, images = top.add(first, pooled[first : first + size])
        held[units, places] = first + images
        first += size
    ids, values = top.result()
    np.testing.assert_array_equal(np.take_along_axis(held, top.places(), axis=1), ids)
    expected_ids, expected_values = naive(pooled, k)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(values, expected_values)
    assert ids.dtype == np.int64


def test_the_earlier_image_wins_a_tie_across_batches():
    top = TopImages(1, 2)
    top.add(0, np.array([[1.0], [2.0]], np.float32))
    top.add(2, np.array([[2.0], [2.0]], np.float32))
    assert top.result()[0].tolist() == [[1, 2]]
