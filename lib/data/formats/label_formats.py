"""Open labelled images in other formats than Broden's: index maps, and the published layouts of common data sets."""

import csv
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...runtime.regular_files import check_regular_file
from ..images.lists import leads_out
from .ade20k import open_ade20k
from .broden import LARGEST_LABEL
from .coco import open_coco
from .label_maps import open_label_map
from .label_tables import Table, cityscapes_table, coco_stuff_table, join_tables, read_labels, voc_table
from .labelled_images import Annotation, Choice, LabelledImages, check_paired, list_below, pair_maps, translate

# format: where images, maps and labels are, below the source
PLACES = {
    "index_png": ("images", "annotations", "labels.csv"),
    "ade20k": ("images/ADE", None, None),
    "coco_panoptic": ("val2017", "panoptic_val2017", "panoptic_val2017.json"),
    "coco_stuff": ("images/val2017", "annotations/val2017", "labels.txt"),
    "cityscapes": ("leftImg8bit", "gtFine", None),
    "cityscapes_19": ("leftImg8bit", "gtFine", None),
    "voc": ("JPEGImages", "SegmentationClass", None),
    "tags": ("images", None, "tags.csv"),
}
# format of index maps: the end of an image's name, and what takes its place in the name of its map
ENDINGS = {
    "index_png": ("", ".png"),
    "coco_stuff": (".jpg", ".png"),
    "cityscapes": ("_leftImg8bit.png", "_gtFine_labelIds.png"),
    "cityscapes_19": ("_leftImg8bit.png", "_gtFine_labelIds.png"),
    "voc": (".jpg", ".png"),
}
TRAIN_IDS = "_labelTrainIds.png"


def open_labelled_images(
    source: str | Path,
    *,
    format: str,
    places: dict[str, str | list[str]],
    mask_suffix: str | None = None,
    ignore: Sequence[int] = (),
    subset: str = "",
    image_list: str | None = None,
) -> LabelledImages:
    """Open labelled images.

    Parameters
    ----------
    source : str or pathlib.Path
        Their folder.
    format : str
        A key of `PLACES`.
    places : dict of str to str or list of str
        Where `images`, `masks` and `labels` are below the source, if not at the default place of the format. Several
        `masks`, each with its `labels`, are possible in `index_png`.
    mask_suffix : str or None
        End of the names of index maps, in place of the format's.
    ignore : sequence of int
        Numbers in the maps that mean no label.
    subset : str
        Only images whose path below the folder of images contains this text.
    image_list : str or None
        Text file below the source that lists the images in use.

    Returns
    -------
    LabelledImages

    Raises
    ------
    FileNotFoundError
        If a folder, a table or the map of an image is missing.
    ValueError
        If a table cannot be parsed, a map has no image, or no image is left.
    """
    source = Path(source).absolute()
    usual = dict(zip(("images", "masks", "labels"), PLACES[format], strict=True)) | places
    found = {name: _below(source, place) for name, place in usual.items() if place is not None}
    for name, paths in found.items():
        for path in paths:
            if not path.exists():
                raise FileNotFoundError(_missing(path, name))
            if name == "labels":
                check_regular_file(path, name="label table")
    choice = Choice(subset, source / image_list if image_list else None)
    [images], labels = found["images"], found.get("labels", [])
    if format == "tags":
        return _open_tags(images, labels[0], choice)
    if format == "ade20k":
        return open_ade20k(images, labels=labels[0] if labels else None, choice=choice, ignore=ignore)
    if format == "coco_panoptic":
        return open_coco(images, masks=found["masks"][0], labels=labels[0], choice=choice, ignore=ignore)
    endings = ENDINGS[format][0], mask_suffix or ENDINGS[format][1]
    tables = _tables(format, labels, endings[1])
    if len(tables) != len(found["masks"]):
        raise ValueError(
            f"{source} has {len(found['masks'])} folders of label maps, but {len(tables)} label tables; give `masks` and "
            "`labels` of the concept set as lists of the same length."
        )
    return _open_maps(images, found["masks"], tables, endings=endings, choice=choice, ignore=ignore)


def _below(source: Path, place: str | list[str]) -> list[Path]:
    return [source / one for one in ([place] if isinstance(place, str) else place)]


