"""The exemplar folder in MILAN's layout: per layer images, masks, units, ids and activations."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...runtime.checksums import NAME as CHECKSUMS
from ...runtime.checksums import check_folder
from ...runtime.regular_files import check_regular_file
from ..stores.arrays import create_array, open_array


@dataclass(frozen=True)
class Exemplars:
    """The exemplars of one layer.

    Attributes
    ----------
    layer : str
    images : numpy.ndarray of shape (n_units, k, 3, H, W), uint8, RGB
    masks : numpy.ndarray of shape (n_units, k, 1, H, W), uint8, 0 or 1
    units : numpy.ndarray of shape (n_units,), int64
        Unit numbers, ascending.
    ids : numpy.ndarray of shape (n_units, k), int64
        Index of each image in the data set, best first.
    activations : numpy.ndarray of shape (n_units, k), float64
        Maximum of the unit over the image, best first.
    """

    layer: str
    images: np.ndarray
    masks: np.ndarray
    units: np.ndarray
    ids: np.ndarray
    activations: np.ndarray


def create_exemplars(
    root: str | Path, layer: str, *, units: np.ndarray, ids: np.ndarray, activations: np.ndarray, size: int
) -> tuple[np.memmap, np.memmap]:
    """Create the folder of one layer and return its image and mask files, opened for writing.

    Call `seal_folder` after filling them to write the checksums.

    Parameters
    ----------
    root : str or pathlib.Path
        The folder that holds one folder per layer.
    layer : str
    units : numpy.ndarray of shape (n_units,), int64
    ids : numpy.ndarray of shape (n_units, k), int64
    activations : numpy.ndarray of shape (n_units, k), float
    size : int
        Height and width of images and masks.

    Returns
    -------
    images, masks : numpy.memmap
        uint8, of shapes (n_units, k, 3, size, size) and (n_units, k, 1, size, size), zero.

    Raises
    ------
    OSError
        If the disk has too little space for them.
    """
    folder = Path(root) / layer
    folder.mkdir(parents=True, exist_ok=True)
    n_units, k = ids.shape
    np.save(folder / "units.npy", np.asarray(units, dtype=np.int64))
    np.savetxt(folder / "ids.csv", ids, fmt="%d", delimiter=",")
    np.savetxt(folder / "activations.csv", activations, fmt="%.5e", delimiter=",")
    images = create_array(folder / "images.npy", (n_units, k, 3, size, size))
    masks = create_array(folder / "masks.npy", (n_units, k, 1, size, size))
    return images, masks


def read_layers(root: str | Path) -> list[str]:
    """Return the names of the layers that have exemplars below `root`, sorted."""
    layers = sorted(path.name for path in Path(root).glob("[!.]*") if path.is_dir())
    if not layers:
        raise FileNotFoundError(f"{root} holds no folder of a layer; build it with the rule collect_exemplars")
    return layers


def read_exemplars(root: str | Path, layer: str) -> Exemplars:
    """Open the exemplars of one layer; images are memory-mapped.

    Parameters
    ----------
    root : str or pathlib.Path
    layer : str

    Returns
    -------
    Exemplars

    Raises
    ------
    FileNotFoundError
        If the layer's folder or a file in it is missing.
    ValueError
        If a file is damaged or changed, or the files do not match.
    """
    folder = Path(root) / layer
    cure = f"delete {root} and run again to rebuild the exemplars"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing; {cure}")
    for name in ("images.npy", "masks.npy", "ids.csv", "activations.csv"):
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder / name} is missing; {cure}")
    try:
        if (folder / CHECKSUMS).is_file():  # the published folders have none
            check_folder(folder)
        images, masks = open_array(folder / "images.npy"), open_array(folder / "masks.npy")
        ids = _read_numbers(folder / "ids.csv", np.int64)
        activations = _read_numbers(folder / "activations.csv", np.float64)
        has_units = (folder / "units.npy").exists()
        units = open_array(folder / "units.npy") if has_units else np.arange(len(ids))
    except ValueError as error:
        raise ValueError(f"{folder}: {error}; {cure}") from error
    if (
        images.ndim != 5
        or masks.ndim != 5
        or images.shape[3:] != masks.shape[3:]
        or not images.shape[:2] == masks.shape[:2] == ids.shape == activations.shape
        or units.shape != ids.shape[:1]
    ):
        raise ValueError(
            f"{folder}: images {images.shape}, masks {masks.shape}, ids {ids.shape}, activations {activations.shape} and "
            f"units {units.shape} do not describe the same exemplars; {cure}"
        )
    return Exemplars(layer, images, masks, units.astype(np.int64), ids, activations)


def _read_numbers(path: Path, dtype: type) -> np.ndarray:
    """Read a table of numbers without a header, which must end with a newline."""
    check_regular_file(path, name="table of numbers")
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            raise ValueError("it was cut off in its last line")
        return np.loadtxt(io.StringIO(text), delimiter=",", dtype=dtype, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
