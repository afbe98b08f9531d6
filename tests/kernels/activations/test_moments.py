import numpy as np
import pytest
import torch

from lib.kernels.activations.moments import moments_per_atom
from lib.kernels.activations.unit_pass import count_per_atom


def case(make_atoms, *, grid=112, source=7, n_images=5, seed=0):
    rng = np.random.default_rng(seed)
    atoms = make_atoms(rng.random((3, n_images, grid, grid)) < np.array([0.5, 0.2, 0.7])[:, None, None, None])
    return atoms, rng.normal(size=(n_images, source, source)).astype(np.float32)


@pytest.mark.parametrize(("source", "grid"), [(7, 112), (1, 112), (13, 113), (112, 112)])
def test_moments_equal_a_dense_sum(make_atoms, source, grid):
    atoms, maps = case(make_atoms, grid=grid, source=source)
    values = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=(grid, grid), mode="bilinear")[:, 0]
    values = values.numpy().astype(np.float64)
    expected = np.zeros((2, len(atoms.atom_size)))
    for image in range(len(maps)):
        numbers = atoms.image_start[image] + atoms.pixel_atoms[image].astype(int).ravel()
        np.add.at(expected[0], numbers, values[image].ravel())
        np.add.at(expected[1], numbers, values[image].ravel() ** 2)
    found = moments_per_atom([maps], atoms)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_moments_do_not_depend_on_the_blocks(make_atoms):
    atoms, maps = case(make_atoms)
    whole = moments_per_atom([maps], atoms)
    parts = moments_per_atom([maps[:1], maps[1:4], maps[4:]], atoms)
    np.testing.assert_array_equal(whole, parts)
    with pytest.raises(ValueError, match="activations of 4 images do not fit the concept set's 5 images"):
        moments_per_atom([maps[:4]], atoms)


def test_moments_see_the_values_that_ranges_see(make_atoms):
    atoms, maps = case(make_atoms, seed=1)
    step = (maps > 0).astype(np.float32)
    sums, squares = moments_per_atom([np.repeat(np.repeat(step, 16, 1), 16, 2)], atoms)
    counts = count_per_atom(
        [np.repeat(np.repeat(step, 16, 1), 16, 2)], atoms, lower=np.array([0.5]), upper=np.array([np.inf])
    )
    np.testing.assert_array_equal(sums, counts[0])
    np.testing.assert_array_equal(squares, counts[0])
