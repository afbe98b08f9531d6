import bruteforce
import numpy as np
import pytest
import torch

from lib.kernels.activations.unit_pass import count_per_atom, float32_bounds, range_bitmaps, source_positions

INF = float("inf")


def scene(make_atoms, n_images, grid, seed):
    rng = np.random.default_rng(seed)
    masks = rng.random((3, n_images, grid, grid)) < np.array([0.5, 0.2, 0.7])[:, None, None, None]
    return make_atoms(masks)


def dense_counts(maps, atoms, lower, upper):
    """Upsample with torch, compare in float64, count by loops over ranges and images."""
    shape = atoms.pixel_atoms.shape[1:]
    upsampled = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[:, None], size=shape, mode="bilinear", align_corners=False
    )[:, 0]
    values = upsampled.numpy().astype(np.float64)
    counts = np.zeros((len(lower), len(atoms.atom_size)), np.int64)
    for r, (low, high) in enumerate(zip(lower, upper)):
        inside = (values > low) & (values < high)
        for image in range(len(maps)):
            np.add.at(counts[r], atoms.image_start[image] + atoms.pixel_atoms[image][inside[image]].astype(int), 1)
    return counts


@pytest.mark.parametrize(
    ("source", "grid"), [(7, 112), (4, 112), (14, 112), (28, 112), (1, 112), (6, 113), (13, 113), (5, 65), (150, 112)]
)
def test_counts_equal_torch_exactly(make_atoms, source, grid):
    atoms = scene(make_atoms, 3, grid, source)
    rng = np.random.default_rng(source)
    maps = rng.normal(size=(3, source, source)).astype(np.float32)
    exact = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=(grid, grid), mode="bilinear")
    ends = rng.choice(exact.numpy().reshape(-1), 4).astype(np.float64)  # bounds that pixels hit exactly
    lower = np.array([*ends, -INF, 0.0, np.quantile(maps, 0.9), 5.0, -0.3])
    upper = np.array([*(ends + 0.5), INF, INF, INF, 4.0, 0.7])
    counts = count_per_atom([maps], atoms, lower=lower, upper=upper)
    np.testing.assert_array_equal(counts, dense_counts(maps, atoms, lower, upper))
    assert counts[4].sum() == 3 * grid * grid and counts[7].sum() == 0 and counts.dtype == np.int64


def test_maps_need_not_be_square(make_atoms):
    rng = np.random.default_rng(0)
    atoms = make_atoms(rng.random((2, 2, 90, 60)) < 0.5)
    maps = rng.normal(size=(2, 5, 9)).astype(np.float32)
    bounds = np.array([-0.2]), np.array([0.4])
    counts = count_per_atom([maps], atoms, lower=bounds[0], upper=bounds[1])
    np.testing.assert_array_equal(counts, dense_counts(maps, atoms, *bounds))


def test_maps_at_mask_size_are_taken_as_they_are(make_atoms):
    atoms = scene(make_atoms, 2, 9, 1)
    maps = np.random.default_rng(1).normal(size=(2, 9, 9)).astype(np.float32)
    low, high = float(maps[0, 2, 3]), float(maps[1, 4, 4]) + 1
    counts = count_per_atom([maps], atoms, lower=np.array([low]), upper=np.array([high]))
    assert counts.sum() == ((maps > low) & (maps < high)).sum()


def test_strided_and_float64_maps_are_read_right(make_atoms):
    atoms = scene(make_atoms, 2, 70, 2)
    maps = np.random.default_rng(2).normal(size=(2, 6, 12)).astype(np.float32)[:, :, ::2]
    bounds = {"lower": np.array([0.0]), "upper": np.array([1.0])}
    expected = count_per_atom([np.ascontiguousarray(maps)], atoms, **bounds)
    np.testing.assert_array_equal(count_per_atom([maps], atoms, **bounds), expected)
    np.testing.assert_array_equal(count_per_atom([maps.astype(np.float64)], atoms, **bounds), expected)


def test_nan_lies_in_no_range(make_atoms):
    atoms = scene(make_atoms, 2, 80, 3)
    maps = np.ones((2, 4, 4), np.float32)
    maps[1] = np.nan
    counts = count_per_atom([maps], atoms, lower=np.array([-INF]), upper=np.array([INF]))
    assert counts.sum() == 80 * 80 and counts[0, atoms.image_start[1] :].sum() == 0


