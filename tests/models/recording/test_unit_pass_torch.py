import numpy as np
import pytest
import torch

import lib.models.recording.unit_pass_torch as unit_pass_torch
from lib.kernels.activations.unit_pass import count_on_device, count_per_atom, source_positions
from lib.kernels.search.atoms import AtomCollector, Atoms, image_atoms
from lib.models.recording.unit_pass_torch import DeviceCounter, open_counter

INF = float("inf")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))]


def scene(n_images, height, width, seed):
    rng = np.random.default_rng(seed)
    collector, pixels = AtomCollector(), []
    for _ in range(n_images):
        maps = [rng.integers(-1, 3, (height, width)), 3 + (rng.random((height, width)) < 0.3)]
        found, sizes, sets = image_atoms(maps, [], shape=(height, width))
        collector.add(sizes, sets)
        pixels.append(found)
    return Atoms(np.stack(pixels), **collector.tables(), n_concepts=5)


def count(maps, atoms, lower, upper, device="cpu"):
    counter = DeviceCounter(atoms.pixel_atoms, atoms.image_start, device=torch.device(device))
    blocks = [part for part in np.split(maps, [len(maps) // 2]) if len(part)]
    return count_on_device(blocks, counter, shape=atoms.pixel_atoms.shape[1:], lower=lower, upper=upper)


def hit_bounds(maps, shape, rng):
    """Ranges whose ends are values that pixels take, so that a single rounding makes a difference."""
    values = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=shape, mode="bilinear")
    ends = rng.choice(values.numpy().reshape(-1), 12).astype(np.float64)
    return np.array([*ends, -INF, 0.0, 5.0]), np.array([*(ends + 0.5), INF, INF, 4.0])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("source", "grid"),
    [((7, 7), (112, 112)), ((4, 9), (112, 60)), ((28, 28), (112, 112)), ((1, 1), (9, 9)), ((13, 13), (113, 113))]
    + [((6, 5), (11, 13)), ((9, 9), (9, 9)), ((150, 20), (70, 90))],
)
def test_counts_equal_the_cpu_pass_exactly(source, grid, device):
    rng = np.random.default_rng(sum(source))
    atoms = scene(3, *grid, 1)
    maps = (rng.normal(size=(3, *source)) * rng.choice([1e-30, 1e-3, 1.0], size=(3, *source))).astype(np.float32)
    lower, upper = hit_bounds(maps, grid, rng)
    found = count(maps, atoms, lower, upper, device)
    np.testing.assert_array_equal(found, count_per_atom([maps], atoms, lower=lower, upper=upper))
    assert found.dtype == np.int64 and found[12].sum() == 3 * grid[0] * grid[1] and found[14].sum() == 0


def test_joined_rows_are_torchs_own_to_the_last_bit():
    """On the CPU, torch interpolates large grids with fused multiply-adds."""
    maps = np.random.default_rng(0).normal(size=(40, 7, 7)).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=(112, 112), mode="bilinear")[:, 0]
    first, second, *weights = (torch.from_numpy(part) for part in source_positions(7, 112))
    block = torch.from_numpy(maps)
    wide = unit_pass_torch._join(block[:, :, first], block[:, :, second], weights)
    tall = unit_pass_torch._join(wide[:, first], wide[:, second], [weight[:, None] for weight in weights])
    assert torch.equal(tall, expected)


def test_sums_between_two_float32_numbers_round_once():
    """1 + 2^-24 + 2^-60 lies just above a tie of float32, which rounding to float64 first would lose."""
    exact, other = torch.tensor([1 + 2.0**-24, 1 + 2.0**-24, 1.0]).double(), torch.tensor([2.0**-60, -(2.0**-60), 0.0])
    exact[:2] = 1 + 2.0**-24
    found = unit_pass_torch._round_to_odd(exact, other.double()).float()
    assert found.tolist() == [1 + 2.0**-23, 1.0, 1.0]


def test_blocks_do_not_change_counts(monkeypatch):
    atoms = scene(5, 10, 12, 2)
    maps = np.random.default_rng(2).normal(size=(5, 4, 4)).astype(np.float32)
    bounds = np.array([0.0, -1.0]), np.array([INF, 0.5])
    whole = count(maps, atoms, *bounds)
    monkeypatch.setattr(unit_pass_torch, "PIXELS_PER_BLOCK", 250)
    np.testing.assert_array_equal(count(maps, atoms, *bounds), whole)


def test_nan_and_infinite_activations_lie_where_the_cpu_pass_puts_them():
    atoms = scene(4, 70, 70, 3)
    maps = np.random.default_rng(3).normal(size=(4, 3, 3)).astype(np.float32)
    maps[1], maps[2, 0, 0], maps[3, 1, 1] = np.nan, np.inf, -np.inf
    bounds = np.array([-INF, 0.0]), np.array([INF, 1.0])
    found = count(maps, atoms, *bounds)
    np.testing.assert_array_equal(found, count_per_atom([maps], atoms, lower=bounds[0], upper=bounds[1]))
    assert found[:, atoms.image_start[1] : atoms.image_start[2]].sum() == 0


def test_atoms_beyond_32767_keep_their_numbers():
    pixels = np.arange(200 * 200).reshape(1, 200, 200).astype(np.uint16)
    atoms = Atoms(pixels, np.array([0, 40000]), np.ones(40000, int), np.zeros(40000, int), np.array([0, 0]), [], 1)
    maps = np.random.default_rng(4).normal(size=(1, 5, 5)).astype(np.float32)
    bounds = np.array([0.1]), np.array([INF])
    expected = count_per_atom([maps], atoms, lower=bounds[0], upper=bounds[1])
    np.testing.assert_array_equal(count(maps, atoms, *bounds), expected)


def test_another_number_of_images_is_refused():
    with pytest.raises(ValueError, match="activations of 3 images do not fit the concept set's 2 images"):
        count(np.zeros((3, 2, 2), np.float32), scene(2, 9, 9, 1), np.array([0.0]), np.array([1.0]))


def test_the_cpu_needs_no_counter():
    atoms = scene(2, 9, 9, 1)
    assert open_counter(atoms.pixel_atoms, atoms.image_start, device="cpu") is None
    opened = open_counter(atoms.pixel_atoms, atoms.image_start, device="auto")
    assert (opened is not None) == torch.cuda.is_available()
    with pytest.raises(ValueError, match="device='tpu' must be"):
        open_counter(atoms.pixel_atoms, atoms.image_start, device="tpu")


def test_no_range_gives_no_rows():
    atoms = scene(2, 9, 9, 1)
    assert count(np.zeros((2, 3, 3), np.float32), atoms, np.array([]), np.array([])).shape == (0, len(atoms.atom_size))
