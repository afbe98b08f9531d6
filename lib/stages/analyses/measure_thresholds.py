"""Stage: measure the categories of the concepts in the formulas of each threshold."""

import pandas as pd

from ...data.stores.concepts import read_concepts
from ...data.stores.tables import read_table, write_table
from ...kernels.metrics.comparison import category_mix
from ...kernels.search.formula import parse_formula


def measure_thresholds(*, explanations: list[str], concept_set: str, thresholds: str) -> None:
    """Write the share of each category among the concepts of the units' formulas, by layer and quantile.

    Concepts under NOT are ignored.

    Parameters
    ----------
    explanations : list of str
        Tables of the formulas, whose ranges are named by their quantile.
    concept_set : str
        Store of the atoms.
    thresholds : str
        Output table; the share is empty where no unit has a formula.
    """
    concepts = read_concepts(concept_set)
    names, categories = concepts["name"].tolist(), concepts["category"].tolist()
    table = pd.concat([read_table(path, "explanations") for path in explanations], ignore_index=True)
    rows = []
    for (layer, quantile), group in table.groupby(["layer", "range"], sort=False):
        texts = group.loc[group["status"] == "ok", "formula"]
        mix = category_mix((parse_formula(text, names) for text in texts), categories)
        rows += [(layer, float(quantile), category, len(texts), *values) for category, values in mix.items()]
    columns = ["layer", "quantile", "category", "n_units", "n_concepts", "share"]
    write_table(pd.DataFrame(rows, columns=columns), thresholds, "thresholds")
