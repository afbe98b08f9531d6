"""Stage: measure how many planted formulas the search recovers."""

import numpy as np
import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.activations.unit_pass import count_per_atom
from ...kernels.metrics.formulas import explanation_scores
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import canonical, parse_formula


def measure_recovery(*, activations: str, planted: str, explanations: str, concept_set: str, recovery: str) -> None:
    """Write, per noise level and kind of formula, the share of planted formulas found and the IoU lost.

    A formula is found exactly if it is logically equivalent to the planted one, and found equivalently if it holds at
    the same pixels of the data set. The IoU lost is the planted formula's less the found one's, negative if the search
    found a formula with a higher IoU on the noisy bitmap than the true one.

    Parameters
    ----------
    activations : str
        Folder of the planted layer's activations.
    planted, explanations : str
        Tables of the true and of the found formulas.
    concept_set : str
        Store of the atoms.
    recovery : str
        Output table.
    """
    atoms, concepts = read_atoms(concept_set)
    counts = ConceptCounts(atoms)
    names = concepts["name"].tolist()
    truth = read_table(planted, "planted")
    found = read_table(explanations, "explanations")
    highest = found[found["range"].str.startswith("cluster")].groupby("unit").tail(1).set_index("unit")
    store = open_activations(activations, truth["layer"].iloc[0])
    maps_of_units = iterate_units(store, truth["unit"].tolist())
    rows = []
    for row, (unit, maps) in zip(truth.itertuples(), maps_of_units):
        best = highest.loc[unit]
        planted_formula = parse_formula(row.formula, names)
        holds = counts.holds(planted_formula)
        pixels = count_per_atom(maps, atoms, lower=np.array([best["lower"]]), upper=np.array([best["upper"]]))[0]
        true_iou = explanation_scores(pixels, holds, atoms)["iou"]
        exact = equivalent = False
        if best["status"] == "ok":
            guess = parse_formula(best["formula"], names)
            exact = canonical(guess) == canonical(planted_formula)
            equivalent = bool((counts.holds(guess) == holds).all())
        lost = true_iou - (best["iou"] if best["status"] == "ok" else 0.0)
        rows.append((row.noise, row.length, row.operators, exact, equivalent, lost))
    columns = ["noise", "length", "operators", "recovered_exactly", "recovered_equivalent", "iou_lost"]
    groups = pd.DataFrame(rows, columns=columns).groupby(["noise", "length", "operators"], sort=True)
    summary = groups.mean().reset_index()
    summary["n_units"] = groups.size().to_numpy()
    write_table(summary, recovery, "recovery")
