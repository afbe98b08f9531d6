"""Images with their labels, as every format but Broden's is opened, and how they are found and chosen."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...runtime.regular_files import check_regular_file
from ..images.lists import list_images
from .broden import LARGEST_LABEL
from .label_tables import Table

Annotation = tuple[str, np.ndarray | int]


@dataclass(frozen=True)
class LabelledImages:
    """Images with their labels.

    Attributes
    ----------
    folder : pathlib.Path
        The folder to which `images` are relative.
    images : list of str
        The images.
    labels : dict of int to (str, str)
        Name and category by label number, from 1.
    read : list of callable
        For each image, a function that takes `check_size` of `open_label_map` and returns a list of (category, map or
        number): a map of label numbers, shape (H, W), int32, 0 = no label, or a label of the whole image. An empty
        category stands for that of each label in `labels`.
    categories : tuple of str
        The categories that `read` names.
    """

    folder: Path
    images: list[str]
    labels: Table
    read: list[Callable[[Callable], list[Annotation]]]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Which images of a folder are in use; chosen by name, before a file is read.

    Attributes
    ----------
    subset : str
        Text that the path below the folder of the images contains; empty for all.
    image_list : pathlib.Path or None
        Text file with one image a line: the path below that folder, with or without its ending.
    """

    subset: str = ""
    image_list: Path | None = None

    def __bool__(self) -> bool:
        """Return whether images may be left out."""
        return bool(self.subset or self.image_list)

    def choose(self, images: Iterable[str], *, folder: Path) -> list[int]:
        """Return the positions of the chosen images, in their order.

        Parameters
        ----------
        images : iterable of str
            Paths below `folder`.
        folder : pathlib.Path
            For messages.

        Raises
        ------
        ValueError
            If none is left, or the list names one that is not there.
        """
        images = list(images)
        chosen = [i for i, image in enumerate(images) if self.subset in image]
        if not chosen:
            raise ValueError(
                f"None of the {len(images)} images in {folder} has {self.subset!r} in its path, such as {images[:1]}; "
                "see `subset` of the concept set in the config."
            )
        if self.image_list is None:
            return chosen
        listed = set(_read_list(self.image_list))
        names = {i: {images[i], str(PurePosixPath(images[i]).with_suffix(""))} for i in chosen}
        if missing := sorted(listed - set().union(*names.values())):
            raise ValueError(
                f"{self.image_list} lists {missing[0]!r} ({len(missing)} of {len(listed)} lines), but {folder} has no "
                f"such image{f' in the subset {self.subset!r}' if self.subset else ''}; a line is the path below that "
                "folder, with or without its ending."
            )
        return [i for i in chosen if names[i] & listed]


def _read_list(path: Path) -> list[str]:
    check_regular_file(path, name="list of images")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no list of images in UTF-8: {error}") from error
    if not any(lines):
        raise ValueError(f"{path} lists no image; a line is the path of one below the folder of the images.")
    return [line for line in lines if line]


def list_below(folder: Path) -> list[str]:
    """Return the paths of all images below a folder, relative to it, in the order of `list_images`."""
    return [Path(path).relative_to(folder).as_posix() for path in list_images(folder)]


def translate(numbers: np.ndarray, known: dict[int, int]) -> np.ndarray:
    """Return the labels of the numbers in a map.

    Parameters
    ----------
    numbers : numpy.ndarray of shape (H, W), integer
    known : dict of int to int
        As `join_tables` returns.

    Returns
    -------
    numpy.ndarray of shape (H, W), int32
        0 = no label.

    Raises
    ------
    ValueError
        If a number is unknown.
    """
    table = np.full(LARGEST_LABEL + 1, -1, np.int32)
    table[list(known)] = list(known.values())
    if numbers.dtype.kind == "b":
        numbers = numbers.astype(np.uint8)
    if numbers.dtype.itemsize > 2 and (outside := (numbers < 0) | (numbers > LARGEST_LABEL)).any():
        labels = np.where(outside, -1, 0)
    else:
        labels = table[numbers]
    if labels.min() < 0:
        raise ValueError(
            f"it holds the value {numbers[labels < 0].min()}, which has no line in the label table. Add one (with an empty "
            "name it means no label), or name the value in `ignore` of the concept set"
        )
    return labels


def pair_maps(images: list[str], folder: Path, *, endings: tuple[str, str]) -> list[Path]:
    """Return the path of the label map of each image.

    Parameters
    ----------
    images : list of str
        Paths below the folder of the images.
    folder : pathlib.Path
        Of the maps.
    endings : tuple of str
        End of an image's name that is removed (its ending, if the name ends otherwise), and what takes its place.
    """
    return [folder / f"{_stem(image, endings[0])}{endings[1]}" for image in images]


def check_paired(images: list[str], folder: Path, *, endings: tuple[str, str]) -> None:
    """Check that every label map of a folder has an image.

    Parameters
    ----------
    images, folder, endings
        As for `pair_maps`.

    Raises
    ------
    ValueError
        If one has none.
    """
    stems = {_stem(image, endings[0]) for image in images}
    maps = [
        Path(place, name).relative_to(folder).as_posix()
        for place, _, names in os.walk(folder)
        for name in sorted(names)
        if name.endswith(endings[1])
    ]
    if alone := [path for path in maps if path.removesuffix(endings[1]) not in stems]:
        raise ValueError(
            f"{len(alone)} of {len(maps)} label maps in {folder} have no image; {alone[0]} has none. Add the images, remove "
            "the maps, or choose the images in use by `subset` or `image_list` of the concept set."
        )


def _stem(image: str, ending: str) -> str:
    return (
        image.removesuffix(ending) if ending and image.endswith(ending) else str(PurePosixPath(image).with_suffix(""))
    )
