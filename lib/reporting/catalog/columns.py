"""The columns of the catalog's scripts: what the list needs of all units, and what charts and tables need of a few."""

import numpy as np

from ...data.formats.exemplars import Exemplars
from ...kernels.evidence.verdicts import VERDICTS
from ...kernels.search.formula import quote_name, split_formula
from ..formulas import category_order
from .records import TRUST, ConceptSet, as_json_numbers, shown_decimals


def layer_of(found: Exemplars) -> dict:
    """Describe a layer: its name, and height and width of its exemplars in pixels.

    Parameters
    ----------
    found : Exemplars
        Exemplars of the layer.
    """
    height, width = found.images.shape[-2:]
    return {"name": found.layer, "height": height, "width": width}


def index_columns(concept_set: ConceptSet) -> dict:
    """Collect the data of a concept set for the list of units: rows of (unit, range), formulas and statuses by number.

    A formula is a list of concepts and operators in turn, such as [3, 1, 0] for the names 3 and 0 joined by AND. A concept
    has its name in the tables, its name as people read it, and its category; `quoted` are the names that stand in quotes in
    formulas, `category_order` is that of the colours. `dissection` has the best single concept of each row, with a number and category
    of its own, and its IoU.

    Parameters
    ----------
    concept_set : ConceptSet
        Explanations of all units.

    Returns
    -------
    dict
        JSON-serialisable.
    """
    formulas, formula = np.unique(concept_set.formulas.astype(str), return_inverse=True)
    statuses, status = np.unique(concept_set.statuses.astype(str), return_inverse=True)
    parts = [split_formula(text) if text else ([], ()) for text in formulas.tolist()]
    names = sorted({name for found, _ in parts for name in found})
    numbers = {name: number for number, name in enumerate(names)}
    codes = [
        [part for pair in zip((-1, *operators), map(numbers.get, found)) for part in pair][1:]
        for found, operators in parts
    ]
    numbers_of = concept_set.numbers
    known = [name for name in sum(TRUST.values(), ()) if np.isfinite(numbers_of[name]).any()]
    overview = {
        "name": concept_set.name,
        "ranges": concept_set.ranges,
        "names": names,
        "quoted": {number: quote_name(name) for number, name in enumerate(names) if quote_name(name) != name},
        "shown": [concept_set.concepts[name][0] for name in names],
        "categories": [concept_set.concepts[name][1] for name in names],
        "category_order": category_order(kind for _, kind in concept_set.concepts.values()),
        "formulas": codes,
        "statuses": statuses.tolist(),
        "formula": formula.ravel().tolist(),
        "status": status.ravel().tolist(),
        "iou": as_json_numbers(numbers_of["iou"].ravel()),
        "decimals": shown_decimals(numbers_of["iou"], numbers_of["n_activations"]).ravel().tolist(),
        "coverage": as_json_numbers(numbers_of["activation_coverage"].ravel()),
        "optimal": concept_set.optimal.ravel().astype(int).tolist(),
        **{name: as_json_numbers(numbers_of[name].ravel(), digits=4) for name in known},
    }
    if (concept_set.best != "").any():
        found, numbers_of_best = np.unique(concept_set.best.astype(str), return_inverse=True)
        overview["dissection"] = {
            "categories": [concept_set.concepts[name][1] if name else "" for name in found.tolist()],
            "concept": numbers_of_best.ravel().tolist(),
            "iou": as_json_numbers(numbers_of["best_iou"].ravel(), digits=4),
        }
    if (concept_set.verdicts != "").any():
        kinds = {verdict: number for number, verdict in enumerate(VERDICTS)}
        overview["verdict"] = [kinds.get(verdict, -1) for verdict in concept_set.verdicts.ravel()]
        overview["support"] = [as_json_numbers(shares or [], digits=2) for shares in concept_set.support.ravel()]
    return overview


def detail_columns(concept_set: ConceptSet, rows: np.ndarray) -> dict:
    """Collect the data of a concept set for charts and tables of a layer; an upper end of null is open.

    Parameters
    ----------
    concept_set : ConceptSet
        Explanations of all units.
    rows : ndarray of int
        Rows of the units.

    Returns
    -------
    dict
        JSON-serialisable.
    """
    names = concept_set.numbers.keys() - {"iou", "best_iou", *sum(TRUST.values(), ())}
    numbers = {name: as_json_numbers(concept_set.numbers[name][rows].ravel()) for name in sorted(names)}
    return numbers | {
        "counts": [[int(count) for count in text.split()] for text in concept_set.counts[rows]],
        "minimum": as_json_numbers(concept_set.extent[rows, 0]),
        "maximum": as_json_numbers(concept_set.extent[rows, 1]),
        "n_zero": as_json_numbers(concept_set.extent[rows, 2]),
    }
