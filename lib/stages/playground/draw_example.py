"""Stage: write an example of user-provided labelled images: photographs of mixed formats, index PNGs, a label table."""

import csv

import numpy as np
from PIL import Image

from ...playground.drawing import draw_scene
from ...playground.vocabulary import NUMBERS
from ...runtime.atomic import new_folder

N_IMAGES, N_LABELS, IMAGE_SIZE = 50, 12, 128
# file suffix and mode in turn; the 16-bit image is converted by hand
KINDS = (
    (".jpg", "RGB"),
    (".png", "RGB"),
    (".jpg", "L"),
    (".jpg", "CMYK"),
    (".png", "RGBA"),
    (".png", "P"),
    (".png", "I"),
)


def draw_example(*, folder: str, seed: int) -> None:
    """Draw scenes and write them as `images/`, `annotations/` and `labels.csv`.

    Parameters
    ----------
    folder : str
        Output folder.
    seed : int
    """
    with new_folder(folder) as draft:
        for name in ("images", "annotations"):
            (draft / name).mkdir(parents=True)
        scenes = [draw_scene(i, image_size=IMAGE_SIZE, seed=seed)[:2] for i in range(N_IMAGES)]
        maps = [found["object"][0].astype(int) for _, found in scenes]
        counts = np.bincount(
            np.concatenate([numbers.reshape(-1) for numbers in maps]), minlength=max(NUMBERS.values()) + 1
        )
        counts[0] = 0
        chosen = np.argsort(-counts, kind="stable")[:N_LABELS]
        new = np.zeros(len(counts), dtype=np.uint8)
        new[chosen] = np.arange(1, N_LABELS + 1)
        for i, ((picture, _), numbers) in enumerate(zip(scenes, maps, strict=True)):
            suffix, mode = KINDS[i % len(KINDS)]
            if mode == "I":
                picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
            picture = picture if mode == "I" else picture.convert(mode)
            picture.save(draft / "images" / f"{i:02}{suffix}")
            Image.fromarray(new[numbers]).save(draft / "annotations" / f"{i:02}.png")
        names = {number: name for name, number in NUMBERS.items()}
        with (draft / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            rows = [(i + 1, names[number], "object") for i, number in enumerate(chosen.tolist())]
            csv.writer(file, lineterminator="\n").writerows([("number", "name", "category"), *rows])
