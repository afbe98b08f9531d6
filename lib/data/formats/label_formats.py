"""Read labelled images in other formats than Broden's: index PNGs, COCO panoptic, Cityscapes, tags per image."""

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...runtime.regular_files import check_regular_file
from ..images.lists import leads_out, list_images
from .broden import LARGEST_LABEL, is_number
from .label_maps import open_label_map

T = TypeVar("T")

# format: where images, maps and labels are, below the source
PLACES = {
    "index_png": ("images", "annotations", "labels.csv"),
    "coco_panoptic": ("val2017", "panoptic_val2017", "panoptic_val2017.json"),
    "cityscapes": ("leftImg8bit", "gtFine", None),
    "tags": ("images", None, "tags.csv"),
}
# the label numbers of Cityscapes; 0 to 3 mark the camera car and the border
CITYSCAPES = (
    *("", "", "", "", "static", "dynamic", "ground", "road", "sidewalk", "parking", "rail track", "building", "wall"),
    *("fence", "guard rail", "bridge", "tunnel", "pole", "polegroup", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "caravan", "trailer", "train", "motorcycle"),
    "bicycle",
)


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
        Name and category by label number; an empty name means no label.
    read : list of callable
        For each image, a function that takes `check_size` of `open_label_map` and returns the image's label numbers: a
        map, shape (H, W), int32, 0 = no label; or a list of those that hold for the whole image.
    shift : int
        Offset added to the numbers in the files, because a label has the number 0.
    """

    folder: Path
    images: list[str]
    labels: dict[int, tuple[str, str]]
    read: list[Callable]
    shift: int = 0


def open_labelled_images(source: str | Path, *, format: str, places: dict[str, str]) -> LabelledImages:
    """Open labelled images.

    Parameters
    ----------
    source : str or pathlib.Path
        Their folder.
    format : str
        A key of `PLACES`.
    places : dict of str to str
        Where `images`, `masks` and `labels` are below the source, if not at the default place of the format.

    Returns
    -------
    LabelledImages

    Raises
    ------
    FileNotFoundError
        If a folder, a table or the map of an image is missing.
    ValueError
        If a table cannot be parsed.
    """
    usual = dict(zip(("images", "masks", "labels"), PLACES[format], strict=True)) | places
    found = {name: Path(source).absolute() / place for name, place in usual.items() if place is not None}
    for name, path in found.items():
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist; the `{name}` of a concept set are given in the config.")
    if "labels" in found:
        check_regular_file(found["labels"], name="label table")
    if format == "tags":
        return _open_tags(found["images"], found["labels"])
    if format == "coco_panoptic":
        return _open_coco(**found)
    images = [Path(path).relative_to(found["images"]).as_posix() for path in list_images(found["images"])]
    if format == "cityscapes":
        labels = {number: (name, "object") for number, name in enumerate(CITYSCAPES)}
        names = [image.replace("_leftImg8bit", "_gtFine_labelIds") for image in images]
    else:
        labels, names = _read_labels(found["labels"]), images
    maps = [(found["masks"] / name).with_suffix(".png") for name in names]
    missing = [(image, path) for image, path in zip(images, maps, strict=True) if not path.exists()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(images)} images have no label map; {missing[0][0]} needs {missing[0][1]}."
        )
    shift = int(bool(labels[0][0]))
    labels = {0: ("", "object")} | {number + shift: label for number, label in labels.items()}
    return LabelledImages(found["images"], images, labels, [partial(_read_index, path, shift) for path in maps], shift)


def _read_labels(path: Path) -> dict[int, tuple[str, str]]:
    """Read a table of number, name and perhaps category; with or without a header, by commas or tabs."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
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
    return {0: ("", "object")} | labels


def _tidy(cell: str) -> str:
    return cell.strip().lower()


def _read_index(path: Path, shift: int, check_size: Callable) -> np.ndarray:
    with open_label_map(path, check_size=check_size) as picture:
        numbers = np.asarray(picture)
        if numbers.ndim != 2:
            raise ValueError("it is a colour picture, but each pixel must be one label number")
        return np.add(numbers, shift, dtype=np.int32)


