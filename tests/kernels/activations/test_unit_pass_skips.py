"""The pass leaves out rows and columns that no range can reach: nothing may be lost by that."""

import numpy as np
import pytest
import torch

from lib.kernels.activations.unit_pass import count_per_atom


def dense_counts(maps, atoms, lower, upper):
    size = atoms.pixel_atoms.shape[1:]
    values = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=size, mode="bilinear")[:, 0].numpy()
    numbers = atoms.image_start[:-1, None, None] + atoms.pixel_atoms
    return np.stack(
        [
            np.bincount(
                numbers[(values.astype(float) > a) & (values.astype(float) < b)], minlength=len(atoms.atom_size)
            )
            for a, b in zip(lower, upper)
        ]
    )


def sparse_maps(rng, n_images, side, kind):
    maps = rng.normal(size=(n_images, side, side)) * 10.0 ** rng.integers(-6, 4, size=(n_images, 1, 1))
    maps = np.where(rng.random(maps.shape) < 0.25, maps, 0)
    if kind == "relu":
        maps = np.maximum(maps, 0)
    if kind == "flat":
        maps = np.round(maps)
    if kind == "negative":
        maps = -np.abs(maps) - 1
    if kind == "holes":
        maps[rng.random(maps.shape) < 0.02] = np.nan
        maps[rng.random(maps.shape) < 0.02] = np.inf
        maps[rng.random(maps.shape) < 0.02] = -np.inf
    return maps.astype(np.float32)


@pytest.mark.parametrize("kind", ["mixed", "relu", "flat", "negative", "holes"])
@pytest.mark.parametrize(("side", "grid"), [(7, 112), (14, 80), (3, 113), (200, 90)])
def test_sparse_maps_and_high_ranges(make_atoms, kind, side, grid):
    rng = np.random.default_rng([side, grid, len(kind)])
    atoms = make_atoms(rng.random((3, 6, grid, grid)) < 0.4)
    for _ in range(6):
        maps = sparse_maps(rng, 6, side, kind)
        finite = maps[np.isfinite(maps)]
        chosen = rng.choice(finite, size=3).astype(np.float64)
        around = np.nextafter(chosen.astype(np.float32), np.float32(np.inf)).astype(np.float64)
        lower = np.concatenate([chosen, around, np.quantile(finite, [0.99, 0.999])])
        upper = np.concatenate([rng.choice(finite, size=3), np.full(3, np.inf), [np.inf, float(finite.max())]])
        for rows in (slice(None), slice(6, 8), slice(0, 1)):
            counts = count_per_atom([maps], atoms, lower=lower[rows], upper=upper[rows])
            np.testing.assert_array_equal(counts, dense_counts(maps, atoms, lower[rows], upper[rows]))


def test_nan_bounds_hold_nothing(make_atoms):
    atoms = make_atoms(np.ones((1, 2, 70, 70), bool))
    maps = np.random.default_rng(0).normal(size=(2, 5, 5)).astype(np.float32)
    counts = count_per_atom(
        [maps], atoms, lower=np.array([np.nan, 0.0, np.inf, 0.0]), upper=np.array([1.0, np.nan, np.inf, np.inf])
    )
    assert (counts[:3] == 0).all() and counts[3].sum() > 0
