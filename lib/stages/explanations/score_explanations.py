"""Stage: compute the metrics of each formula, and on request the quantities of dIoU."""

from collections.abc import Callable

import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.activations.unit_pass import count_per_atom
from ...kernels.metrics.diou import diou_quantities
from ...kernels.metrics.formulas import explanation_scores
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import parse_formula
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def score_explanations(
    *,
    activations: str | list[str],
    explanations: str,
    concept_set: str,
    label_masking: str | list[str],
    metrics: str,
    layer: str,
    threads: int,
) -> None:
    """Write the metrics of each explained unit and range; rows without a formula get empty cells.

    Parameters
    ----------
    activations : str or list of str
        Folders of the shards of the activations.
    explanations : str
        Table of the formulas.
    concept_set : str
        Store of the atoms.
    label_masking : str or list of str
        Table of the label masking of these units; an empty list to leave its column empty.
    metrics : str
        Output table, rows as in `explanations`.
    layer : str
    threads : int
    """
    table, scores = _score(
        explanation_scores, activations, explanations, concept_set=concept_set, layer=layer, threads=threads
    )
    if label_masking:
        scores["label_masking"] = read_table(label_masking, "label_masking")["label_masking"]
    _write(table, scores, metrics, name="metrics")


def measure_diou(
    *, activations: str | list[str], explanations: str, concept_set: str, diou: str, layer: str, threads: int
) -> None:
    """Write the quantities of dIoU of each explained unit and range; rows without a formula get empty cells.

    Parameters
    ----------
    activations, explanations, concept_set, layer, threads
        As for `score_explanations`.
    diou : str
        Output table, rows as in `explanations`.
    """
    table, scores = _score(
        diou_quantities, activations, explanations, concept_set=concept_set, layer=layer, threads=threads
    )
    _write(table, scores, diou, name="diou")


def _score(
    measure: Callable,
    activations: str | list[str],
    explanations: str,
    *,
    concept_set: str,
    layer: str,
    threads: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of the formulas, and what a kernel measures of each that is there, by its row."""
    atoms, concepts = read_atoms(concept_set)
    counts = ConceptCounts(atoms)
    names = concepts["name"].tolist()
    table = read_table(explanations, "explanations")
    by_unit = {unit: rows for unit, rows in table.groupby("unit", sort=True)}

    def score(item: tuple) -> dict[int, dict[str, float]]:
        unit, maps = item
        rows = by_unit[unit][by_unit[unit]["status"] == "ok"]
        per_atom = count_per_atom(maps, atoms, lower=rows["lower"].to_numpy(), upper=rows["upper"].to_numpy())
        return {
            index: measure(pixels, counts.holds(parse_formula(text, names)), atoms)
            for index, text, pixels in zip(rows.index, rows["formula"], per_atom)
        }

    scores = {}
    items = iterate_units(open_activations(activations, layer), list(by_unit))
    for found in Progress(map_in_order(score, items, threads=threads), total=len(by_unit), unit="unit"):
        scores.update(found)
    return table, pd.DataFrame([scores.get(i, {}) for i in table.index], index=table.index, dtype=float)


def _write(table: pd.DataFrame, scores: pd.DataFrame, path: str, *, name: str) -> None:
    measures = [column for column, kind in COLUMNS[name].items() if kind == "float"]
    write_table(table[["layer", "unit", "range"]].join(scores.reindex(columns=measures)), path, name)
