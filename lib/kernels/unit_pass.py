"""One pass over a unit's activation maps: upsample, find the range, count per atom, all fused."""

import numpy as np
from numba import njit, types
from numba.core import errors
from numba.extending import intrinsic


@intrinsic
def _fma(typing_context, x, y, z):
    """Return x * y + z rounded once, as torch's CPU kernels do."""
    if not all(argument == types.float32 for argument in (x, y, z)):
        raise errors.TypingError("float32 only")

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


def source_positions(n_source, n_target):
    """Return where each target position of a bilinear resize reads, with half-pixel centres.

    Parameters
    ----------
    n_source, n_target : int
        Positions of the activation map and of the mask grid along one axis.

    Returns
    -------
    first, second : numpy.ndarray of shape (n_target,), int64
        The two source positions.
    first_weight, second_weight : numpy.ndarray of shape (n_target,), float32
        Their weights.

    References
    ----------
    torch.nn.functional.interpolate(mode="bilinear", align_corners=False) on the CPU, bit for bit where the target's
    height and width add up to more than 128; torch rounds in another order below that.
    """
    if n_source == n_target:
        same = np.arange(n_target)
        return same, same, np.ones(n_target, np.float32), np.zeros(n_target, np.float32)
    one_half = np.float32(0.5)
    scale = np.float32(n_source) / np.float32(n_target)
    position = scale * (np.arange(n_target, dtype=np.float32) + one_half) - one_half
    position = np.maximum(position, np.float32(0))
    first = np.minimum(position.astype(np.int64), n_source - 1)
    second = first + (first < n_source - 1)
    second_weight = np.clip(position - first.astype(np.float32), np.float32(0), np.float32(1))
    return first, second, np.float32(1) - second_weight, second_weight


def float32_bounds(lower, upper):
    """Return float32 bounds that no float32 value can tell from the given float64 ones, both ends open.

    Parameters
    ----------
    lower, upper : numpy.ndarray of shape (n_ranges,), float64

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        float32 of shape (n_ranges,): the largest value <= lower and the smallest value >= upper.
    """
    low, high = lower.astype(np.float32), upper.astype(np.float32)
    low = np.where(low.astype(np.float64) > lower, np.nextafter(low, np.float32(-np.inf)), low)
    high = np.where(high.astype(np.float64) < upper, np.nextafter(high, np.float32(np.inf)), high)
    return low, high


@njit(nogil=True, cache=True)
def _count(maps, pixel_atoms, image_start, low, high, x0, x1, wx0, wx1, y0, y1, wy0, wy1, counts):
    n_images, n_rows, _ = maps.shape
    height, width = pixel_atoms.shape[1:]
    rows = np.empty((n_rows, width), np.float32)
    floor, ceiling = low.min(), high.max()
    for image in range(n_images):
        start = image_start[image]
        for row in range(n_rows):
            for x in range(width):
                rows[row, x] = _fma(maps[image, row, x0[x]], wx0[x], maps[image, row, x1[x]] * wx1[x])
        for y in range(height):
            upper_row, lower_row = rows[y0[y]], rows[y1[y]]
            upper_weight, lower_weight = wy0[y], wy1[y]
            for x in range(width):
                value = _fma(upper_row[x], upper_weight, lower_row[x] * lower_weight)
                if floor < value < ceiling:
                    atom = start + pixel_atoms[image, y, x]
                    for r in range(low.size):
                        if low[r] < value < high[r]:
                            counts[r, atom] += 1


def count_per_atom(maps, atoms, *, lower, upper):
    """Count, for every activation range of a unit, the bitmap pixels in each atom.

    A pixel is in the bitmap of a range if its upsampled activation lies strictly between the bounds. Ranges may overlap;
    one pass serves all. NaN activations lie in no range.

    Parameters
    ----------
    maps : numpy.ndarray of shape (n_images, h, w), float32
        Activation maps of the unit.
    atoms : lib.kernels.atoms.Atoms
    lower, upper : numpy.ndarray of shape (n_ranges,), float64
        Open ends of each range.

    Returns
    -------
    numpy.ndarray of shape (n_ranges, n_atoms), int64

    Raises
    ------
    ValueError
        If the number of images differs.

    References
    ----------
    Network Dissection (Bau et al. 2017), section 3; Clustered Compositional Explanations (La Rosa et al. 2023).
    """
    if maps.shape[0] != atoms.n_images:
        raise ValueError(
            f"activations of {maps.shape[0]} images do not fit the concept set's {atoms.n_images} images; "
            "delete the activations and run again"
        )
    height, width = atoms.pixel_atoms.shape[1:]
    low, high = float32_bounds(np.asarray(lower, np.float64), np.asarray(upper, np.float64))
    counts = np.zeros((len(low), len(atoms.atom_size)), dtype=np.int64)
    if len(low):
        columns = source_positions(maps.shape[2], width)
        rows = source_positions(maps.shape[1], height)
        maps = np.ascontiguousarray(maps, np.float32)
        x0, x1, wx0, wx1 = columns
        y0, y1, wy0, wy1 = rows
        _count(maps, atoms.pixel_atoms, atoms.image_start, low, high, x0, x1, wx0, wx1, y0, y1, wy0, wy1, counts)
    return counts
