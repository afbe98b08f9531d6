"""Stage: average each metric of the formulas over units."""

import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.grouping import layers_and_ranges
from ...data.stores.tables import read_table, write_table


def summarise_metrics(*, metrics: str, metrics_summary: str) -> None:
    """Write mean, standard deviation and median of each metric, by layer and range.

    Parameters
    ----------
    metrics : str
        Table of the metrics of the formulas.
    metrics_summary : str
        Output table; an empty layer or range means all together. `n` values are known and `n_missing` are not. The
        standard deviation is that of a sample (n - 1).
    """
    table = read_table(metrics, "metrics")
    measured = [column for column, kind in COLUMNS["metrics"].items() if kind == "float"]
    rows = []
    for layer, name, group in layers_and_ranges(table):
        for metric in measured:
            values = group[metric]
            n = int(values.notna().sum())
            rows.append((layer, name, metric, n, len(values) - n, values.mean(), values.std(), values.median()))
    summary = pd.DataFrame(rows, columns=list(COLUMNS["metrics_summary"]))
    write_table(summary, metrics_summary, "metrics_summary")
