"""Pictures of units: for each range and its formula, images on which they agree, dark outside the bitmap.

The outline of the formula's mask is drawn on top.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from ..data.formats.broden import open_broden
from ..data.images.photographs import Geometry, load_batch
from ..data.stores.activations import iterate_units, open_activations
from ..data.stores.concepts import read_atoms
from ..data.stores.tables import read_table
from ..kernels.activations.unit_pass import count_per_atom, range_bitmaps
from ..kernels.metrics.formulas import image_ious
from ..kernels.search.beam import ConceptCounts
from ..kernels.search.formula import parse_formula
from ..runtime.atomic import new_folder
from ..runtime.parallel import map_in_order
from ..runtime.progress import Progress
from .formulas import Literal, category_order, row_literals
from .index.chosen import copy_chosen, shown_range

GAP, TITLE, FONT_SIZE = 4, 18, 11
"""Gap between images, height of a title and size of its font, in pixels."""

OUTLINE = (255, 200, 0)
"""Color of the outline of a formula's mask."""

IMAGES_KEPT = 2048


def draw_unit_pictures(
    *,
    data: str,
    activations: str,
    explanations: list[str],
    concept_set: str,
    pictures: str,
    layer: str,
    concepts: dict,
    k: int,
    n_reported: int,
    threads: int,
) -> None:
    """Draw `{unit}.png` for every unit of a layer: one row per activation range, under its formula and IoU.

    A row shows up to k images whose own IoU exceeds that of the range over all images, best first; everything outside the
    bitmap is black. Images have the size of the mask grid.

    Parameters
    ----------
    data : str
        Folder of the concept data set, in Broden's format.
    activations : str
        Folder with the stores of the layers.
    explanations : list of str
        Tables of the formulas of all units of the layer.
    concept_set : str
        Store of the atoms.
    pictures : str
        Output folder.
    layer : str
    concepts : dict
        subset, categories: as `open_broden` takes them.
    k : int
        Maximum number of images per range.
    n_reported : int
        Units whose pictures are copied into the folder `report`, from the best IoU to the worst.
    threads : int
    """
    atoms, names = read_atoms(concept_set)
    order = category_order(names["category"])
    counts, names = ConceptCounts(atoms), names["name"].tolist()
    table = pd.concat([read_table(path, "explanations") for path in explanations], ignore_index=True)
    by_unit = dict(list(table.groupby("unit", sort=True)))
    shape = atoms.pixel_atoms.shape[1:]
    paths, geometry = open_broden(data, **concepts).images, Geometry(resize=shape, crop=None)
    font = title_font()
    with new_folder(pictures) as draft:

        @lru_cache(IMAGES_KEPT)
        def load(image: int) -> np.ndarray:
            return load_batch([paths[image]], geometry, threads=1)[0]

        def draw(item: tuple) -> None:
            unit, maps = item
            rows = []
            usable = by_unit[unit]["status"] == "ok"
            bounds = {end: by_unit[unit].loc[usable, end].to_numpy() for end in ("lower", "upper")}
            per_atom = iter(count_per_atom(maps, atoms, **bounds))
            for row in by_unit[unit].itertuples():
                if row.status != "ok":
                    rows.append((f"{row.range}: {row.status}", [], []))
                    continue
                holds = counts.holds(parse_formula(row.formula, names))
                ious = image_ious(next(per_atom), holds, atoms)
                better = np.flatnonzero(ious > row.iou)
                chosen = better[np.argsort(-ious[better], kind="stable")[:k]]
                bitmaps = range_bitmaps(maps.take(chosen), lower=row.lower, upper=row.upper, shape=shape)
                shown = [
                    _show(load(image), bitmap, atoms.image_mask(holds, image))
                    for image, bitmap in zip(chosen.tolist(), bitmaps)
                ]
                rows.append((f"{row.range}, IoU {row.iou:.3f}:", shown, row_literals(row, order)))
            compose_rows(rows, k, shape=shape, font=font).save(draft / f"{unit}.png", "PNG", compress_level=6)

        items = iterate_units(open_activations(activations, layer), list(by_unit))
        for _ in Progress(map_in_order(draw, items, threads=threads), total=len(by_unit), unit="unit"):
            pass
        shown = table[table["range"] == shown_range(table["range"].unique().tolist())]
        copy_chosen(draft, shown[["unit", "iou"]], n_reported)


def _show(picture: np.ndarray, bitmap: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a picture that is dark outside the bitmap, with the outline of the formula's mask."""
    shown = picture * bitmap[:, :, None]
    shown[find_boundaries(mask, mode="inner")] = OUTLINE
    return shown


def title_font() -> ImageFont.FreeTypeFont:
    """Return the font of titles."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), FONT_SIZE)


@dataclass(frozen=True)
class _Piece:
    """A part of a title in its colour, and its length in pixels with the space behind it."""

    text: str
    length: float
    color: str = "black"
    struck: bool = False


def _pieces(title: str, formula: list[Literal], font: ImageFont.FreeTypeFont) -> list[_Piece]:
    """Return a title and the formula behind it: concepts in the colours of their categories, struck through under NOT."""
    found = []

    def add(text: str, end: str = "", **look: str | bool) -> None:
        if text:
            found.append(_Piece(text, font.getlength(text + end), **look))

    add(title, " ")
    for one in formula:
        add(" ".join(filter(None, (one.operator, "not" if one.negated else ""))), " ")
        add(one.before)
        add(one.name, color=one.color, struck=one.negated)
        add(f" ({one.suffix})" if one.suffix else "", color=one.color)
        add(one.after)
        add(" ")
    return found


def compose_rows(rows: list, k: int, *, shape: tuple[int, int], font: ImageFont.ImageFont) -> Image.Image:
    """Return rows of images below each other, each under its title.

    Parameters
    ----------
    rows : list of (str, list of numpy.ndarray of shape (H, W, 3), uint8, list of Literal)
        Title, images, and the formula behind the title.
    k : int
        Largest number of images in a row.
    shape : tuple of int
        (H, W).
    font : PIL.ImageFont.ImageFont

    Returns
    -------
    PIL.Image.Image
    """
    height, width = shape
    titles = [_pieces(title, formula, font) for title, _, formula in rows]
    widest = max((sum(piece.length for piece in title) for title in titles), default=0)
    size = max(k * (width + GAP), int(widest) + GAP) + GAP, len(rows) * (TITLE + height + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, (title, (_, images, _)) in enumerate(zip(titles, rows)):
        top, left = number * (TITLE + height + GAP), float(GAP)
        for piece in title:
            draw.text((left, top + 2), piece.text, piece.color, font=font)
            if piece.struck:
                middle = top + 3 + FONT_SIZE // 2
                draw.line((left, middle, left + font.getlength(piece.text), middle), piece.color)
            left += piece.length
        for place, image in enumerate(images):
            sheet.paste(Image.fromarray(image), (GAP + place * (width + GAP), top + TITLE))
    return sheet
