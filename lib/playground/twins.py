"""Twins of scenes: the same scene without one kind of thing, all else the same to the byte."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy
import pandas
from PIL import Image

from ..runtime.atomic import new_folder
from .drawing import draw_all, draw_scene, write_maps, write_tables
from .stage import THINGS
from .vocabulary import NUMBERS

FIRST_SCENE = 1_000_000
"""Twins are of the scenes from this one on, which no data set holds: none has more scenes than this."""

# fast, and noise cannot be compressed much anyway
PNG_LEVEL = 1

_NAMES = {number: name for name, number in NUMBERS.items()}

Drawn = tuple[Image.Image, dict[str, list[numpy.ndarray]], str]


def draw_scene_and_twins(index: int, *, image_size: int, seed: int) -> Iterator[tuple[str, Drawn]]:
    """Draw a scene, and once more without each kind of thing that is visible in it.

    Surfaces (sky, grass, walls) and what is painted on them cannot be left out. Twins that show the same as the scene are
    passed over, such as a forest without the only tree if that stands behind others.

    Parameters
    ----------
    index, image_size, seed : int
        As for `draw_scene`.

    Yields
    ------
    removed : str
        Kind of thing that is left out; empty for the whole scene, which comes first.
    drawn : tuple
        What `draw_scene` returns.
    """
    whole = draw_scene(index, image_size=image_size, seed=seed)
    yield "", whole
    visible = visible_labels(whole[1])
    for name in THINGS:
        if NUMBERS[name] in visible:
            twin = draw_scene(index, image_size=image_size, seed=seed, without=name)
            if not numpy.array_equal(whole[0], twin[0]):
                yield name, twin


def visible_labels(maps: dict[str, list[numpy.ndarray]]) -> set[int]:
    """Return the label numbers in the maps of an image."""
    return {number for labels in maps.values() for one in labels for number in numpy.unique(one).tolist()} - {0}


def draw_twins(folder: Path, *, n_scenes: int, image_size: int, seed: int, processes: int) -> pandas.DataFrame:
    """Draw scenes with their twins and write them in the format of Broden 1, images without loss.

    Parameters
    ----------
    folder : Path
        Folder to make.
    n_scenes : int
    image_size : int
        Edge of the images, pixels; even.
    seed : int
        Seed of the playground.
    processes : int
        Number of processes that draw; it changes nothing but the time.

    Returns
    -------
    pandas.DataFrame
        Per image, in the order of index.csv: image (its number), whole (number of the image of the whole scene), removed
        (kind of thing left out; empty for a whole scene), gone (labels that the scene has and its twin does not, joined
        by `;`).
    """
    with new_folder(folder) as draft:
        (draft / "images").mkdir(parents=True)
        work = partial(_write_scene_and_twins, root=draft / "images", image_size=image_size, seed=seed)
        scenes = draw_all(work, n_scenes, processes=processes)
        write_tables(draft, [drawn for scene in scenes for _, _, *drawn in scene], image_size=image_size)
    rows, whole = [], 0
    for scene in scenes:
        rows += [(whole + k, whole, removed, gone) for k, (removed, gone, *_) in enumerate(scene)]
        whole += len(scene)
    return pandas.DataFrame(rows, columns=["image", "whole", "removed", "gone"])


def _write_scene_and_twins(scene: int, *, root: Path, image_size: int, seed: int) -> list[tuple]:
    """Write the images of a scene; return for each what was removed, what is gone, its cells and its shares."""
    written, before = [], set()
    for k, (removed, drawn) in enumerate(draw_scene_and_twins(FIRST_SCENE + scene, image_size=image_size, seed=seed)):
        image, maps, kind = drawn
        stem = f"{scene:05d}_{k:02d}"
        image.save(root / f"{stem}.png", compress_level=PNG_LEVEL)
        cells, shares = write_maps(root, stem, maps, scene=kind)
        labels = visible_labels(maps)
        before = before if k else labels
        gone = ";".join(_NAMES[number] for number in sorted(before - labels))
        written.append((removed, gone, {"image": f"{stem}.png", "split": "twins"} | cells, shares))
    return written
