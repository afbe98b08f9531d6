"""Reader of concept data sets in the on-disk format of Broden 1, also used by the playground.

A folder holds `index.csv` (one row per image), `label.csv` (the concepts), `category.csv` and `images/`. A cell of a
category column in the index lists, separated by `;`, label maps (PNG files below `images/`) and numbers of labels that
hold for the whole image.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ...runtime.regular_files import check_regular_file
from ..images.lists import leads_out
from .label_maps import LARGEST_MAP, decode_labels, open_label_map

INDEX_COLUMNS = ("image", "split", "ih", "iw", "sh", "sw")
LABEL_COLUMNS = ("number", "name", "category")
LARGEST_LABEL = 0xFFFF  # a map stores a label number in two bytes
LONGEST_NUMBER = 1000  # digits; Python refuses to convert much longer numbers

_COUNTED_CATEGORY = re.compile(r"\s*(?P<category>.+?)\s*\(\s*(?P<count>\d+)\s*\)\s*")


@dataclass(frozen=True)
class BrodenDataset:
    """Selected images and categories of a Broden folder.

    Attributes
    ----------
    folder : pathlib.Path
        The Broden folder.
    images : list of str
        Absolute path of each image, in the order of the index.
    splits : list of str
        Split of each image (`train`, `val`, ...).
    mask_shape : tuple of int
        Height and width (Hm, Wm) of every label map, in pixels.
    concepts : pandas.DataFrame
        Columns concept (int, the row number, from 0), number (int, the label in the maps), name (str, unique) and
        category (str).
    concept_of : numpy.ndarray of shape (65536,), int32
        Row in `concepts` of each label number; -1 for a label that belongs to no chosen category.
    """

    folder: Path
    images: list[str]
    splits: list[str]
    mask_shape: tuple[int, int]
    concepts: pd.DataFrame
    concept_of: np.ndarray = field(repr=False)
    known: np.ndarray = field(repr=False)
    index_rows: list[int] = field(repr=False)
    cells: dict[str, list[str]] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def annotations(self, i: int) -> list[tuple[str, np.ndarray | int]]:
        """Read every annotation of image `i` in the chosen categories.

        Parameters
        ----------
        i : int
            Position of the image in `images`.

        Returns
        -------
        list of (str, numpy.ndarray or int)
            Category and either a map of label numbers, shape (Hm, Wm), int32, 0 = no label, or the number of a label
            of the whole image. A category occurs once for each of its maps and labels. A number may be absent from
            `concepts` (see `concept_of`).

        Raises
        ------
        FileNotFoundError
            If a label map is missing.
        ValueError
            If a map is unreadable or of another size, or if a number is missing in `label.csv`.
        """
        found: list[tuple[str, np.ndarray | int]] = []
        for category, column in self.cells.items():
            for item in _split(column[i]):
                value = int(item) if is_number(item) else self._read_map(i, category, item)
                if isinstance(value, np.ndarray) or value != 0:
                    self._check_known(i, category, item, value)
                    found.append((category, value))
        return found

    def _read_map(self, i: int, category: str, item: str) -> np.ndarray:
        path = self.folder / "images" / item
        try:
            with open_label_map(path, check_size=self._check_size) as picture:
                return decode_labels(picture)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self._where(i, category)}: the label map {path} does not exist. The data set is incomplete: "
                f"delete {self.folder} so that it is fetched and unpacked again, or copy the missing file."
            ) from None
        except ValueError as error:
            raise ValueError(f"{self._where(i, category)}: {error}") from error

    def _check_size(self, size: tuple[int, int]) -> None:
        if size != self.mask_shape:
            raise ValueError(
                f"it has {size[0]} x {size[1]} pixels, but {self.mask_shape[0]} x {self.mask_shape[1]} in the index "
                "(columns sh, sw)"
            )

    def _check_known(self, i: int, category: str, item: str, value: np.ndarray | int) -> None:
        numbers = np.asarray(value)
        if numbers.max() > LARGEST_LABEL or not self.known[numbers].all():
            unknown = sorted({int(n) for n in np.unique(numbers) if n > LARGEST_LABEL or not self.known[n]})
            raise ValueError(
                f"{self._where(i, category)}: {item} holds the label numbers {unknown[:5]}, which are not in "
                f"{self.folder / 'label.csv'}. The maps and the label table belong to different data sets, or a map is "
                "not stored as label = R + 256 * G."
            )

    def _where(self, i: int, category: str) -> str:
        index = self.folder / "index.csv"
        return f"Image {self.images[i]} (row {self.index_rows[i]} of {index}), category {category!r}"


def open_broden(folder: str | Path, *, subset: str, categories: list[str]) -> BrodenDataset:
    """Open a folder in the format of Broden 1.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder that holds `index.csv`, `label.csv` and `images/`.
    subset : str
        Keep the images whose path in the index contains this text, such as `ade20k`; empty keeps all.
    categories : list of str
        Columns of the index to read, such as `["color", "object"]`. An image with data in none of them is left out.

    Returns
    -------
    BrodenDataset
        The images and concepts chosen. A label belongs to the chosen category in which it is most frequent.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its tables is missing.
    ValueError
        If a table lacks a column, a category does not exist, no image is left, a path leads out of the folder, or the
        maps differ in size.

    References
    ----------
    Bau et al., "Network Dissection: Quantifying Interpretability of Deep Visual Representations", CVPR 2017,
    section 2.1.
    """
    folder = Path(folder).absolute()
    index = _read_table(folder / "index.csv", INDEX_COLUMNS)
    available = [column for column in index.columns if column not in INDEX_COLUMNS]
    _check_categories(categories, available, folder)
    chosen = _choose_rows(index, subset, categories, folder)
    _check_paths(chosen, categories, folder)

    numbers, concepts = _read_concepts(folder / "label.csv", categories)
    known = np.zeros(LARGEST_LABEL + 1, dtype=bool)
    known[0] = True
    known[numbers] = True
    concept_of = np.full(LARGEST_LABEL + 1, -1, dtype=np.int32)
    concept_of[concepts["number"]] = concepts["concept"]
    return BrodenDataset(
        folder=folder,
        images=[str(folder / "images" / name) for name in chosen["image"]],
        splits=chosen["split"].tolist(),
        mask_shape=_mask_shape(chosen, folder),
        concepts=concepts,
        concept_of=concept_of,
        known=known,
        index_rows=[int(row) + 2 for row in chosen.index],  # row 1 of the file is its header
        cells={category: chosen[category].tolist() for category in categories},
    )


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist, so {path.parent} is not a folder in the format of Broden 1.")
    check_regular_file(path, name="table")
    # Labels are called "nan", "null" or "1" in some data sets: everything stays text.
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes extra cells for row names
        raise ValueError(f"{path} cannot be read as a table: a row has more cells than its header.")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; its columns are {', '.join(table.columns)}.")
    return table


def _check_categories(categories: list[str], available: list[str], folder: Path) -> None:
    unknown = [category for category in categories if category not in available]
    if unknown or not categories or len(set(categories)) != len(categories):
        raise ValueError(
            f"The setting `categories` is {categories}; give one or more different categories out of those of "
            f"{folder / 'index.csv'}: {', '.join(available)}."
        )


def _choose_rows(index: pd.DataFrame, subset: str, categories: list[str], folder: Path) -> pd.DataFrame:
    in_subset = index["image"].str.contains(subset, regex=False)
    has_data = (index[categories].apply(lambda column: column.str.strip()) != "").any(axis=1)
    chosen = index[in_subset & has_data]
    if chosen.empty:
        reason = f"no such image has data in {categories}" if in_subset.any() else f"no image path contains {subset!r}"
        examples = ", ".join(index["image"].iloc[:: max(1, len(index) // 5)].head(5)) or "none, the index is empty"
        raise ValueError(
            f"No image is left of {folder / 'index.csv'} ({len(index)} rows): {reason}. Change the setting `subset` or "
            f"`categories`; some paths in the index: {examples}."
        )
    return chosen


def _check_paths(chosen: pd.DataFrame, categories: list[str], folder: Path) -> None:
    for column in ("image", *categories):
        cells = chosen[column]
        items = ((row, item) for row, cell in cells.items() for item in ([cell] if column == "image" else _split(cell)))
        for row, item in items:
            if leads_out(item):
                raise ValueError(
                    f"Row {row + 2} of {folder / 'index.csv'}, column {column!r}: the path {item!r} leads out of "
                    f"{folder / 'images'}. Paths in the index must be relative to `images/` and hold no `..`."
                )


def _mask_shape(chosen: pd.DataFrame, folder: Path) -> tuple[int, int]:
    shapes = chosen[["sh", "sw"]].drop_duplicates()
    if len(shapes) != 1 or not all(is_number(size) and int(size) > 0 for size in shapes.iloc[0]):
        sizes = ", ".join(f"{sh or '?'} x {sw or '?'}" for sh, sw in shapes.head(5).itertuples(index=False))
        raise ValueError(
            f"The label maps of {folder / 'index.csv'} must all have one size; those in columns sh, sw are {sizes}. "
            "Choose images of one size by the setting `subset`, or scale the maps."
        )
    height, width = int(shapes.iloc[0]["sh"]), int(shapes.iloc[0]["sw"])
    if height * width > LARGEST_MAP:
        raise ValueError(
            f"The label maps of {folder / 'index.csv'} have {height} x {width} pixels by its columns sh, sw, but "
            f"{LARGEST_MAP} at most are read; scale the maps."
        )
    return height, width


def _read_concepts(path: Path, categories: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Read the numbers of all labels, shape (N,), int64, and the table of those that belong to a chosen category."""
    labels = _read_table(path, LABEL_COLUMNS)
    wrong = [number for number in labels["number"] if not is_number(number) or int(number) > LARGEST_LABEL]
    counts = Counter(int(number) for number in labels["number"] if is_number(number))  # 2 and 02 are one number
    twice = [str(number) for number, count in counts.items() if count > 1]
    if wrong or twice:
        raise ValueError(
            f"{path}: each label needs a number of its own from 1 to {LARGEST_LABEL}; wrong or repeated: "
            f"{', '.join((wrong + twice)[:5])}."
        )
    labels = labels.assign(number=labels["number"].astype(np.int64))
    labels = labels[labels["number"] > 0]
    labels = labels.assign(category=[_main_category(cell, categories) for cell in labels["category"]])
    concepts = labels[labels["category"] != ""].sort_values("number").reset_index(drop=True)
    if concepts.empty:
        raise ValueError(
            f"{path}: no label belongs to one of the categories {categories} (column `category`, such as "
            "`object(40);part(2)`)."
        )
    concepts = concepts.assign(concept=np.arange(len(concepts)), name=_distinct_names(concepts))
    return labels["number"].to_numpy(), concepts[["concept", "number", "name", "category"]]


