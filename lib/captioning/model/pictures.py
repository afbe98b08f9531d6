"""Group exemplar pictures of several layers into blocks of a fixed size, equal pictures once."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch

Place = tuple[int, int, int]  # layer, unit and rank of an exemplar


def group_pictures(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray] | None, *, size: int
) -> Iterator[list[list[Place]]]:
    """Group equal pictures (with equal masks, if given), then groups of one picture size into blocks.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        Per layer, of shape (U, k, 3, H, W), uint8.
    masks : sequence of numpy.ndarray or None
        Per layer, of shape (U, k, 1, H, W), uint8.
    size : int
        Maximum number of groups per block.

    Yields
    ------
    list of list of tuple of int
        The groups of a block: the places of each exemplar that is the same picture.
    """
    places: dict[tuple[tuple[int, ...], bytes], list[Place]] = {}
    for number, layer in enumerate(images):
        for unit, rank in np.ndindex(layer.shape[:2]):
            digest = hashlib.blake2b(np.ascontiguousarray(layer[unit, rank]), digest_size=16)
            if masks is not None:
                digest.update(np.ascontiguousarray(masks[number][unit, rank]))
            places.setdefault((layer.shape[2:], digest.digest()), []).append((number, unit, rank))
    for shape in dict.fromkeys(shape for shape, _ in places):
        groups = [group for (own, _), group in places.items() if own == shape]
        yield from (groups[i : i + size] for i in range(0, len(groups), size))


def stack_pictures(layers: Sequence[np.ndarray], places: Sequence[Place], *, device: torch.device) -> torch.Tensor:
    """Copy pictures or masks to a device.

    Parameters
    ----------
    layers : sequence of numpy.ndarray
        Per layer, of shape (U, k, c, H, W), uint8.
    places : sequence of tuple of int
        Layer, unit and rank of n exemplars.
    device : torch.device
        The target device.

    Returns
    -------
    torch.Tensor of shape (n, c, H, W), float32
    """
    arrays = np.stack([layers[layer][unit, rank] for layer, unit, rank in places])
    return torch.from_numpy(arrays).to(device, torch.float32)