def _missing(path: Path, name: str) -> str:
    text = f"{path} does not exist; the `{name}` of a concept set are given in the config."
    if name == "labels":
        text += (
            " It is the table of label numbers and names. objectInfo150.txt of ADE20K-150 is part of the archive "
            "ADEChallengeData2016.zip, labels.txt of COCO-Stuff of its repository nightrome/cocostuff."
        )
    return text


def _tables(format: str, labels: list[Path], ending: str) -> list[Table]:
    if format.startswith("cityscapes"):
        n_classes = 19 if format == "cityscapes_19" else 30
        return [cityscapes_table(n_classes=n_classes, train_ids=ending.endswith(TRAIN_IDS))]
    if format == "voc":
        return [voc_table()]
    return [coco_stuff_table(path) if format == "coco_stuff" else read_labels(path) for path in labels]


def _open_maps(
    images: Path,
    masks: list[Path],
    tables: list[Table],
    *,
    endings: tuple[str, str],
    choice: Choice,
    ignore: Sequence[int],
) -> LabelledImages:
    """Open images with index maps: one in the first folder of maps, perhaps one in each other folder."""
    found = list_below(images)
    if not choice:
        for folder in masks:
            check_paired(found, folder, endings=endings)
    found = [found[i] for i in choice.choose(found, folder=images)]
    maps = [pair_maps(found, folder, endings=endings) for folder in masks]
    missing = [(image, path) for image, path in zip(found, maps[0], strict=True) if not path.exists()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(found)} images have no label map; {missing[0][0]} needs {missing[0][1]}. Choose the "
            "images in use by `subset` or `image_list` of the concept set, or name the end of its maps in `mask_suffix`."
        )
    for folder, paths in zip(masks[1:], maps[1:], strict=True):
        if not any(path.exists() for path in paths):
            raise FileNotFoundError(f"{folder} has no label map of any of the {len(found)} images, such as {paths[0]}.")
    labels, known = join_tables(tables, ignore=ignore)
    of_image = [
        [(path, numbers) for k, (path, numbers) in enumerate(zip(paths, known, strict=True)) if not k or path.exists()]
        for paths in zip(*maps, strict=True)
    ]
    return LabelledImages(images, found, labels, [partial(_read_maps, parts) for parts in of_image])


def _read_maps(parts: list[tuple[Path, dict[int, int]]], check_size: Callable) -> list[Annotation]:
    return [("", _read_index(path, known, check_size)) for path, known in parts]


def _read_index(path: Path, known: dict[int, int], check_size: Callable) -> np.ndarray:
    with open_label_map(path, check_size=check_size) as picture:
        numbers = np.asarray(picture)
        if numbers.ndim != 2:
            raise ValueError(
                f"it is a colour picture (mode {picture.mode}), but each pixel must be one label number; format ade20k "
                "reads colour-coded objects"
            )
        if numbers.dtype.kind not in "uib":
            raise ValueError(f"it is a picture of mode {picture.mode}, but label numbers are whole")
        return translate(numbers, known)


def _open_tags(images: Path, labels: Path, choice: Choice) -> LabelledImages:
    with labels.open(newline="", encoding="utf-8-sig") as handle:
        try:
            rows = [(row["image"], row["tags"]) for row in csv.DictReader(handle, strict=True)]
        except (KeyError, csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{labels} must be a CSV with the columns `image` and `tags` (by `;`): {error}") from error
    if outside := [image for image, _ in rows if leads_out(image)]:
        raise ValueError(f"{labels}: the path {outside[0]!r} leads out of {images}.")
    rows = [rows[i] for i in choice.choose([image for image, _ in rows], folder=images)]
    tags = [sorted({tag.strip() for tag in (cell or "").split(";")} - {""}) for _, cell in rows]
    names = sorted({tag for found in tags for tag in found})
    if not 0 < len(names) <= LARGEST_LABEL:
        raise ValueError(f"{labels} holds {len(names)} different tags; 1 to {LARGEST_LABEL} are possible.")
    numbers = {name: number for number, name in enumerate(names, start=1)}
    known = {number: (name, "scene") for name, number in numbers.items()}
    read = [partial(_list_tags, [numbers[tag] for tag in found]) for found in tags]
    return LabelledImages(images, [image for image, _ in rows], known, read)


def _list_tags(numbers: list[int], check_size: Callable) -> list[Annotation]:
    """Return the tags of an image, which has no map."""
    return [("", number) for number in numbers]
