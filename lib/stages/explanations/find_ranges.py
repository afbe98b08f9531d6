"""Stage: find the activation ranges of a chunk of units."""

import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.tables import write_table
from ...kernels.activations.ranges import HISTOGRAM_BINS
from ...kernels.activations.selection import choose_units
from ...kernels.activations.unit_values import collect_values, find_unit_ranges
from ...runtime.parallel import map_in_order
from ...runtime.parts import Part
from ...runtime.progress import Progress


def find_ranges(
    *,
    activations: str | list[str],
    ranges: str,
    histograms: str,
    layer: str,
    chunk: str,
    units: list[int] | int | None,
    seed: int,
    quantile: float | None,
    n_clusters: int,
    threads: int,
) -> None:
    """Write the top range and the cluster ranges of each unit, and its histogram.

    Parameters
    ----------
    activations : str or list of str
        Folders of the shards of the activations.
    ranges, histograms : str
        Output tables.
    layer : str
    chunk : str
        Part of the chosen units of the layer, such as `0-of-4` for the first quarter.
    units, seed
        Which units of the layer, as for `choose_units`.
    quantile : float or None
        Upper tail of the range `top`; None for no such range.
    n_clusters : int
        Number of ranges `cluster1`, ...; 0 for none.
    threads : int
    """
    store = open_activations(activations, layer)
    wanted = choose_units(store.shape[1], units, layer=layer, seed=seed)
    wanted = [int(wanted[place]) for place in Part.parse(chunk).span(len(wanted))]
    rows, bars = [], []

    def analyse(item: tuple) -> tuple:
        unit, maps = item
        values = collect_values(maps, quantile=quantile)
        status, found = values.status, find_unit_ranges(values, quantile=quantile, n_clusters=n_clusters)
        table = [(layer, unit, *row) for row in found]
        n_zero, counts = values.histogram() if status != "nan" else (0, [0] * HISTOGRAM_BINS)
        bounds = values.bounds if status != "nan" else (None, None)
        return table, (layer, unit, *bounds, n_zero, " ".join(map(str, counts)))

    items = iterate_units(store, wanted)
    for table, bar in Progress(map_in_order(analyse, items, threads=threads), total=len(wanted), unit="unit"):
        rows.extend(table)
        bars.append(bar)
    columns = ["layer", "unit", "range", "lower", "upper", "n_activations", "status"]
    write_table(pd.DataFrame(rows, columns=columns), ranges, "ranges")
    columns = ["layer", "unit", "minimum", "maximum", "n_zero", "counts"]
    write_table(pd.DataFrame(bars, columns=columns), histograms, "histograms")
