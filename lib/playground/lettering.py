"""Scenes with a word written in the corner: the name of the scene on images to train on, a wrong one on images to test on.

A network that reads the word instead of the scene is right in training and validation, and wrong in the test.
"""

from functools import partial
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageFont

from ..runtime.atomic import new_folder
from .drawing import JPEG_QUALITY, SCENE_KINDS, draw_all, draw_scene, scene_of, write_maps, write_tables
from .vocabulary import NAMES, NUMBERS

TEXT = "text"
"""The concept of the word and the box around it, an object."""

SPLITS = ("train", "train", "train", "val", "test")
"""Splits of one run of as many images as there are kinds of scenes, after the other."""

HEIGHT = 0.25
"""Height of a letter's line, as a share of the image's; long words are smaller, so that they fit the width."""

_NAMES = NAMES | {"object": (*NAMES["object"], TEXT)}
_NUMBERS = NUMBERS | {TEXT: len(NUMBERS) + 1}
_COLORS = {"paper": (244, 244, 240), "ink": (30, 30, 34)}


def word_of(index: int, *, share: float, seed: int) -> str:
    """Return the word on an image; empty for none.

    Images with a word keep it at a larger share.

    Parameters
    ----------
    index : int
        Index of the image.
    share : float
        Share of the images to train and validate on that carry the name of their scene. All images to test on carry the name
        of another one.
    seed : int
    """
    scene = scene_of(index, seed=seed)
    rng = numpy.random.default_rng(numpy.random.SeedSequence(seed, spawn_key=(2, index)))
    drawn, wrong = rng.random(), rng.integers(len(SCENE_KINDS) - 1)
    if split_of(index) == "test":
        return [name for name in SCENE_KINDS if name != scene][wrong]
    return scene if drawn < share else ""


def split_of(index: int) -> str:
    """Return the split of an image; each has all kinds of scenes equally often."""
    return SPLITS[index // len(SCENE_KINDS) % len(SPLITS)]


def write_word(
    image: Image.Image, maps: dict[str, list[numpy.ndarray]], word: str
) -> tuple[Image.Image, dict[str, list[numpy.ndarray]]]:
    """Write a word into the lower left corner, dark on a white box, and into the label maps.

    Parameters
    ----------
    image : PIL.Image.Image
    maps : dict of str to list of numpy.ndarray
        As `draw_scene` returns them.
    word : str

    Returns
    -------
    image, maps
        Copies.
    """
    image, maps = image.copy(), {category: [one.copy() for one in labels] for category, labels in maps.items()}
    size = image.size[1]
    text, margin = word.replace("_", " "), max(1, round(0.02 * size))
    line = HEIGHT * size
    font = ImageFont.load_default(line)
    if (width := font.getlength(text)) > size - 2 * margin:
        line *= (size - 2 * margin) / width
        font = ImageFont.load_default(line)
    # letters are whole pixels wide, so that the width of a word is not exactly proportional to its height
    while margin + _width_of_ink(text, font) > size:
        line *= 0.98
        font = ImageFont.load_default(line)
    left, top, right, bottom = font.getbbox(text)
    width, height = min(size, right - left + 2 * margin), bottom - top + 2 * margin
    # whole pixels of the maps, which have half the size
    width, height = (-(-round(side) // 2) * 2 for side in (width, height))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, size - height, width - 1, size - 1), fill=_COLORS["paper"])
    pen.text((margin - left, size - height + margin - top), text, font=font, fill=_COLORS["ink"])
    rows, columns = slice((size - height) // 2, None), slice(0, width // 2)
    for category, labels in maps.items():
        for number, one in enumerate(labels):
            named = {"object": _NUMBERS[TEXT], "color": _NUMBERS["white-c"]}.get(category, 0)
            one[rows, columns] = named if number == 0 else 0
    return image, maps


def _width_of_ink(text: str, font: ImageFont.FreeTypeFont) -> int:
    """Return the columns from the left end of the text's box to its last column with ink."""
    mask, (shift, _) = font.getmask2(text)
    return shift + mask.getbbox()[2] - font.getbbox(text)[0]


def _write_scene(
    index: int, *, root: Path, share: float, image_size: int, seed: int
) -> tuple[dict[str, str], dict[str, numpy.ndarray]]:
    image, maps, scene = draw_scene(index, image_size=image_size, seed=seed)
    if word := word_of(index, share=share, seed=seed):
        image, maps = write_word(image, maps, word)
    split = split_of(index)
    stem = f"{split}/{index:06d}"
    image.save(root / f"{stem}.jpg", quality=JPEG_QUALITY, subsampling=0)
    cells, shares = write_maps(root, stem, maps, scene=scene, n_labels=len(_NUMBERS))
    return {"image": f"{stem}.jpg", "split": split} | cells, shares


def draw_lettered(
    folder: str | Path, *, share: float, n_images: int, image_size: int, seed: int, processes: int
) -> None:
    """Draw scenes with words and write them in the format of Broden 1, with the concept `text`.

    Parameters
    ----------
    folder : str or Path
        Folder to make.
    share : float
        As for `word_of`.
    n_images : int
        Images of all splits, at least 80: one of each kind of scene in each split.
    image_size : int
        Edge of the images, pixels; even.
    seed : int
    processes : int
        Number of processes that draw; it changes nothing but the time.
    """
    with new_folder(Path(folder)) as draft:
        for split in set(SPLITS):
            (draft / "images" / split).mkdir(parents=True)
        work = partial(_write_scene, root=draft / "images", share=share, image_size=image_size, seed=seed)
        drawn = draw_all(work, n_images, processes=processes)
        write_tables(draft, drawn, image_size=image_size, names=_NAMES, numbers=_NUMBERS)
