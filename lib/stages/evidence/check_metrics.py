"""Stage: test the metrics of labels on ideal units."""

import pandas as pd

from ...data.stores.tables import write_table
from ...kernels.evidence import metric_checks as kernel

FREQUENCIES = (0.001, 0.01, 0.1, 0.4)
N_ITEMS = 500_000
N_RUNS = 20


def check_metrics(*, metric_checks: str, seed: int) -> None:
    """Write how each metric changes when half of a right label is missing, or as much is added to it.

    Parameters
    ----------
    metric_checks : str
        Output table: a row for each metric, label frequency and test.
    seed : int
    """
    rows = [
        row
        for frequency in FREQUENCIES
        for row in kernel.check_metrics(frequency, n_items=N_ITEMS, n_runs=N_RUNS, seed=seed)
    ]
    table = pd.DataFrame(rows)
    order = {metric: place for place, metric in enumerate(kernel.SPANS)}
    write_table(
        table.sort_values("metric", key=lambda names: names.map(order), kind="stable"), metric_checks, "metric_checks"
    )
