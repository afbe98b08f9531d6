"""Plots of result tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..data.stores.tables import read_table
from ..runtime.atomic import new_file

COLORS = {"estimate": "#9aa7b5", "exact": "#2a6f97"}
PALETTE = ("#2a6f97", "#d1495b", "#edae49", "#66a182", "#8d5b4c", "#5f4b8b", "#9aa7b5", "#222222")


def _heuristics(table: pd.DataFrame) -> Figure:
    """Draw the time and the visited candidates of each search as boxes over all units and ranges."""
    searches = list(dict.fromkeys(table["search"]))
    figure = _figure(8, 3.2)
    panels = zip(figure.subplots(1, 2), (("seconds", "seconds per range"), ("visited", "candidates scored exactly")))
    for axes, (column, label) in panels:
        groups = [table.loc[table["search"] == search, column].dropna().to_numpy() for search in searches]
        shown = [(search, values) for search, values in zip(searches, groups) if len(values)]
        if shown:
            boxes = axes.boxplot(
                [values for _, values in shown],
                tick_labels=[search for search, _ in shown],
                patch_artist=True,
                widths=0.6,
                medianprops={"color": "black"},
                flierprops={"markersize": 3},
            )
            for (search, _), box in zip(shown, boxes["boxes"]):
                box.set_facecolor(COLORS["exact" if search in ("beam", "optimal") else "estimate"])
            axes.set_yscale("log")
        axes.set_ylabel(label)
        _clean(axes)
    return figure


def _thresholds(table: pd.DataFrame) -> Figure:
    """Draw each category's share of the concepts over the quantiles: highest activations on the left, lowest on the right."""
    layers = list(dict.fromkeys(table["layer"]))
    figure = _figure(8, 0.6 + 2.4 * len(layers))
    panels = figure.subplots(len(layers), 2, squeeze=False, sharey=True)
    for row, layer in zip(panels, layers):
        of_layer = table[table["layer"] == layer]
        sides = ((of_layer["quantile"] <= 0.5, "above"), (of_layer["quantile"] > 0.5, "from 0 to"))
        for axes, (side, label) in zip(row, sides):
            lines = of_layer[side].pivot(index="quantile", columns="category", values="share")
            for color, category in zip(_colors(lines.columns), lines.columns):
                places = np.arange(len(lines))
                axes.plot(places, lines[category], marker="o", markersize=3, color=color, label=category)
            axes.set_xticks(np.arange(len(lines)), [f"{quantile:g}" for quantile in lines.index], fontsize=8)
            axes.set_title(f"{layer}, activations {label} the threshold", fontsize=9)
            axes.set_ylim(0, 1)
            _clean(axes)
        row[0].set_ylabel("share of the concepts")
    if layers:
        for axes in panels[-1]:
            axes.set_xlabel("share of activations above the threshold")
        handles, names = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=6, frameon=False)
    return figure


def _detectors(table: pd.DataFrame) -> Figure:
    """Draw the number of different concepts that each layer's units detect, by category, for the first range."""
    table = table[(table["layer"] != "") & (table["category"] != "")]
    first = table[table["range"] == (table["range"].iloc[0] if len(table) else "")]
    figure = _figure(8, 3.2)
    axes = figure.subplots()
    values = first.pivot(index="layer", columns="category", values="n_unique")
    _stack(axes, values.reindex(list(dict.fromkeys(first["layer"]))))
    axes.set_ylabel("unique detectors")
    return figure


def _specialization(table: pd.DataFrame) -> Figure:
    """Draw the shares of unspecialized, weakly specialized and specialized units of each range."""
    return _panels(table.drop(columns="n_units").set_index(["layer", "range"]), "share of units")


def _range_importance(table: pd.DataFrame) -> Figure:
    """Draw the share of images whose prediction changes when each range is erased."""
    shares = table.set_index(["layer", "range"])[["share_changed"]].rename(columns={"share_changed": ""})
    return _panels(shares, "share of predictions changed")


