"""Stage: measure how many units have the same formulas as the network with random weights."""

from collections import Counter

import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_concepts
from ...data.stores.tables import read_table, write_table
from ...kernels.metrics.specialization import KINDS, common_formulas, default_formulas, specialization_of
from ...kernels.search.formula import Formula, format_formula, parse_formula
from ...kernels.search.naming import shown_formula, shown_names

PARTS = ("formula", "left part")


def measure_specialization(
    *, explanations: str, twin_explanations: str, concept_set: str, specialization: str, common: str
) -> None:
    """Write, by layer and range, the shares of units whose formula is unspecialized, weakly specialized, specialized.

    Common formulas of the twin are determined per layer: over all cluster ranges together, and for the range `top` alone.

    Parameters
    ----------
    explanations, twin_explanations : str
        Tables of the formulas of the network and of its twin with random weights.
    concept_set : str
        Store of the atoms.
    specialization : str
        Output table; `n_units` is the number of units with a formula, of which the shares are.
    common : str
        Output table of the common formulas of the twin and of their left parts (`part`), most common first; `n` of its
        `n_formulas` formulas in the ranges `cluster` (all clusters) or `top` are equivalent to it, or begin with it.
        `shown_formula` has the concepts' plain names.
    """
    concepts = read_concepts(concept_set)
    names = concepts["name"].tolist()
    plain = shown_names(names, concepts["category"].tolist())
    table, twin = (_with_kind(read_table(path, "explanations")) for path in (explanations, twin_explanations))

    def formulas(rows: pd.DataFrame) -> list[Formula]:
        return [parse_formula(text, names) for text in rows.loc[rows["status"] == "ok", "formula"]]

    def shown(formula: Formula) -> str:
        return shown_formula(format_formula(formula, names), [plain[concept] for concept in formula.concepts])

    groups = {
        key: (formulas(group), group["unit"].nunique()) for key, group in twin.groupby(["layer", "kind"], sort=False)
    }
    found = [
        (*key, part, rank, format_formula(formula, names), shown(formula), n, len(own[0]))
        for key, own in groups.items()
        for part, listed in zip(PARTS, common_formulas(*own))
        for rank, (formula, n) in enumerate(listed, start=1)
    ]
    write_table(pd.DataFrame(found, columns=list(COLUMNS["common_formulas"])), common, "common_formulas")
    defaults = {key: default_formulas(*own) for key, own in groups.items()}
    rows = []
    for (layer, kind, name), group in table.groupby(["layer", "kind", "range"], sort=False):
        found = Counter(specialization_of(formula, *defaults[layer, kind]) for formula in formulas(group))
        total = found.total()
        rows.append((layer, name, total, *(found[k] / total if total else float("nan") for k in KINDS)))
    columns = ["layer", "range", "n_units", *KINDS]
    write_table(pd.DataFrame(rows, columns=columns), specialization, "specialization")


def _with_kind(table: pd.DataFrame) -> pd.DataFrame:
    """Add a column with the kind of range, `top` or `cluster`."""
    return table.assign(kind=table["range"].str.rstrip("0123456789"))
