"""Tables of label numbers and names: those of users, and those that a data set fixes."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from .broden import LARGEST_LABEL, is_number

Table = dict[int, tuple[str, str]]  # name and category by number; an empty name means no label

# the label numbers of Cityscapes; 0 to 3 mark the camera car and the border
CITYSCAPES = (
    *("", "", "", "", "static", "dynamic", "ground", "road", "sidewalk", "parking", "rail track", "building", "wall"),
    *("fence", "guard rail", "bridge", "tunnel", "pole", "polegroup", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "caravan", "trailer", "train", "motorcycle"),
    "bicycle",
)
# those on which networks are trained and evaluated, in the order of their training numbers 0 to 18
CITYSCAPES_TRAINED = (7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33)
# the label numbers of Pascal VOC; 0 is the background
VOC = (
    *("", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
VOID = 255  # number of pixels without a label in VOC, COCO-Stuff and the training numbers of Cityscapes

_NUMBERED_LINE = re.compile(r"\s*(\d+)\s*:\s*(.*)")


def cityscapes_table(*, n_classes: int, train_ids: bool) -> Table:
    """Return the table of Cityscapes.

    Parameters
    ----------
    n_classes : int
        30 (all) or 19 (those that networks are trained on).
    train_ids : bool
        Whether the maps hold training numbers (`*_labelTrainIds.png`), which only the 19 classes have.

    Returns
    -------
    dict of int to (str, str)

    References
    ----------
    Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016.
    """
    if train_ids:
        trained = {train_id: (CITYSCAPES[number], "object") for train_id, number in enumerate(CITYSCAPES_TRAINED)}
        return trained | {VOID: ("", "object")}
    kept = CITYSCAPES_TRAINED if n_classes == len(CITYSCAPES_TRAINED) else range(len(CITYSCAPES))
    return {number: (name if number in kept else "", "object") for number, name in enumerate(CITYSCAPES)}


def voc_table() -> Table:
    """Return the table of Pascal VOC: 20 classes, background and border without a label."""
    return {number: (name, "object") for number, name in enumerate(VOC)} | {VOID: ("", "object")}


def coco_stuff_table(path: Path) -> Table:
    """Return the table of the maps of COCO-Stuff, whose numbers are those of its `labels.txt` less 1."""
    listed = read_labels(path)
    return {number - 1: label for number, label in listed.items() if number} | {VOID: ("", "object")}


def read_labels(path: Path) -> Table:
    """Read a table of number, name and perhaps category.

    Parameters
    ----------
    path : pathlib.Path
        A text file in UTF-8, with or without a header, separated by commas or tabs; or lines `number: name`.

    Returns
    -------
    dict of int to (str, str)
        The category is `object` where the table names none.

    Raises
    ------
    ValueError
        If it is no such table, or a number is wrong or stands there twice.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        if lines and all(map(_NUMBERED_LINE.fullmatch, lines)):
            rows = [list(_NUMBERED_LINE.fullmatch(line).groups()) for line in lines]
        else:
            rows = list(csv.reader(lines, delimiter="\t" if lines and "\t" in lines[0] else ","))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of labels in UTF-8: {error}") from error
    columns = {"number": 0, "name": 1, "category": 2}
    if rows and not rows[0][0].strip().isdigit():
        header = [{"idx": "number", "id": "number"}.get(cell, cell) for cell in map(_tidy, rows.pop(0))]
        if not {"number", "name"} <= set(header):
            raise ValueError(
                f"{path}: its header is {header}, but needs `number` and `name` (and may have `category`)."
            )
        columns = {name: header.index(name) if name in header else len(header) for name in columns}
    labels = {}
    for row in rows:
        number, name, category = (row[at].strip() if at < len(row) else "" for at in columns.values())
        if not is_number(number) or int(number) >= LARGEST_LABEL or int(number) in labels:
            raise ValueError(f"{path}: {row} needs a number of its own from 0 to {LARGEST_LABEL - 1} and a name.")
        labels[int(number)] = (name, category or "object")
    if not labels:
        raise ValueError(f"{path} holds no label; a line is `number,name` or `number,name,category`.")
    return labels


def _tidy(cell: str) -> str:
    return cell.strip().lower()


def join_tables(tables: Sequence[Table], *, ignore: Sequence[int]) -> tuple[Table, list[dict[int, int]]]:
    """Give every label of one or several tables a number of its own, from 1.

    Parameters
    ----------
    tables : sequence of dict
        Each with its own numbers. Numbers stay as they are in the first one, unless its number 0 is a label: then all
        move by 1.
    ignore : sequence of int
        Numbers in the maps that mean no label.

    Returns
    -------
    labels : dict of int to (str, str)
        Name and category of all labels that have a name.
    numbers : list of dict of int to int
        For each table, the label of each number in the maps; 0 for none.

    Raises
    ------
    ValueError
        If the numbers do not fit a label map.
    """
    labels, numbers = {}, []
    for table in tables:
        kept = {number: label for number, label in table.items() if label[0] and number not in ignore}
        shift = max(labels, default=0) + int(0 in kept)
        numbers.append(dict.fromkeys([0, *table, *ignore], 0) | {number: number + shift for number in kept})
        labels |= {number + shift: label for number, label in kept.items()}
    if labels and max(labels) > LARGEST_LABEL:
        raise ValueError(f"the label tables have numbers up to {max(labels)} together; {LARGEST_LABEL} is the largest.")
    return labels, numbers