def _optimality(table: pd.DataFrame) -> Figure:
    """Draw how often the beam's formula differs from the optimal one, and the mean IoU of both, by layer and range."""
    shown = table[(table["layer"] != "") & (table["range"] != "")]
    layers = list(dict.fromkeys(shown["layer"]))
    figure = _figure(9, 0.4 + 2.2 * len(layers))
    panels = figure.subplots(max(1, len(layers)), 2, squeeze=False)
    for (left, right), layer in zip(panels, layers):
        of_layer = shown[shown["layer"] == layer]
        ranges = list(dict.fromkeys(of_layer["range"]))
        kinds = of_layer[~of_layer["category"].isin(["", "suboptimal"])]
        shares = kinds.pivot(index="range", columns="category", values="share")
        _stack(left, shares.loc[ranges, list(dict.fromkeys(kinds["category"]))])
        left.set_ylim(0, 1)
        left.set_ylabel("share of units", fontsize=8)
        missed = of_layer[of_layer["category"] == "suboptimal"]
        places = np.arange(len(missed))
        for offset, search in ((-0.2, "beam"), (0.2, "optimal")):
            means, spread = missed[f"{search}_mean"], missed[f"{search}_sd"].fillna(0)
            color = COLORS["exact" if search == "optimal" else "estimate"]
            right.bar(places + offset, means, yerr=spread, width=0.4, color=color, label=search, ecolor="#555555")
        right.set_xticks(places, list(missed["range"]))
        right.set_ylabel("IoU where they differ", fontsize=8)
        right.legend(frameon=False, fontsize=8)
        _clean(right)
        for axes in (left, right):
            axes.set_title(layer, fontsize=8)
            axes.tick_params(axis="x", labelsize=7)
    return figure


def _search_sweep(table: pd.DataFrame) -> Figure:
    """Draw the mean IoU and the median time over the length, one line per search and beam."""
    figure = _figure(9, 3.6)
    panels = figure.subplots(1, 2)
    means = table.groupby(["search", "beam", "length"]).agg({"iou": "mean", "seconds": "median"})
    lines = list(dict.fromkeys(zip(table["search"], table["beam"])))
    styles = dict(zip(dict.fromkeys(table["search"]), ("-", "--", ":", "-.") * 3))
    for axes, (column, label) in zip(panels, (("iou", "mean IoU"), ("seconds", "seconds per range (median)"))):
        for (search, beam), color in zip(lines, _colors(lines)):
            values = means.loc[(search, beam), column]
            name = f"{search}, beam {beam}"
            axes.plot(values.index, values, marker="o", markersize=3, linestyle=styles[search], color=color, label=name)
        axes.set_xticks(sorted(set(table["length"])))
        axes.set_xlabel("length")
        axes.set_ylabel(label)
        _clean(axes)
    if lines:
        panels[1].set_yscale("log")
        panels[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    return figure


def _panels(table: pd.DataFrame, label: str) -> Figure:
    """Draw bars per range, one panel per layer."""
    layers = list(dict.fromkeys(table.index.get_level_values("layer")))
    figure = _figure(8, 0.4 + 2.0 * len(layers))
    for axes, layer in zip(figure.subplots(max(1, len(layers)), 1, squeeze=False)[:, 0], layers):
        _stack(axes, table.loc[layer])
        axes.set_ylim(0, 1)
        axes.set_title(layer, fontsize=8)
        axes.set_ylabel(label, fontsize=8)
    return figure


def _stack(axes: Axes, values: pd.DataFrame) -> None:
    """Draw one stacked bar per row of a table, in its order, one color per column."""
    bottom = np.zeros(len(values))
    for color, column in zip(_colors(values.columns), values.columns):
        heights = values[column].fillna(0).to_numpy()
        axes.bar(
            list(values.index), heights, bottom=bottom, color=color, width=0.6, label=str(column).replace("_", " ")
        )
        bottom += heights
    if len(values.columns) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    _clean(axes)


def _colors(columns: Sequence) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(len(columns))]


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def _clean(axes: Axes) -> None:
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


KINDS = {
    "heuristics": _heuristics,
    "thresholds": _thresholds,
    "detectors": _detectors,
    "specialization": _specialization,
    "range_importance": _range_importance,
    "optimality_summary": _optimality,
    "search_sweep": _search_sweep,
}


def plot_table(*, table: str, kind: str, plot: str) -> None:
    """Draw a table of results.

    Parameters
    ----------
    table : str
        The table.
    kind : str
        Name of the table, a key of `KINDS`.
    plot : str
        Output picture (PNG).
    """
    figure = KINDS[kind](read_table(table, kind))
    with new_file(plot) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})
