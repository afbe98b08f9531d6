"""Activation ranges in a Python session, and the pixels in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.activations.unit_pass import count_per_atom
from ..kernels.activations.unit_values import ExactValues, find_unit_ranges
from .concepts import Concepts

BITMAP = "bitmap"


@dataclass(frozen=True)
class Range:
    """A range of a unit's activation, both ends open.

    Attributes
    ----------
    name : str
        `top`, `cluster1` and so on.
    lower, upper : float
    n_activations : int
        Activations between the ends; -1 if nobody counted them.
    status : str
        `ok`, `empty`, or why the unit has no ranges: `dead`, `constant`, `nan`.
    """

    name: str
    lower: float
    upper: float
    n_activations: int = -1
    status: str = "ok"


def find_ranges(maps: Any, *, clusters: int = 5, quantile: float | None = 0.005) -> list[Range]:
    """Find the activation ranges of a unit, as the workflow does.

    Parameters
    ----------
    maps : array of shape (n, h, w) or (n, m), float
        Activations of the unit: numpy or torch; taken as float32.
    clusters : int
        Number of ranges `cluster1` and so on, the exact one-dimensional k-means clusters of all activations; 0 for none.
    quantile : float or None
        Upper tail of the range `top`; None for no such range.

    Returns
    -------
    list of Range

    Raises
    ------
    ValueError
        If the maps have another shape, or a setting is out of its bounds.

    References
    ----------
    Network Dissection (Bau et al. 2017), section 2.3; Clustered Compositional Explanations (La Rosa et al. 2023), 3.2.
    """
    if not 0 <= clusters <= 100 or clusters == 1:
        raise ValueError(f"clusters={clusters} must be 0 (for none) or from 2 to 100")
    if quantile is not None and not 0 < quantile < 1:
        raise ValueError(f"quantile={quantile} must be between 0 and 1, or None")
    found = find_unit_ranges(ExactValues([as_maps(maps)]), quantile=quantile, n_clusters=clusters)
    nothing = float("nan")
    return [
        Range(name, nothing if low is None else low, nothing if high is None else high, n, status)
        for name, low, high, n, status in found
    ]


def as_maps(maps: Any) -> np.ndarray:
    """Return activations as float32, or a bitmap as bool, of shape (n, h, w).

    Raises
    ------
    ValueError
        If they have another shape or type.
    """
    maps = np.asarray(maps.detach().cpu() if hasattr(maps, "detach") else maps)
    if maps.ndim not in (2, 3) or not maps.size:
        raise ValueError(f"maps of shape {maps.shape} must be of shape (n, h, w) or (n, m), without zeros")
    if maps.dtype.kind not in "bf":
        raise ValueError(f"maps of type {maps.dtype} must be activations (float) or a bitmap (bool)")
    maps = maps if maps.ndim == 3 else maps[:, None]
    return maps if maps.dtype == bool else np.ascontiguousarray(maps, np.float32)


def count_ranges(
    maps: Any, concepts: Concepts, ranges: Sequence[Range] | None
) -> tuple[np.ndarray, list[Range], list[np.ndarray]]:
    """Return the maps, the ranges, and the pixels per atom of each range whose status is `ok`.

    Parameters
    ----------
    maps : array
        As `explain` takes it.
    concepts : Concepts
    ranges : sequence of Range or None

    Raises
    ------
    ValueError
        If the maps do not fit the concepts.
    """
    maps, atoms = as_maps(maps), concepts.atoms
    if len(maps) != atoms.n_images:
        raise ValueError(f"maps of {len(maps)} images do not fit the {atoms.n_images} images of the concepts")
    if maps.dtype == bool:
        if ranges is not None:
            raise ValueError("a bitmap has no ranges; give activations (float), or leave `ranges` out")
        if maps.shape != concepts.shape:
            raise ValueError(f"a bitmap of shape {maps.shape} must have that of the concepts, {concepts.shape}")
        keys = atoms.image_start[:-1, None, None] + atoms.pixel_atoms
        per_atom = np.bincount(keys[maps], minlength=len(atoms.atom_size)).astype(np.int64)
        return maps, [Range(BITMAP, float("nan"), float("nan"), int(maps.sum()))], [per_atom]
    ranges = find_ranges(maps) if ranges is None else list(ranges)
    usable = [one for one in ranges if one.status == "ok"]
    ends = {end: np.array([getattr(one, end) for one in usable], np.float64) for end in ("lower", "upper")}
    return maps, ranges, list(count_per_atom([maps], atoms, **ends))