def test_bounds_between_two_float32_values_are_open_and_exact(make_atoms):
    atoms = make_atoms(np.ones((1, 1, 1, 3), bool))
    one = np.float32(1)
    above, below = np.nextafter(one, np.float32(2)), np.nextafter(one, np.float32(0))
    maps = np.array([[[below, one, above]]], np.float32)
    gap = 1e-12

    def count(lower, upper):
        return count_per_atom([maps], atoms, lower=np.array([lower]), upper=np.array([upper])).sum()

    assert count(1.0, INF) == 1 and count(1.0 - gap, INF) == 2 and count(1.0 + gap, INF) == 1
    assert count(-INF, 1.0) == 1 and count(-INF, 1.0 + gap) == 2 and count(-INF, 1.0 - gap) == 1
    assert count(float(above) - gap, INF) == 1 and count(float(above), INF) == 0
    assert count(-INF, float(below) + gap) == 1 and count(1.0 - gap, 1.0 + gap) == 1


def test_float32_bounds_are_the_tightest():
    rng = np.random.default_rng(5)
    bounds = np.concatenate([rng.normal(size=500), [0.0, -0.0, 1e-50, -1e-50, INF, -INF, 0.1, 1 / 3]])
    low, high = float32_bounds(bounds, bounds)
    assert low.dtype == high.dtype == np.float32
    assert (low.astype(float) <= bounds).all() and (high.astype(float) >= bounds).all()
    finite = np.isfinite(bounds)
    assert (np.nextafter(low, np.float32(INF)).astype(float) > bounds)[finite].all()
    assert (np.nextafter(high, np.float32(-INF)).astype(float) < bounds)[finite].all()


def test_no_range_gives_no_rows(make_atoms):
    atoms = scene(make_atoms, 2, 9, 1)
    maps = np.zeros((2, 3, 3), np.float32)
    assert count_per_atom([maps], atoms, lower=np.array([]), upper=np.array([])).shape == (0, len(atoms.atom_size))


def test_another_number_of_images_is_refused(make_atoms):
    atoms = scene(make_atoms, 2, 9, 1)
    with pytest.raises(ValueError, match="activations of 3 images do not fit the concept set's 2 images"):
        count_per_atom([np.zeros((3, 2, 2), np.float32)], atoms, lower=np.array([0.0]), upper=np.array([1.0]))


@pytest.mark.parametrize("shape", [(2, 9), (2, 3, 4, 4), (2, 0, 4)])
def test_maps_of_another_form_are_refused(make_atoms, shape):
    with pytest.raises(ValueError, match="need the shape"):
        count_per_atom(
            [np.zeros(shape, np.float32)], scene(make_atoms, 2, 9, 1), lower=np.array([0.0]), upper=np.array([1.0])
        )


@pytest.mark.parametrize(("n_source", "n_target"), [(7, 112), (1, 5), (3, 3), (10, 4)])
def test_source_weights_add_up_to_one_and_stay_inside(n_source, n_target):
    first, second, first_weight, second_weight = source_positions(n_source, n_target)
    assert first.min() >= 0 and second.max() < n_source and (second - first <= 1).all()
    np.testing.assert_allclose(first_weight + second_weight, 1, atol=1e-7)


def test_dense_bitmaps_equal_a_recomputation_by_torch():
    maps = np.random.default_rng(0).normal(size=(3, 7, 5)).astype(np.float32)
    for shape in ((70, 80), (7, 5)):
        found = range_bitmaps(maps, lower=-0.3, upper=0.9, shape=shape)
        np.testing.assert_array_equal(found, bruteforce.bitmap(maps, -0.3, 0.9, shape))
        assert 0.2 < found.mean() < 0.8


def test_blocks_of_images_do_not_change_the_counts(make_atoms):
    atoms = scene(make_atoms, 7, 60, 5)
    maps = np.random.default_rng(5).normal(size=(7, 6, 6)).astype(np.float32)
    bounds = {"lower": np.array([0.0, -1.0]), "upper": np.array([INF, 1.0])}
    whole = count_per_atom([maps], atoms, **bounds)
    np.testing.assert_array_equal(count_per_atom(np.split(maps, [1, 5]), atoms, **bounds), whole)
    for n_images in (6, 8):
        with pytest.raises(ValueError, match=f"activations of {n_images} images do not fit the concept set's 7 images"):
            count_per_atom([maps[:4], np.zeros((n_images - 4, 6, 6))], atoms, **bounds)
