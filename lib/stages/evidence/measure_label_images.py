"""Stage: measure how well images of a concept are told from others by the units whose formulas name it."""

import logging
import os
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from ...data.images.lists import list_dataset_images
from ...data.stores.activations import UnitMaps, iterate_units, open_activations
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.interventions import Responses, concepts_in_images
from ...kernels.evidence.separation import auc_interval, separation
from ...kernels.search.formula import AND_NOT, split_formula
from ...runtime.progress import Progress

logger = logging.getLogger(__name__)

CONTROL = "control"
FEWEST_IMAGES = 5
"""Fewest images with and without a concept from which anything is computed."""


def measure_label_images(
    *,
    images: str,
    responses: str,
    activations: list[str],
    explanations: str,
    concept_set: str,
    label_images: str,
) -> None:
    """Write, for each unit, range and literal, CoSy's AUC and MAD of images with the concept against images without.

    Parameters
    ----------
    images : str
        Folder with one sub-folder per concept of images that show it, and optionally `control` with images that show
        none; else the images of the concept set without the concept are the control.
    responses : str
        Folder that `record_responses` wrote for these images.
    activations : list of str
        Folders of the shards of the activations on the concept set.
    explanations : str
        Table of the formulas.
    concept_set : str
        Store of the atoms.
    label_images : str
        Output table: a row for each literal of each row of `explanations`, or one without statistics if there is no
        formula.

    Raises
    ------
    ValueError
        If the folder has no sub-folder of a concept with images.
    """
    atoms, concepts = read_atoms(concept_set)
    names = concepts["name"].tolist()
    present = dict(zip(names, concepts_in_images(atoms).T, strict=True))
    folders = _images_by_folder(images, names)
    table = read_table(explanations, "explanations")
    found = []
    units = table.groupby("layer", sort=False)["unit"].nunique()
    with Progress(total=int(units.sum()), unit="unit") as progress:
        for layer, rows in table.groupby("layer", sort=False):
            values = pd.DataFrame(np.load(Path(responses, f"{layer}.npy")).T, index=rows.index)
            by_unit = dict(list(rows.groupby("unit", sort=True)))
            store = open_activations(activations, layer)
            for unit, maps in iterate_units(store, list(by_unit)):
                own = by_unit[unit]
                # an image of the concept set is read only where there is no other control
                probed = None if CONTROL in folders else _probe(own, maps)
                for place, row in enumerate(own.to_dict("records")):
                    here = values.loc[own.index[place]].to_numpy(float)
                    control = here[folders[CONTROL]] if CONTROL in folders else probed[:, place]
                    found += _measure_row(row, here, control, folders, present)
                progress.update(1)
    write_table(pd.DataFrame(found, columns=list(COLUMNS["label_images"])), label_images, "label_images")


def _images_by_folder(images: str, names: list[str]) -> dict[str, np.ndarray]:
    """Return {sub-folder: numbers of its images} of the concepts and the control; warn of the others."""
    paths = [PurePath(os.path.relpath(path, images)) for path in list_dataset_images(images, subset="", column="")]
    found = {}
    for number, path in enumerate(paths):
        found.setdefault(path.parts[0] if len(path.parts) > 1 else "", []).append(number)
    unknown = sorted(set(found) - {*names, CONTROL})
    if not set(found) & set(names):
        raise ValueError(
            f"config key evidence.images: none of the sub-folders of {images} with images ({', '.join(unknown) or 'none'}) "
            f"bears the name of a concept, such as {', '.join(names[:3])}. Put the images of each concept into one."
        )
    if unknown:
        where = ", ".join(name or "the folder itself" for name in unknown)
        logger.warning("%s: images in %s belong to no concept of the set and are not used", images, where)
    return {name: np.array(numbers) for name, numbers in found.items() if name not in unknown}


def _probe(rows: pd.DataFrame, maps: UnitMaps) -> np.ndarray:
    """Return the responses of the ranges of one unit to the images of the concept set, shape (n_images, n_ranges)."""
    respond = Responses(np.zeros(len(rows), int), rows["lower"].to_numpy(), rows["upper"].to_numpy())
    return np.concatenate([respond(block[:, None]) for block in maps]).astype(float)


def _measure_row(
    row: dict, here: np.ndarray, control: np.ndarray, folders: dict[str, np.ndarray], present: dict[str, np.ndarray]
) -> list[dict]:
    """Return the rows of the literals of one unit and range."""
    keys = {name: row[name] for name in ("layer", "unit", "range", "status")}
    keys |= {"concept": "", "sign": 0, "n_with": 0, "n_without": 0}
    if row["status"] != "ok":
        return [keys]
    names, operators = split_formula(row["formula"])
    found = []
    for name, sign in zip(names, [1, *(-1 if operator == AND_NOT else 1 for operator in operators)], strict=True):
        without = control if CONTROL in folders else control[~present[name]]
        shown = here[folders[name]] if name in folders else here[:0]
        literal = keys | {"concept": name, "sign": sign, "n_with": len(shown), "n_without": len(without)}
        if not len(shown):
            literal["status"] = "no images"
        elif len(shown) < FEWEST_IMAGES or len(without) < FEWEST_IMAGES:
            literal["status"] = "too few images"
        else:
            literal["auc"], literal["mad"] = separation(shown, without)
            low, high = auc_interval(literal["auc"], len(shown), len(without))
            literal |= {"auc_low": float(low), "auc_high": float(high)}
        found.append(literal)
    return found