def _main_category(cell: str, categories: list[str]) -> str:
    """Return the chosen category with the highest count in a cell like `object(40);part(2)`, or an empty text."""
    best, highest = "", -1
    for item in _split(cell):
        match = _COUNTED_CATEGORY.fullmatch(item)
        name, count = (match["category"], int(match["count"])) if match else (item, 0)
        if name in categories and count > highest:
            best, highest = name, count
    return best


def _distinct_names(concepts: pd.DataFrame) -> list[str]:
    """Return a unique name for each label: its own, or with its category, or with its number too."""
    rows = list(concepts[["name", "category", "number"]].itertuples(index=False))
    plain = [name.strip() or f"label {number}" for name, _, number in rows]
    with_category = [f"{name}-{row.category}" for name, row in zip(plain, rows, strict=True)]
    with_number = [f"{name}-{row.number}" for name, row in zip(with_category, rows, strict=True)]
    names = plain
    for longer in (with_category, with_number):
        counts = Counter(names)
        names = [long if counts[name] > 1 else name for name, long in zip(names, longer, strict=True)]
    return names


def _split(cell: str) -> list[str]:
    return [item for part in cell.split(";") if (item := part.strip())]


def is_number(text: str) -> bool:
    """Return whether a text is a label number: plain digits, not too many, possibly with leading zeros."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
