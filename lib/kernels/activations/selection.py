"""The units of a layer that are labelled."""

import zlib
from collections.abc import Sequence

import numpy as np


def choose_units(n_units: int, chosen: Sequence[int] | int | None, *, layer: str, seed: int) -> np.ndarray:
    """Return the chosen units of a layer.

    Parameters
    ----------
    n_units : int
        Units of the layer.
    chosen : sequence of int, int or None
        Their numbers; or how many, drawn at random; None for all.
    layer : str
        Together with the seed it decides which are drawn.
    seed : int

    Returns
    -------
    numpy.ndarray of int64
        Ascending.

    Raises
    ------
    ValueError
        If the layer has no unit of a given number.
    """
    if chosen is None:
        return np.arange(n_units)
    if isinstance(chosen, int):
        key = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(layer.encode()),))
        return np.sort(np.random.default_rng(key).permutation(n_units)[:chosen])
    if unknown := [unit for unit in chosen if not 0 <= unit < n_units]:
        raise ValueError(
            f"layer {layer} has no unit {unknown[0]}: its {n_units} units are numbered from 0. Correct models.*.units."
        )
    return np.unique(np.asarray(chosen, np.int64))
