"""Stage: compare the formula of the beam search with the provably optimal one, for a chunk of units."""

import numpy as np
import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.activations.unit_pass import count_per_atom
from ...kernels.metrics.comparison import difference
from ...kernels.search.beam import ConceptCounts, search_beam
from ...kernels.search.formula import format_formula
from ...kernels.search.optimal import search_optimal
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def compare_optimality(
    *,
    activations: str | list[str],
    ranges: str,
    concept_set: str,
    optimality: str,
    layer: str,
    length: int,
    beam: int,
    seconds: float | None,
    threads: int,
) -> None:
    """Write the formulas of both searches for each unit and range, the gap in IoU and how they differ.

    Parameters
    ----------
    activations : str or list of str
        Folders of the shards of the activations.
    ranges : str
        Table of the ranges of the units.
    concept_set : str
        Store of the atoms.
    optimality : str
        Output table, rows as in `ranges`. `optimal` says whether the formula is proved to be the best.
    layer : str
    length : int
        Largest number of concepts in a formula.
    beam : int
        Formulas kept per step of the beam search.
    seconds : float or None
        Time budget of the optimal search for one range; None for no limit.
    threads : int
        No result depends on it.
    """
    atoms, concepts = read_atoms(concept_set)
    counts, names = ConceptCounts(atoms), concepts["name"].tolist()
    table = read_table(ranges, "ranges")
    by_unit = {unit: rows for unit, rows in table.groupby("unit", sort=True)}

    def compare_range(per_atom: np.ndarray) -> tuple:
        values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
        first = search_beam(values, counts, length=length, beam=beam)
        if first is None:
            return _without("no_concept" if values.any() else "empty")
        found = search_optimal(values, counts, length=length, beam=beam, seconds=seconds, start=first.formula)
        best = found.scored
        # quotients are compared as integers, without rounding
        n_bitmap = int(values.sum())
        unions = [n_bitmap + scored.size - scored.inside for scored in (first, best)]
        same_iou = first.inside * unions[1] == best.inside * unions[0]
        category = difference(first.formula, best.formula, same_iou=same_iou)
        texts = [format_formula(scored.formula, names) for scored in (first, best)]
        return texts[0], first.iou, texts[1], best.iou, best.iou - first.iou, found.optimal, category, "ok"

    def compare(item: tuple) -> list[tuple]:
        unit, maps = item
        rows = by_unit[unit]
        usable = (rows["status"] == "ok").to_numpy()
        bounds = {end: rows[end].to_numpy()[usable] for end in ("lower", "upper")}
        per_atom = iter(count_per_atom(maps, atoms, **bounds))
        return [compare_range(next(per_atom)) if status == "ok" else _without(status) for status in rows["status"]]

    results = []
    items = iterate_units(open_activations(activations, layer), list(by_unit))
    for found in Progress(map_in_order(compare, items, threads=threads), total=len(by_unit), unit="unit"):
        results.extend(found)
    columns = list(COLUMNS["optimality"])
    found = pd.DataFrame(results, columns=columns[3:], index=table.index)
    shares = ["beam_iou", "optimal_iou", "iou_gap"]
    found[shares] = found[shares].astype(float)
    write_table(table[columns[:3]].join(found), optimality, "optimality")


def _without(status: str) -> tuple:
    return "", None, "", None, None, False, "", status
