"""The unit pass on a GPU: upsample, find the ranges, count per atom, with the rounding of the CPU."""

import numpy as np
import torch

from ..device import prepare_device

PIXELS_PER_BLOCK = 2**22
"""Pixels per block; each takes some 100 bytes."""


def _round_to_odd(exact: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Add two float64 tensors so that a later rounding to float32 gives the sum rounded once.

    Where the sum is not exact, the one of its two float64 neighbours with an odd last bit is taken, which keeps it off
    the ties of float32.
    """
    total = exact + other
    back = total - exact
    error = (exact - (total - back)) + (other - back)
    even = total.view(torch.int64) & 1 == 0
    toward = torch.copysign(torch.full_like(total, torch.inf), error)
    return torch.where(even & ((error > 0) | (error < 0)), torch.nextafter(total, toward), total)


def _join(first: torch.Tensor, second: torch.Tensor, weights: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Return first * w0 + second * w1 in float32 as a fused multiply-add of first * w0 and the rounded second * w1."""
    first_weight, second_weight = weights
    rest = second * second_weight
    # the product of two float32 numbers is exact in float64
    return _round_to_odd(first.double() * first_weight.double(), rest.double()).float()


class DeviceCounter:
    """Counts bitmap pixels per atom on a device that holds the atoms of all pixels.

    The counts equal those of `kernels.activations.unit_pass.count_per_atom` to the last pixel on any device: the bilinear
    weights are the same float32 numbers, and each fused multiply-add is rebuilt from float64 operations, which IEEE 754
    fixes, instead of left to the device's own `interpolate`. Tests compare both, with bounds that pixels hit exactly:
    no count differs with torch on the CPU; they do the same on CUDA where there is a GPU.

    Parameters
    ----------
    pixel_atoms : numpy.ndarray of shape (n_images, H, W), uint16
        Atom of each pixel within its image.
    image_start : numpy.ndarray of shape (n_images + 1,), int64
        First atom of each image, and the number of atoms.
    device : torch.device
        Two bytes per pixel of the mask grid are kept there.
    """

    def __init__(self, pixel_atoms: np.ndarray, image_start: np.ndarray, *, device: torch.device) -> None:
        self._device, self._shape = device, pixel_atoms.shape
        self._start = [int(first) for first in image_start]
        # torch has few operations for uint16: keep the bits as int16, undo the sign when counting
        self._pixels = torch.from_numpy(pixel_atoms.view("int16")).to(device)

    @property
    def n_images(self) -> int:
        """Images of the concept set."""
        return self._shape[0]

    def count(
        self,
        images: slice,
        maps: np.ndarray,
        *,
        rows: tuple[np.ndarray, ...],
        columns: tuple[np.ndarray, ...],
        bounds: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Count, for every activation range of a unit, the bitmap pixels of some images in each atom.

        Parameters
        ----------
        images : slice
            Which images.
        maps : numpy.ndarray of shape (n, h, w), float32
            Of these images.
        rows, columns : tuple of numpy.ndarray
            `kernels.activations.unit_pass.source_positions` from h to H and from w to W.
        bounds : tuple of numpy.ndarray of shape (n_ranges,), float32
            Open ends, `kernels.activations.unit_pass.float32_bounds` of lower and upper.

        Returns
        -------
        numpy.ndarray of shape (n_ranges, n_atoms), int64
            Zero in the atoms of other images.
        """
        _, height, width = self._shape
        y0, y1, *row_weights = (torch.from_numpy(part).to(self._device) for part in rows)
        x0, x1, *column_weights = (torch.from_numpy(part).to(self._device) for part in columns)
        row_weights = [weight[:, None] for weight in row_weights]
        lower, upper = (torch.from_numpy(ends).tolist() for ends in bounds)
        counts = torch.zeros((len(lower), self._start[-1]), dtype=torch.int64, device=self._device)
        per_block = max(1, PIXELS_PER_BLOCK // (height * width))
        for first in range(images.start, images.stop, per_block):
            last = min(first + per_block, images.stop)
            block = torch.from_numpy(maps[first - images.start : last - images.start]).to(self._device)
            wide = _join(block[:, :, x0], block[:, :, x1], column_weights)
            values = _join(wide[:, y0], wide[:, y1], row_weights)
            atoms = self._atoms(first, last)
            begin, end = self._start[first], self._start[last]
            for r, (low, high) in enumerate(zip(lower, upper)):
                inside = (values > low) & (values < high)
                counts[r, begin:end] = torch.bincount(atoms[inside], minlength=end - begin)
        return counts.cpu().numpy()

    def _atoms(self, first: int, last: int) -> torch.Tensor:
        """Return the atom of each pixel of some images, counted from the first image's first atom."""
        offsets = torch.tensor(self._start[first:last], device=self._device) - self._start[first]
        return (self._pixels[first:last].to(torch.int64) & 0xFFFF) + offsets[:, None, None]


def open_counter(pixel_atoms: np.ndarray, image_start: np.ndarray, *, device: str) -> DeviceCounter | None:
    """Open a counter on a GPU.

    Parameters
    ----------
    pixel_atoms, image_start : numpy.ndarray
        As `DeviceCounter` takes them.
    device : str
        `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:n`.

    Returns
    -------
    DeviceCounter or None
        None where the CPU is to count, which `kernels.activations.unit_pass` does faster.
    """
    chosen = prepare_device(device)
    return None if chosen.type == "cpu" else DeviceCounter(pixel_atoms, image_start, device=chosen)
