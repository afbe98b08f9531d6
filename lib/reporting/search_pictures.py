"""Pictures that compare the formulas of the beam search and of the optimal search on the same images."""

from functools import lru_cache

import numpy as np
import pandas as pd

from ..data.formats.broden import open_broden
from ..data.images.photographs import Geometry, load_batch
from ..data.stores.activations import iterate_units, open_activations
from ..data.stores.concepts import read_atoms
from ..data.stores.tables import read_table
from ..kernels.activations.unit_pass import count_per_atom, range_bitmaps
from ..kernels.search.beam import ConceptCounts
from ..kernels.search.formula import parse_formula
from ..kernels.search.naming import shown_names
from ..runtime.atomic import new_folder
from ..runtime.parallel import map_in_order
from ..runtime.progress import Progress
from .formulas import category_order, literals
from .index.chosen import copy_chosen
from .unit_pictures import IMAGES_KEPT, compose_rows, title_font

BITMAP_COLOR, BITMAP_OPACITY = (255, 255, 0), 0.4
OVERLAP_COLOR, OVERLAP_OPACITY = (0, 0, 255), 0.6
"""Colors of the bitmap, and of what a formula has of it."""


def draw_search_pictures(
    *,
    data: str,
    activations: str,
    optimality: list[str],
    ranges: list[str],
    concept_set: str,
    pictures: str,
    layer: str,
    concepts: dict,
    k: int,
    n_reported: int,
    threads: int,
) -> None:
    """Draw `{unit}.png` for every unit of a layer for which the two searches found formulas that are not equivalent.

    Each such range has two rows, the optimal formula above that of the beam, titled by formula and IoU, on the same
    images: the k on which either formula has most pixels of the bitmap. The bitmap is yellow, its pixels inside the
    formula's mask are blue. Images have the size of the mask grid.

    Parameters
    ----------
    data : str
        Folder of the concept data set, in Broden's format.
    activations : str
        Folder with the stores of the layers.
    optimality : list of str
        Tables of the formulas of both searches, of all units of the layer.
    ranges : list of str
        Tables of the ranges, with the same rows.
    concept_set : str
        Store of the atoms.
    pictures : str
        Output folder; empty if the searches agree everywhere.
    layer : str
    concepts : dict
        subset, categories: as `open_broden` takes them.
    k : int
        Maximum number of images per range.
    n_reported : int
        Units whose pictures are copied into the folder `report`, from the best IoU to the worst.
    threads : int

    References
    ----------
    Guaranteed Optimal Compositional Explanations (La Rosa and Gilpin 2026), which shows each formula on images of its
    own.
    """
    atoms, known = read_atoms(concept_set)
    counts, names = ConceptCounts(atoms), known["name"].tolist()
    kinds = known["category"].tolist()
    shown_by_concept = shown_names(names, kinds)
    table, bounds = (
        pd.concat([read_table(path, kind) for path in paths], ignore_index=True)
        for paths, kind in ((optimality, "optimality"), (ranges, "ranges"))
    )
    table = table.join(bounds[["lower", "upper"]])
    table = table[(table["status"] == "ok") & ~table["category"].isin(["same", "equivalent"])]
    by_unit = dict(list(table.groupby("unit", sort=True)))
    shape, images_of = atoms.pixel_atoms.shape[1:], atoms.atom_images()
    paths, geometry = open_broden(data, **concepts).images, Geometry(resize=shape, crop=None)
    font = title_font()
    with new_folder(pictures) as draft:

        @lru_cache(IMAGES_KEPT)
        def load(image: int) -> np.ndarray:
            return load_batch([paths[image]], geometry, threads=1)[0]

        def draw(item: tuple) -> None:
            unit, maps = item
            rows, own = [], by_unit[unit]
            ends = {end: own[end].to_numpy() for end in ("lower", "upper")}
            for row, per_atom in zip(own.itertuples(), count_per_atom(maps, atoms, **ends)):
                found = []
                for search, iou, text in (
                    ("optimal", row.optimal_iou, row.optimal_formula),
                    ("beam", row.beam_iou, row.beam_formula),
                ):
                    formula = parse_formula(text, names)
                    named = ([column[concept] for concept in formula.concepts] for column in (shown_by_concept, kinds))
                    said = literals(text, *named, order=category_order(kinds))
                    found.append((f"{search}, IoU {iou:.4f}:", counts.holds(formula), said))
                either = (found[0][1] | found[1][1])[atoms.atom_set]
                overlap = np.bincount(images_of, weights=per_atom * either, minlength=atoms.n_images)
                chosen = np.argsort(-overlap, kind="stable")[:k]
                chosen = chosen[overlap[chosen] > 0]
                bitmaps = range_bitmaps(maps.take(chosen), lower=row.lower, upper=row.upper, shape=shape)
                for title, holds, said in found:
                    shown = [
                        paint_overlap(load(image), bitmap, atoms.image_mask(holds, image))
                        for image, bitmap in zip(chosen.tolist(), bitmaps)
                    ]
                    rows.append((f"unit {unit}, {row.range}, {title}", shown, said))
            compose_rows(rows, k, shape=shape, font=font).save(draft / f"{unit}.png", "PNG", compress_level=6)

        items = iterate_units(open_activations(activations, layer), list(by_unit))
        for _ in Progress(map_in_order(draw, items, threads=threads), total=len(by_unit), unit="unit"):
            pass
        best = table.groupby("unit", as_index=False)["optimal_iou"].max()
        copy_chosen(draft, best.rename(columns={"optimal_iou": "iou"}), n_reported)


def paint_overlap(picture: np.ndarray, bitmap: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a picture with the bitmap in one color and its pixels inside a formula's mask in another.

    Parameters
    ----------
    picture : numpy.ndarray of shape (H, W, 3), uint8
    bitmap, mask : numpy.ndarray of shape (H, W), bool

    Returns
    -------
    numpy.ndarray of shape (H, W, 3), uint8
    """
    shown = picture.astype(np.float32)
    for where, color, opacity in (
        (bitmap, BITMAP_COLOR, BITMAP_OPACITY),
        (bitmap & mask, OVERLAP_COLOR, OVERLAP_OPACITY),
    ):
        shown[where] = (1 - opacity) * shown[where] + opacity * np.array(color, np.float32)
    return np.round(shown).astype(np.uint8)
