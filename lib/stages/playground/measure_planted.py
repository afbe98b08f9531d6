"""Stage: join the evidence for planted units, and give each a p-value and a verdict."""

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.chance import pooled_p_values, q_values
from ...kernels.evidence.verdicts import judge


def measure_planted(
    *, parts: list[str], nulls: list[str], planted: str, largest_q_value: float, least_support: float
) -> None:
    """Write what was planted in each unit, what was found, and what is to be thought of it.

    Units that see the same images stand for a layer: their nulls are pooled, and their q-values computed together.

    Parameters
    ----------
    parts, nulls : list of str
        Tables that `plant_units` wrote.
    planted : str
        Output table, sorted by the number of the unit.
    largest_q_value, least_support : float
        Thresholds of `judge`.
    """
    table = pd.concat([read_table(path, "planted_parts") for path in parts], ignore_index=True)
    table = table.sort_values("number", ignore_index=True)
    drawn = pd.concat([read_table(path, "nulls") for path in nulls], ignore_index=True)
    values = drawn.pivot(index="unit", columns="shuffle", values="iou").reindex(table["number"]).to_numpy()
    table[["null_mean", "p_value", "q_value"]] = np.nan
    searched = (table["found"] != "").to_numpy()
    for _, rows in table[searched].groupby("n_images", sort=False):
        own = values[rows.index]
        p = pooled_p_values(rows["iou"].to_numpy(), own)
        table.loc[rows.index, "null_mean"], table.loc[rows.index, "p_value"] = own.mean(1), p
        table.loc[rows.index, "q_value"] = q_values(p)
    thresholds = {"largest_q_value": largest_q_value, "least_support": least_support}
    table["verdict"] = [
        judge(
            q_value=row.q_value,
            unseen_low=row.iou_unseen_low,
            chance_level=row.null_mean,
            # the least of them decides
            support=[row.min_support] if row.found else [],
            **thresholds,
        ).verdict
        for row in table.itertuples()
    ]
    write_table(table[list(COLUMNS["planted"])], planted, "planted")
