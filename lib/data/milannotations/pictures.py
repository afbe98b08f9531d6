"""Restore the images of published annotations, whose archives lack those of ImageNet and Places365."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...runtime.regular_files import check_regular_file
from ..images.lists import list_images
from ..images.photographs import Geometry
from ..stores.arrays import create_array, open_array

# shorter side to which the masks' images were scaled, and side of the central square, pixels
RESIZE, CROP = 256, 224
N_IMAGES = {"imagenet": 50_000, "places365": 36_500}
CLASS_LIST = "places365_val.txt"


def list_source_images(folder: str | Path, dataset: str, *, class_list: str | Path | None) -> list[str]:
    """List the validation images of a data set in the order to which the ids of the annotations refer.

    That is torchvision's `ImageFolder` order: by class, then by file name.

    Parameters
    ----------
    folder : str or pathlib.Path
        The validation images, in one sub-folder per class; those of Places365 may lie in one folder.
    dataset : str
        `imagenet` or `places365`.
    class_list : str or pathlib.Path or None
        Places365's folder of lists, with the classes of images that lie in one folder.

    Returns
    -------
    list of str
        Paths of the images.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no list of classes.
    ValueError
        If the order cannot be determined, or the folder holds more than the validation images.
    """
    paths = list_images(folder)
    key = f"downloads.local.{dataset}_val"
    if len(paths) > N_IMAGES[dataset]:
        raise ValueError(
            f"{folder} holds {len(paths)} images, but {dataset} has {N_IMAGES[dataset]} validation images, among which "
            f"the annotations count; config key {key}"
        )
    if all(Path(path).parent != Path(folder) for path in paths):
        return paths
    if class_list is None:
        raise ValueError(
            f"{folder} holds images outside class folders, such as {Path(paths[0]).name}, so that the images of the "
            f"annotations cannot be identified: they are numbered class by class. Sort them into one folder per class, as "
            f"torchvision does; config key {key}"
        )
    classes = _read_classes(Path(class_list))
    unknown = [path for path in paths if Path(path).name not in classes]
    if unknown:
        raise ValueError(f"{unknown[0]} has no class in {CLASS_LIST} ({len(unknown)} images); config key {key}")
    return sorted(paths, key=lambda path: (classes[Path(path).name], Path(path).name))


def _read_classes(folder: Path) -> dict[str, int]:
    """Read the class number of each validation image of Places365; their order is that of the class names."""
    tables = sorted(folder.rglob(CLASS_LIST))
    if not tables:
        raise FileNotFoundError(f"{folder} holds no {CLASS_LIST}; config key downloads.local.places365_filelist")
    check_regular_file(tables[0], name="list of classes")
    rows = [line.split() for line in tables[0].read_text(encoding="utf-8").splitlines() if line.strip()]
    if wrong := [row for row in rows if len(row) != 2 or not row[1].isdecimal()]:
        raise ValueError(f"{tables[0]}: the line {' '.join(wrong[0])!r} is not a file name and a class number")
    return {name: int(number) for name, number in rows}


def read_ids(path: str | Path, shape: tuple[int, int], *, n_images: int | None) -> np.ndarray:
    """Read and check the image ids of a layer.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV file without a header: one row per unit, one column per exemplar.
    shape : (int, int)
        Number of units and of exemplars of each.
    n_images : int or None
        Number of images that there are; None if it is not known.

    Returns
    -------
    numpy.ndarray of shape `shape`, int64
        The ids.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        With the row and the value that is wrong: no integers, another shape, an id twice in a row or out of range.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; it contains the image numbers of the exemplars")
    check_regular_file(path, name="table of ids")
    try:
        ids = np.loadtxt(path, delimiter=",", dtype=np.int64, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path} must hold one row of integers per unit: {error}") from error
    if ids.shape != shape:
        raise ValueError(
            f"{path} has {ids.shape[0]} rows of {ids.shape[1]} ids, but masks.npy {shape[0]} of {shape[1]}"
        )
    bound = np.inf if n_images is None else n_images
    wrong = np.argwhere((ids < 0) | (ids >= bound))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path}: id {ids[row, column]} in row {row + 1} must be in [0, {bound}), the number of images "
            f"({len(wrong)} such ids); is it the same data set?"
        )
    ordered = np.sort(ids, axis=1)
    if len(twice := np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))):
        raise ValueError(f"{path}: row {twice[0] + 1} names an image twice")
    return ids


