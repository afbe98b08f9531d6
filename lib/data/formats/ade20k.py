"""Read the full ADE20K: objects and the levels of their parts in colour-coded maps, names in a JSON beside each image."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...runtime.regular_files import check_regular_file
from .broden import LARGEST_LABEL
from .label_maps import open_label_map
from .label_tables import Table, join_tables, read_labels
from .labelled_images import (
    Annotation,
    Choice,
    LabelledImages,
    check_paired,
    list_below,
    pair_maps,
    translate,
)

ENDINGS = (".jpg", "_seg.png")
CATEGORIES = ("object", "part")


def open_ade20k(images: Path, *, labels: Path | None, choice: Choice, ignore: Sequence[int]) -> LabelledImages:
    """Open a folder of the full ADE20K.

    Beside NAME.jpg stand NAME_seg.png (objects), NAME_parts_1.png, NAME_parts_2.png ... (parts, parts of parts ...) and
    NAME.json.

    Parameters
    ----------
    images : pathlib.Path
        The folder; images may be in folders below it.
    labels : pathlib.Path or None
        A table of all numbers and names, in place of the JSON files (edition 2016 has none).
    choice : Choice
    ignore : sequence of int
        Object numbers that mean no label.

    Returns
    -------
    LabelledImages
        An object number in a map of parts is of the category `part`, else `object`.

    Raises
    ------
    FileNotFoundError
        If the map or the JSON of an image is missing.
    ValueError
        If a JSON is damaged, or a map has no image.

    References
    ----------
    Zhou et al., "Semantic Understanding of Scenes Through the ADE20K Dataset", IJCV 2019. Object number = R // 10 * 256 +
    G, which is `name_ndx` in the JSON (edition 2021_17_01).
    """
    found = [path for path in list_below(images) if path.endswith(ENDINGS[0])]
    if not choice:
        check_paired(found, images, endings=ENDINGS)
    found = [found[i] for i in choice.choose(found, folder=images)]
    maps = pair_maps(found, images, endings=ENDINGS)
    if missing := [path for path in maps if not path.exists()]:
        raise FileNotFoundError(f"{len(missing)} of {len(maps)} images have no label map, such as {missing[0]}.")
    stems = [str(path).removesuffix(ENDINGS[1]) for path in maps]
    table = read_labels(labels) if labels else _read_names(stems)
    joined, [known] = join_tables([table], ignore=ignore)
    read = [partial(_read, stem, known) for stem in stems]
    return LabelledImages(images, found, joined, read, CATEGORIES)


def _read_names(stems: list[str]) -> Table:
    """Return the names of all object numbers in the JSON files of some images."""
    table = {}
    for stem in stems:
        path = Path(f"{stem}.json")
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing: the names of ADE20K's objects stand in a JSON beside each image (edition 2021_17_01). "
                "For an edition without them give a table `number,name` under the key `labels` of the concept set."
            )
        check_regular_file(path, name="annotation")
        content = path.read_bytes()
        try:
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError:  # some of the published files
                text = content.decode("latin-1")
            for entry in json.loads(text)["annotation"]["object"]:
                number, category = int(entry["name_ndx"]), CATEGORIES[int(entry["parts"]["part_level"]) > 0]
                if not 0 <= number <= LARGEST_LABEL:
                    raise ValueError(f"the object number {number} is none")
                table.setdefault(number, (str(entry["name"]).strip(), category))
        except (ArithmeticError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} is no annotation of ADE20K: {type(error).__name__} {error}") from error
    return table


def _read(stem: str, known: dict[int, int], check_size: Callable) -> list[Annotation]:
    found = [(CATEGORIES[0], _read_map(Path(f"{stem}{ENDINGS[1]}"), known, check_size))]
    level = 1
    while (path := Path(f"{stem}_parts_{level}.png")).exists():
        found.append((CATEGORIES[1], _read_map(path, known, check_size)))
        level += 1
    return found


def _read_map(path: Path, known: dict[int, int], check_size: Callable) -> np.ndarray:
    with open_label_map(path, check_size=check_size) as picture:
        if picture.mode not in ("RGB", "RGBA"):
            raise ValueError(
                f"it is a picture of mode {picture.mode}, but an object number is R // 10 * 256 + G, which needs RGB"
            )
        channels = np.asarray(picture)
        return translate(channels[..., 0].astype(np.uint16) // 10 * 256 + channels[..., 1], known)
