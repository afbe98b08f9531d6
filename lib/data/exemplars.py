"""The exemplar folder in MILAN's layout: per layer images, masks, units, ids and activations."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


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


def create_exemplars(root, layer, *, units, ids, activations, size):
    """Lay out the folder of one layer and return its image and mask files, opened for writing.

    Parameters
    ----------
    root : str
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
    """
    folder = Path(root) / layer
    folder.mkdir(parents=True, exist_ok=True)
    n_units, k = ids.shape
    np.save(folder / "units.npy", np.asarray(units, dtype=np.int64))
    np.savetxt(folder / "ids.csv", ids, fmt="%d", delimiter=",")
    np.savetxt(folder / "activations.csv", activations, fmt="%.5e", delimiter=",")
    shape = (n_units, k, 3, size, size)
    images = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
    masks = np.lib.format.open_memmap(
        folder / "masks.npy", mode="w+", dtype=np.uint8, shape=(n_units, k, 1, size, size)
    )
    return images, masks


def read_layers(root):
    """Return the names of the layers that have exemplars below `root`, sorted."""
    layers = sorted(path.parent.name for path in Path(root).glob("*/masks.npy"))
    if not layers:
        raise FileNotFoundError(
            f"{root} holds no layer folder with masks.npy; build it with the rule collect_exemplars"
        )
    return layers


def read_exemplars(root, layer):
    """Open the exemplars of one layer; pictures stay on disk until they are used.

    Parameters
    ----------
    root : str
    layer : str

    Returns
    -------
    Exemplars

    Raises
    ------
    FileNotFoundError
        If a file of the layer is missing.
    ValueError
        If the files do not fit each other.
    """
    folder = Path(root) / layer
    for name in ("images.npy", "masks.npy", "ids.csv", "activations.csv"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; delete {root} and run again to rebuild the exemplars")
    images = np.load(folder / "images.npy", mmap_mode="r")
    masks = np.load(folder / "masks.npy", mmap_mode="r")
    n_units, k = masks.shape[:2]
    ids = np.loadtxt(folder / "ids.csv", delimiter=",", dtype=np.int64, ndmin=2)
    activations = np.loadtxt(folder / "activations.csv", delimiter=",", dtype=np.float64, ndmin=2)
    units = np.load(folder / "units.npy") if (folder / "units.npy").is_file() else np.arange(n_units)
    if (
        images.shape[:2] != (n_units, k)
        or images.shape[3:] != masks.shape[3:]
        or ids.shape != (n_units, k)
        or activations.shape != (n_units, k)
        or units.shape != (n_units,)
    ):
        raise ValueError(
            f"{folder}: images {images.shape}, masks {masks.shape}, ids {ids.shape}, activations {activations.shape} and "
            f"units {units.shape} do not describe the same exemplars; delete {root} and run again"
        )
    return Exemplars(layer, images, masks, units.astype(np.int64), ids, activations)
