"""Stage: find the ranges of the thresholds study for a chunk of units."""

import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.tables import write_table
from ...kernels.activations.selection import choose_units
from ...kernels.activations.unit_values import collect_values
from ...runtime.parallel import map_in_order
from ...runtime.parts import Part
from ...runtime.progress import Progress


def find_thresholds(
    *,
    activations: str,
    ranges: str,
    layer: str,
    chunk: str,
    units: list[int] | int | None,
    seed: int,
    quantiles: list[float],
    threads: int,
) -> None:
    """Write one range per unit and quantile of its activations that are not zero, named by the quantile.

    Parameters
    ----------
    activations : str
        Folder with the stores of the layers.
    ranges : str
        Output table.
    layer : str
    chunk : str
        Part of the chosen units of the layer, such as `0-of-4` for the first quarter.
    units, seed
        Which units of the layer, as for `choose_units`.
    quantiles : list of float
        Shares of the activations that exceed a threshold.
    threads : int
    """
    store = open_activations(activations, layer)
    wanted = choose_units(store.shape[1], units, layer=layer, seed=seed)
    wanted = [int(wanted[place]) for place in Part.parse(chunk).span(len(wanted))]

    def analyse(item: tuple) -> list[tuple]:
        unit, maps = item
        values = collect_values(maps)
        unusable = (None, None, 0, values.status)
        return [
            (layer, unit, str(quantile), *(values.threshold_range(quantile) if values.status == "ok" else unusable))
            for quantile in quantiles
        ]

    items = Progress(
        map_in_order(analyse, iterate_units(store, wanted), threads=threads), total=len(wanted), unit="unit"
    )
    columns = ["layer", "unit", "range", "lower", "upper", "n_activations", "status"]
    table = pd.DataFrame([row for rows in items for row in rows], columns=columns)
    write_table(table.astype({"lower": float, "upper": float}), ranges, "ranges")
