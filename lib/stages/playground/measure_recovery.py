"""Stage: measure how many planted formulas the search recovers."""

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.verdicts import PARTLY, SUPPORTED
from ...kernels.planting.calibration import share_interval

CELL = ["case", "noise", "n_images", "length"]
RECOVERED = ("recovered_exactly", "recovered_equivalent")


def measure_recovery(*, planted: str, recovery: str) -> None:
    """Write, for each case, noise, number of images and length, the share of planted formulas that are found.

    Parameters
    ----------
    planted : str
        Table of the planted units.
    recovery : str
        Output table. A unit has no adequate label if its verdict is neither `supported` nor `partly`.
    """
    table = read_table(planted, "planted")
    order = {case: place for place, case in enumerate(dict.fromkeys(table["case"]))}
    rows = []
    cells = sorted(table.groupby(CELL, sort=False), key=lambda cell: (order[cell[0][0]], *cell[0][1:]))
    for key, units in cells:
        shares = [share_interval(units[name].to_numpy()) for name in RECOVERED]
        refused = ~units["verdict"].isin([SUPPORTED, PARTLY])
        lost = units["iou_lost"].mean() if units["iou_lost"].notna().any() else np.nan
        rows.append((*key, len(units), *shares[0], *shares[1], lost, *share_interval(refused.to_numpy(float))))
    write_table(pd.DataFrame(rows, columns=list(COLUMNS["recovery"])), recovery, "recovery")
