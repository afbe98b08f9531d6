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
from .label_maps import encode_map
from .labelled_images import LabelledImages

ORIENTATION = 0x0112  # EXIF tag of the camera orientation
LONGEST_CATEGORY = 200  # bytes
Cells = dict[str, list[str]]  # items of a cell of the index, by category
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
        If an image or a label map is missing.
    ValueError
        If a label map is unreadable, has other proportions than its image or holds an unknown number, if a category
        cannot be written, or if no image can be read.
    """
    folder = Path(folder)
    categories = sorted({category for _, category in data.labels.values()} | set(data.categories))
    if wrong := [name for name in categories if name in INDEX_COLUMNS or not _is_word(name)]:
        raise ValueError(
            f"Labels of {data.folder}: the category {wrong[0][:100]!r} cannot be used; choose a plain word, such as object."
        )
    (folder / "images" / "maps").mkdir(parents=True)
    os.symlink(data.folder, folder / "images" / "given")

    def convert(i: int) -> tuple[Cells, set[tuple[int, str]], str]:
        return _convert(folder, data, i, mask_size)

    rows, skipped, frequency = [], [], Counter()
    for image, (cells, found, reason) in zip(
        data.images, map_in_order(convert, range(len(data.images)), threads=threads), strict=True
    ):
        if reason:
            skipped.append((str(data.folder / image), reason))
            continue
        frequency.update(found)
        sizes = (mask_size,) * 4
        rows.append((f"given/{image}", "val", *sizes, *(";".join(cells.get(name, ())) for name in categories)))
    if not rows:
        raise ValueError(f"None of the {len(data.images)} images in {data.folder} can be read: {skipped[:1]}")
    _write(folder / "index.csv", (*INDEX_COLUMNS, *categories), rows)
    labels = []
    for number, (name, own) in sorted(data.labels.items()):
        counts = {category: frequency[number, category] for category in categories}
        used = {category: count for category, count in counts.items() if count} or {own: 0}
        cell = ";".join(f"{category}({count})" for category, count in used.items())
        labels.append((number, name, cell, sum(used.values()), "", ""))
    _write(folder / "label.csv", ("number", "name", "category", "frequency", "coverage", "syns"), labels)
    return skipped


def _convert(folder: Path, data: LabelledImages, i: int, mask_size: int) -> tuple[Cells, set[tuple[int, str]], str]:
    """Write the maps of one image; return its cells, its labels with their categories, and why it cannot be read (or "")."""
    path = data.folder / data.images[i]
    if not path.exists():
        raise FileNotFoundError(f"The image {path} does not exist, but it has labels: add it, or take its labels out.")
    try:
        check_image(path)
    except (OSError, ValueError) as error:
        return {}, set(), str(error)
    frame = _Frame(path)
    cells, found = {}, set()
    for k, (given, value) in enumerate(data.read[i](frame.check_size)):
        numbers = frame.fit(value, mask_size) if np.ndim(value) else value
        by_category = {}
        for number in np.unique(numbers).tolist():
            if number:
                by_category.setdefault(given or data.labels[number][1], []).append(number)
        for category, chosen in by_category.items():
            cell = f"maps/{i}-{k}_{category}.png" if np.ndim(value) else str(value)
            if np.ndim(value):
                kept = np.where(np.isin(numbers, chosen), numbers, 0).astype(np.uint16)
                (folder / "images" / cell).write_bytes(encode_map(kept))
            cells.setdefault(category, []).append(cell)
            found.update((number, category) for number in chosen)
    return cells, found, ""


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
