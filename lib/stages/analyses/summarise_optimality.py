"""Stage: count how often and by how much the beam search misses the optimum."""

import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.grouping import layers_and_ranges
from ...data.stores.tables import read_table, write_table
from ...kernels.metrics.comparison import DIFFERENCES

SUBOPTIMAL = "suboptimal"


def summarise_optimality(*, optimality: str, optimality_summary: str) -> None:
    """Write the share of each kind of difference, by layer and range, and the mean IoU of both searches.

    Parameters
    ----------
    optimality : str
        Table of the formulas of both searches.
    optimality_summary : str
        Output table; an empty layer or range means all together. `n` is the number of rows with formulas, of which
        `n_proved` are proved, and `share` of them have the category. Means and standard deviations (of a sample: n - 1)
        are of the rows of the category; an empty category means all rows, `suboptimal` those whose beam has a lower IoU.
    """
    table = read_table(optimality, "optimality")
    rows = []
    for layer, name, group in layers_and_ranges(table):
        found = group[group["status"] == "ok"]
        missed = found["category"].isin(["same_concepts", "different_concepts"])
        kinds = {"": found, SUBOPTIMAL: found[missed]}
        kinds |= {category: found[found["category"] == category] for category in DIFFERENCES}
        for category, own in kinds.items():
            share = len(own) / len(found) if len(found) else float("nan")
            values = [
                of(own[column]) for column in ("beam_iou", "optimal_iou") for of in (pd.Series.mean, pd.Series.std)
            ]
            rows.append((layer, name, len(found), int(found["optimal"].sum()), category, share, *values))
    summary = pd.DataFrame(rows, columns=list(COLUMNS["optimality_summary"]))
    write_table(summary, optimality_summary, "optimality_summary")