def open_pictures(path: str | Path, *, n_channels: int) -> np.ndarray:
    """Open the masks or the images of a layer.

    Parameters
    ----------
    path : str or pathlib.Path
        An array file.
    n_channels : int
        1 for masks, 3 for images.

    Returns
    -------
    numpy.ndarray of shape (n_units, k, n_channels, H, H), uint8
        The pictures, memory-mapped.

    Raises
    ------
    ValueError
        If the array has a wrong shape or type.
    """
    pictures = open_array(path)
    if pictures.ndim != 5 or pictures.shape[2] != n_channels or pictures.shape[3] != pictures.shape[4]:
        raise ValueError(f"{path} has shape {pictures.shape} instead of (units, exemplars, {n_channels}, H, H)")
    if pictures.dtype != np.uint8 or not pictures.size:
        raise ValueError(f"{path} holds {pictures.size} values of type {pictures.dtype} instead of uint8")
    return pictures


def read_units(path: str | Path, n_units: int) -> np.ndarray:
    """Read the unit numbers of a layer; they count from 0 if there is no such file.

    Parameters
    ----------
    path : str or pathlib.Path
        An array file, which published zips leave out.
    n_units : int
        How many there must be.

    Returns
    -------
    numpy.ndarray of shape (n_units,), int64
        The numbers.

    Raises
    ------
    ValueError
        If the file does not hold that many different numbers.
    """
    if not Path(path).exists():
        return np.arange(n_units)
    units = open_array(path)
    if units.shape != (n_units,) or units.dtype.kind not in "iu" or len(np.unique(units)) < n_units:
        raise ValueError(f"{path} must hold {n_units} different unit numbers, one for each row of masks.npy")
    return np.array(units, dtype=np.int64)


def geometry_of(size: int) -> Geometry:
    """Return the geometry of images at the size of the masks.

    Parameters
    ----------
    size : int
        Height and width of the masks; 224 in the published ones.

    Returns
    -------
    Geometry
        The preprocessing with which the masks were made.
    """
    return Geometry(resize=round(RESIZE * size / CROP), crop=size)


def write_images(
    path: str | Path, ids: np.ndarray, *, read: Callable[[list[int], int], np.ndarray], size: int, per_block: int
) -> None:
    """Write the pictures of a layer's exemplars, reading each image once.

    Parameters
    ----------
    path : str or pathlib.Path
        The array file to write, uint8 of shape (n_units, k, 3, size, size).
    ids : numpy.ndarray of shape (n_units, k), int64
        Image numbers of the exemplars.
    read : callable
        Takes ids and `size` and returns the pictures, uint8 of shape (n, size, size, 3).
    size : int
        Height and width, pixels.
    per_block : int
        Images read at a time.

    Raises
    ------
    OSError
        If the disk has too little space for them.
    """
    images = create_array(path, (*ids.shape, 3, size, size))
    needed, places = np.unique(ids, return_inverse=True)
    order = np.argsort(places, axis=None, kind="stable")
    starts = np.searchsorted(places.reshape(-1)[order], np.arange(len(needed) + 1))
    for first in range(0, len(needed), per_block):
        pictures = read(needed[first : first + per_block].tolist(), size).transpose(0, 3, 1, 2)
        for number, picture in enumerate(pictures, start=first):
            rows, ranks = np.unravel_index(order[starts[number] : starts[number + 1]], ids.shape)
            images[rows, ranks] = picture
    images.flush()
