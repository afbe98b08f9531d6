"""Stage: average over units what searches find and take."""

import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.grouping import layers_and_ranges
from ...data.stores.tables import read_table, write_table


def summarise_searches(*, compared: str, summary: str, table: str) -> None:
    """Write the mean and the standard deviation of each quantity, by layer, range and search.

    Parameters
    ----------
    compared : str
        Table of searches, as `compare_searches` writes it.
    summary : str
        Output table; an empty layer or range means all together. `n` rows have a formula; empty cells are left out of
        the means. Standard deviations are those of a sample (n - 1).
    table : str
        `heuristics` or `search_sweep`; the summary is called `{table}_summary`.
    """
    found, columns = read_table(compared, table), list(COLUMNS[f"{table}_summary"])
    keys = [column for column in ("search", "length", "beam") if column in columns]
    measured = [column.removesuffix("_mean") for column in columns if column.endswith("_mean")]
    rows = []
    for layer, name, group in layers_and_ranges(found):
        for key, own in group.groupby(keys, sort=False):
            row = {"layer": layer, "range": name, **dict(zip(keys, key)), "n": int(own["iou"].notna().sum())}
            for column in measured:
                row |= {f"{column}_mean": own[column].mean(), f"{column}_sd": own[column].std()}
            if table == "search_sweep":
                row["n_proved"] = int(own["optimal"].sum())
            rows.append(row)
    write_table(pd.DataFrame(rows, columns=columns), summary, f"{table}_summary")
