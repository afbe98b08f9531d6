"""Stage: measure what happens to a unit when what its formula names is taken out of the scene."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.interventions import (
    FEWEST_PAIRS,
    Twins,
    concepts_in_images,
    holds_in_images,
    truth_agreement,
)
from ...kernels.search.atoms import Atoms
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import AND_NOT, Formula, parse_formula
from ...runtime.progress import Progress


def measure_interventions(
    *, explanations: str, responses: str, twins: str, twin_concepts: str, interventions: str
) -> None:
    """Write, for each unit and range, the effect of removing what each literal and the whole formula name.

    Parameters
    ----------
    explanations : str
        Table of the formulas.
    responses : str
        Folder that `record_responses` wrote for the twins.
    twins : str
        Table of the twins.
    twin_concepts : str
        Store of the atoms of the twins.
    interventions : str
        Output table: of each row of `explanations` the whole formula (position 0) and its literals in order; one row
        without statistics if there is no formula.
    """
    atoms, concepts = read_atoms(twin_concepts)
    pairs = read_table(twins, "twins")
    scenes = Twins(pairs["whole"].to_numpy(), pairs["removed"].to_numpy(dtype=object), concepts_in_images(atoms))
    table = read_table(explanations, "explanations")
    found = []
    layers = list(table.groupby("layer", sort=False))
    for layer, rows in Progress(layers, total=len(layers), unit="layer"):
        values = np.load(Path(responses, f"{layer}.npy"))
        if values.shape != (len(pairs), len(rows)):
            raise ValueError(
                f"{responses}/{layer}.npy has the responses of {values.shape}, not of {(len(pairs), len(rows))} twins and "
                "ranges; delete the folder and run again to record them"
            )
        found += _measure_layer(rows.reset_index(drop=True), values, scenes, atoms, concepts["name"].tolist())
    write_table(pd.DataFrame(found, columns=list(COLUMNS["interventions"])), interventions, "interventions")


def _measure_layer(rows: pd.DataFrame, values: np.ndarray, scenes: Twins, atoms: Atoms, names: list[str]) -> list[dict]:
    """Return the rows of the table of one layer, as dicts."""
    counts = ConceptCounts(atoms)
    constant = values[scenes.removed == ""].std(0) == 0
    formulas = {
        row: parse_formula(text, names)
        for row, (text, status) in enumerate(zip(rows["formula"], rows["status"]))
        if status == "ok"
    }
    # rows whose formulas share a literal share its pairs
    by_literal = defaultdict(list)
    for row, formula in formulas.items():
        for literal in set(_literals(formula)):
            by_literal[literal].append(row)
    effects = {}
    for (concept, sign), members in by_literal.items():
        usable = [row for row in members if not constant[row]]
        measured = scenes.measure(values[:, usable].astype(float), scenes.present[:, concept], sign=sign)
        for row in members:
            effects[row, concept, sign] = {"n_pairs": measured["n_pairs"], "status": "constant"}
        for place, row in enumerate(usable):
            effects[row, concept, sign] = _of_row(measured, place)
    found = []
    for row, keys in enumerate(rows[["layer", "unit", "range", "status"]].to_dict("records")):
        empty = {"concept": "", "sign": 0, "n_pairs": 0, "n_others": 0, "n_cells": 0}
        if row not in formulas:
            found.append(keys | empty | {"position": 0})
            continue
        found.append(keys | empty | {"position": 0, "concept": rows["formula"][row], "sign": 1})
        found[-1] |= _measure_formula(formulas[row], values[:, row].astype(float), scenes, counts, atoms, constant[row])
        for position, (concept, sign) in enumerate(_literals(formulas[row]), 1):
            found.append(keys | empty | {"position": position, "concept": names[concept], "sign": sign})
            found[-1] |= effects[row, concept, sign]
    return found


def _literals(formula: Formula) -> list[tuple[int, int]]:
    """Return (concept, sign) of each literal, -1 under NOT."""
    signs = [1, *(-1 if operator == AND_NOT else 1 for operator in formula.operators)]
    return list(zip(formula.concepts, signs, strict=True))


def _of_row(measured: dict, place: int) -> dict:
    """Return the statistics of one unit and range, with the status."""
    one = {name: value[place] if np.ndim(value) else value for name, value in measured.items()}
    n_pairs = one["n_pairs"]
    status = "ok" if n_pairs >= FEWEST_PAIRS else "too few pairs" if n_pairs else "not removable"
    return one | {"status": status}


def _measure_formula(
    formula: Formula, values: np.ndarray, scenes: Twins, counts: ConceptCounts, atoms: Atoms, constant: bool
) -> dict:
    """Return the statistics of removing what makes a formula true, and the agreement over its truth table."""
    present = holds_in_images(counts.holds(formula), atoms)
    if constant:
        return {"n_pairs": len(scenes.pairs(present)), "status": "constant"}
    measured = _of_row(scenes.measure(values[:, None], present, sign=1), 0)
    about = scenes.present[:, list(set(formula.concepts))].any(1)[scenes.whole]
    agreement, n_cells = truth_agreement(formula, scenes.present[about], values[about])
    return measured | {"agreement": agreement, "n_cells": n_cells}
