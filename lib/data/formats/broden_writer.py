"""Writer of concept data sets in Broden's on-disk format, from labelled images in any format."""

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.transform import resize

from ...runtime.parallel import map_in_order
from ..images.photographs import check_image
from .broden import INDEX_COLUMNS
from .label_formats import LabelledImages
from .label_maps import encode_map

ORIENTATION = 0x0112  # EXIF tag of the camera orientation
LONGEST_CATEGORY = 200  # bytes
# value of that tag: (turns, mirrored) by which stored pixels become upright ones
UPRIGHT = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False)}


def write_broden(folder: str | Path, data: LabelledImages, *, mask_size: int, threads: int) -> list[tuple[str, str]]:
    """Write labelled images as a folder in Broden's format; the images are links.

    Parameters
    ----------
    folder : str or pathlib.Path
        An existing empty folder.
    data : LabelledImages
        The images and their labels.
    mask_size : int
        Height and width of the label maps written, the given maps are resized by nearest neighbour.
    threads : int
        It does not change results.

    Returns
    -------
    list of (str, str)
        Path of each image left out because it cannot be read, and the reason.

    Raises
    ------
    FileNotFoundError
        If a label map is missing.
    ValueError
        If a label map is unreadable, has other proportions than its image or holds a number without a name, if a
        category cannot be written, or if no image can be read.
    """
    folder = Path(folder)
    categories = sorted({category for name, category in data.labels.values() if name})
    if wrong := [name for name in categories if name in INDEX_COLUMNS or not _is_word(name)]:
        raise ValueError(
            f"Labels of {data.folder}: the category {wrong[0][:100]!r} cannot be used; choose a plain word, such as object."
        )
    (folder / "images" / "maps").mkdir(parents=True)
    os.symlink(data.folder, folder / "images" / "given")

    def convert(i: int) -> tuple[dict, str]:
        return _convert(folder, data, i, mask_size)

    rows, skipped, frequency = [], [], Counter()
    for image, (cells, reason) in zip(
        data.images, map_in_order(convert, range(len(data.images)), threads=threads), strict=True
    ):
        if reason:
            skipped.append((str(data.folder / image), reason))
            continue
        frequency.update(number for numbers in cells.values() for number in numbers[1])
        sizes = (mask_size,) * 4
        rows.append((f"given/{image}", "val", *sizes, *(cells.get(name, ("", ()))[0] for name in categories)))
    if not rows:
        raise ValueError(f"None of the {len(data.images)} images in {data.folder} can be read: {skipped[:1]}")
    _write(folder / "index.csv", (*INDEX_COLUMNS, *categories), rows)
    labels = [
        (number, name, f"{category}({frequency[number]})", frequency[number], "", "")
        for number, (name, category) in sorted(data.labels.items())
        if name
    ]
    _write(folder / "label.csv", ("number", "name", "category", "frequency", "coverage", "syns"), labels)
    return skipped


def _convert(folder: Path, data: LabelledImages, i: int, mask_size: int) -> tuple[dict, str]:
    """Write the maps of one image and return its cells, with the labels in each; or the reason why the image cannot be read."""
    path = data.folder / data.images[i]
    try:
        check_image(path)
    except (OSError, ValueError) as error:
        return {}, str(error)
    frame = _Frame(path)
    numbers = data.read[i](frame.check_size)
    whole = isinstance(numbers, list)
    present = np.unique(numbers).astype(int).tolist()
    if unknown := [number for number in present if number not in data.labels]:
        raise ValueError(
            f"The label map of {path} holds the value {unknown[0] - data.shift}, which has no line in the label table. Add one; with "
            "an empty name it means no label."
        )
    if not whole:
        numbers = frame.fit(numbers, mask_size)
        present = np.unique(numbers).tolist()
    cells = {}
    for category in {data.labels[number][1] for number in present}:
        chosen = [number for number in present if data.labels[number][0] and data.labels[number][1] == category]
        if not chosen:
            continue
        cell = ";".join(map(str, chosen))
        if not whole:
            cell = f"maps/{i}_{category}.png"
            kept = np.where(np.isin(numbers, chosen), numbers, 0).astype(np.uint16)
            (folder / "images" / cell).write_bytes(encode_map(kept))
        cells[category] = cell, chosen
    return cells, ""


class _Frame:
    """Size and orientation of an image, for its label map."""

    def __init__(self, path: Path) -> None:
        with Image.open(path) as picture:
            self._stored = picture.height, picture.width
            self._orientation = picture.getexif().get(ORIENTATION, 1)
        self._path = path
        self._upright = self._stored[::-1] if self._orientation in (5, 6, 7, 8) else self._stored

    def check_size(self, shape: tuple[int, int]) -> None:
        """Check that a map has the proportions of the image, as it is stored or upright."""
        if not (_alike(shape, self._stored) or _alike(shape, self._upright)):
            raise ValueError(
                f"it has {shape[0]} x {shape[1]} pixels, but the image {self._path} {self._stored[0]} x "
                f"{self._stored[1]}: the proportions must be the same"
            )

    def fit(self, numbers: np.ndarray, size: int) -> np.ndarray:
        """Rotate a label map like its image, and resize it."""
        if _alike(numbers.shape, self._stored) and self._orientation in UPRIGHT:
            turns, mirrored = UPRIGHT[self._orientation]
            numbers = np.rot90(numbers[:, ::-1] if mirrored else numbers, turns)
        reduced = resize(numbers, (size, size), order=0, mode="edge", anti_aliasing=False, preserve_range=True)
        return reduced.astype(numbers.dtype)


def _is_word(category: str) -> bool:
    """Return whether a category is valid as a column and file name."""
    return not set(category) & set(';()/\\"\n\r') and len(category.encode()) <= LONGEST_CATEGORY


def _alike(shape: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two sizes have the same proportions up to rounding to whole pixels."""
    return abs(shape[0] * other[1] - shape[1] * other[0]) <= max(*shape, *other)


def _write(path: Path, header: tuple, rows: list) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