def _open_coco(images: Path, masks: Path, labels: Path) -> LabelledImages:
    try:
        content = json.loads(labels.read_text(encoding="utf-8"))
        names = _by_number("category", ((entry["id"], str(entry["name"])) for entry in content["categories"]))
        pictures = _by_number("image", ((entry["id"], entry["file_name"]) for entry in content["images"]))
        parts = [
            (
                pictures[int(entry["image_id"])],
                entry["file_name"],
                _by_number("segment", ((s["id"], int(s["category_id"])) for s in entry["segments_info"])),
            )
            for entry in content["annotations"]
        ]
        for name in (name for part in parts for name in part[:2]):
            if leads_out(name):
                raise ValueError(f"the path {name!r} leads out of its folder")
    except (ArithmeticError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{labels} is no COCO panoptic annotation: {type(error).__name__} {error}") from error
    if wrong := [number for number in names if not 0 < number <= LARGEST_LABEL]:
        raise ValueError(f"{labels}: category {wrong[0]} must lie between 1 and {LARGEST_LABEL}.")
    if unknown := {number for part in parts for number in part[2].values()} - names.keys():
        raise ValueError(f"{labels}: a segment has the category {min(unknown)}, which `categories` lacks.")
    read = [partial(_read_segments, masks / mask, segments) for _, mask, segments in parts]
    labels = {0: ("", "object")} | {number: (name, "object") for number, name in names.items()}
    return LabelledImages(images, [image for image, _, _ in parts], labels, read)


def _by_number(kind: str, entries: Iterable[tuple[object, T]]) -> dict[int, T]:
    """Return the entries by their numbers, each of which may occur once."""
    found = {}
    for number, entry in entries:
        if int(number) in found:
            raise ValueError(f"the {kind} {int(number)} stands there twice")
        found[int(number)] = entry
    return found


def _read_segments(path: Path, segments: dict[int, int], check_size: Callable) -> np.ndarray:
    with open_label_map(path, check_size=check_size) as picture:
        channels = np.asarray(picture)
        if channels.ndim != 3 or channels.shape[2] < 3:
            raise ValueError("it is no colour picture, but a segment is R + 256 G + 65536 B")
        numbers = channels[..., 2].astype(np.int32)
        for channel in (1, 0):
            numbers = (numbers << 8) | channels[..., channel]
        present = np.unique(numbers)
        if unknown := [int(number) for number in present if number and number not in segments]:
            raise ValueError(f"it holds segment {unknown[0]}, which its `segments_info` lacks")
    labels = np.array([segments.get(int(number), 0) for number in present], np.int32)
    return labels[np.searchsorted(present, numbers)]


def _open_tags(images: Path, labels: Path) -> LabelledImages:
    with labels.open(newline="", encoding="utf-8-sig") as handle:
        try:
            rows = [(row["image"], row["tags"]) for row in csv.DictReader(handle, strict=True)]
        except (KeyError, csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{labels} must be a CSV with the columns `image` and `tags` (by `;`): {error}") from error
    if outside := [image for image, _ in rows if leads_out(image)]:
        raise ValueError(f"{labels}: the path {outside[0]!r} leads out of {images}.")
    tags = [sorted({tag.strip() for tag in (cell or "").split(";")} - {""}) for _, cell in rows]
    names = sorted({tag for found in tags for tag in found})
    if not 0 < len(names) <= LARGEST_LABEL:
        raise ValueError(f"{labels} holds {len(names)} different tags; 1 to {LARGEST_LABEL} are possible.")
    numbers = {name: number for number, name in enumerate(names, start=1)}
    known = {number: (name, "scene") for name, number in numbers.items()}
    read = [partial(_list_tags, [numbers[tag] for tag in found]) for found in tags]
    return LabelledImages(images, [image for image, _ in rows], known, read)


def _list_tags(numbers: list[int], check_size: Callable) -> list[int]:
    """Return the numbers of the tags of an image, which has no map."""
    return numbers
