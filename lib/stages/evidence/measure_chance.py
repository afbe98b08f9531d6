"""Stage: compare the IoU of each formula with those that chance gives."""

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.chance import pooled_p_values, q_values

KEYS = ["layer", "unit", "range"]
FEWEST_SHUFFLES = 3


def measure_chance(*, explanations: str, nulls: list[str], chance: str) -> None:
    """Write p-values and false discovery rates of all formulas.

    The nulls of the units of a layer are pooled for each range, after division by their own mean and spread.

    Parameters
    ----------
    explanations : str
        Table of the formulas.
    nulls : list of str
        Tables that `search_shuffled` wrote.
    chance : str
        Output table, rows as in `explanations`. A row without a formula, or whose nulls do not vary, has no p-value.

    Raises
    ------
    ValueError
        If there are too few shuffles for a mean and a spread.
    """
    table = read_table(explanations, "explanations")[[*KEYS, "iou", "status"]]
    drawn = pd.concat([read_table(path, "nulls") for path in nulls], ignore_index=True)
    n_shuffles = drawn["shuffle"].max() + 1 if len(drawn) else 0
    if len(drawn) and n_shuffles < FEWEST_SHUFFLES:
        raise ValueError(f"evidence.shuffles={n_shuffles} must be at least {FEWEST_SHUFFLES}, for a mean and a spread")
    wide = drawn.pivot(index=KEYS, columns="shuffle", values="iou").reindex(pd.MultiIndex.from_frame(table[KEYS]))
    values = wide.to_numpy()
    table["n_shuffles"] = (~np.isnan(values)).sum(1)
    tested = (table["n_shuffles"] > 0).to_numpy()
    table[["null_mean", "null_q95", "p_value"]] = np.nan
    if tested.any():
        table.loc[tested, "null_mean"] = values[tested].mean(1)
        table.loc[tested, "null_q95"] = np.quantile(values[tested], 0.95, axis=1)
    for _, rows in table[tested].groupby(["layer", "range"], sort=False):
        table.loc[rows.index, "p_value"] = pooled_p_values(rows["iou"].to_numpy(), values[rows.index])
    table["q_value"] = table.groupby("layer", sort=False)["p_value"].transform(lambda p: q_values(p.to_numpy()))
    write_table(table[list(COLUMNS["chance"])], chance, "chance")
