"""The tallies of a network's units: one folder per shard of the images, with plain numpy arrays for each layer."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...runtime.atomic import new_file
from ...runtime.parts import Part
from .processors import warn_of_mixed_processors


def write_tally(folder: str | Path, layer: str, arrays: dict[str, np.ndarray]) -> None:
    """Write the tally of a layer.

    Parameters
    ----------
    folder : str or pathlib.Path
        Created if it does not exist.
    layer : str
    arrays : dict of str to numpy.ndarray
    """
    with new_file(Path(folder) / f"{layer}.npz") as draft, draft.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **arrays)


def read_tally(folder: str | Path, layer: str) -> dict[str, np.ndarray]:
    """Return the arrays of a tally by name.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = Path(folder) / f"{layer}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); delete {folder} and run again to tally the units") from error


def iterate_tallies(folders: list[str], layer: str, *, n_images: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the arrays of a layer's tallies, in the order of their images, one at a time.

    Parameters
    ----------
    folders : list of str
        Folders `<shard>` such as `0-of-2`; each may contain other layers instead.
    layer : str
    n_images : int
        Images of the data set.

    Raises
    ------
    FileNotFoundError
        If the tallies do not cover all images.
    ValueError
        If one is damaged.
    """
    done, processors = 0, {}
    for folder in sorted(map(Path, folders), key=lambda folder: Part.parse(folder.name).number):
        if (folder / f"{layer}.npz").is_file():
            arrays = read_tally(folder, layer)
            if arrays["first"] == done:
                done += int(arrays["n_done"])
                processors[str(folder)] = str(arrays["processor"])
                yield arrays
    warn_of_mixed_processors(processors, what="tallies")
    if done != n_images:
        raise FileNotFoundError(
            f"the tallies {layer}.npz in {', '.join(map(str, folders))} cover {done} of {n_images} images; "
            "delete these folders and run again to tally the units"
        )
