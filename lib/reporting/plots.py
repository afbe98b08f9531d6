"""Plots of result tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..data.stores.tables import read_table
from ..kernels.planting.calibration import share_interval
from ..runtime.atomic import new_file
from .formulas import category_colors, with_category

COLORS = {"estimate": "#9aa7b5", "exact": "#2a6f97"}
PALETTE = ("#2a6f97", "#d1495b", "#edae49", "#66a182", "#8d5b4c", "#5f4b8b", "#9aa7b5", "#222222")

MOST_PAIRS = 15  # in the summary of a concept set
LONGEST_NAME = 24


def _heuristics(table: pd.DataFrame) -> Figure:
    """Draw the time and the visited candidates of each search as boxes over all units and ranges."""
    searches = list(dict.fromkeys(table["search"]))
    figure = new_figure(8, 3.2)
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
        clean(axes)
    return figure


def _thresholds(table: pd.DataFrame) -> Figure:
    """Draw each category's share of the concepts over the quantiles: highest activations on the left, lowest on the right."""
    layers = list(dict.fromkeys(table["layer"]))
    figure = new_figure(8, 0.6 + 2.4 * len(layers))
    panels = figure.subplots(len(layers), 2, squeeze=False, sharey=True)
    for row, layer in zip(panels, layers):
        of_layer = table[table["layer"] == layer]
        sides = ((of_layer["quantile"] <= 0.5, "above"), (of_layer["quantile"] > 0.5, "from 0 to"))
        for axes, (side, label) in zip(row, sides):
            lines = of_layer[side].pivot(index="quantile", columns="category", values="share")
            for color, category in zip(category_colors(lines.columns), lines.columns):
                places = np.arange(len(lines))
                axes.plot(places, lines[category], marker="o", markersize=3, color=color, label=category)
            axes.set_xticks(np.arange(len(lines)), [f"{quantile:g}" for quantile in lines.index], fontsize=8)
            axes.set_title(f"{layer}, activations {label} the threshold", fontsize=9)
            axes.set_ylim(0, 1)
            clean(axes)
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
    figure = new_figure(8, 3.2)
    axes = figure.subplots()
    values = first.pivot(index="layer", columns="category", values="n_unique")
    _stack(axes, values.reindex(list(dict.fromkeys(first["layer"]))), category_colors(values.columns))
    axes.set_ylabel("unique detectors")
    return figure


def _specialization(table: pd.DataFrame) -> Figure:
    """Draw the shares of unspecialized, weakly specialized and specialized units of each range."""
    return _panels(table.drop(columns="n_units").set_index(["layer", "range"]), "share of units")


def _range_importance(table: pd.DataFrame) -> Figure:
    """Draw the share of images whose prediction changes when each range is erased."""
    shares = table.set_index(["layer", "range"])[["share_changed"]].rename(columns={"share_changed": ""})
    return _panels(shares, "share of predictions changed")


def _recovery(table: pd.DataFrame) -> Figure:
    """Draw how often planted formulas are found and causes without a name refused, over noise, by number of images."""
    # a cause that is not in the vocabulary is a concept, or a shape, which has no length
    shapes = (table["case"] == "outside") & (table["length"] == 0)
    names = table["case"].where(~shapes, "outside, a shape")
    cases, sizes = list(dict.fromkeys(names)), sorted(set(table["n_images"]))
    figure = new_figure(2.3 * max(1, len(cases)), 3.4)
    for axes, case in zip(figure.subplots(1, max(1, len(cases)), squeeze=False, sharey=True)[0], cases):
        rows = table[names == case]
        # formulas that are in the vocabulary should be found, all else be refused
        column = "no_adequate_label" if rows["recovered_equivalent"].isna().all() else "recovered_equivalent"
        for place, (color, size) in enumerate(zip(_colors(sizes), sizes)):
            cells = rows[rows["n_images"] == size]
            hits = (cells[column] * cells["n_units"]).groupby(cells["noise"]).sum().round().astype(int)
            n_units = cells.groupby("noise")["n_units"].sum()
            shares = np.array([share_interval(np.repeat([1.0, 0.0], [k, n - k])) for k, n in zip(hits, n_units)])
            spread = np.abs(shares[:, 1:] - shares[:, :1]).T
            shifted = hits.index + 0.012 * (place - (len(sizes) - 1) / 2)
            style = {"color": color, "marker": "o", "markersize": 3, "linewidth": 1, "elinewidth": 0.7}
            axes.errorbar(shifted, shares[:, 0], yerr=spread, label=f"{size} images", **style)
        axes.set_title(f"{case}\n{column.replace('_', ' ')}", fontsize=8)
        axes.set_xlabel("share of noise")
        axes.set_xlim(-0.06, 1.06)
        axes.set_ylim(-0.03, 1.03)
        clean(axes)
    if cases:
        axes.figure.axes[0].set_ylabel("share of units")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def _optimality(table: pd.DataFrame) -> Figure:
    """Draw how often the beam's formula differs from the optimal one, and the mean IoU of both, by layer and range."""
    shown = table[(table["layer"] != "") & (table["range"] != "")]
    layers = list(dict.fromkeys(shown["layer"]))
    figure = new_figure(9, 0.4 + 2.2 * len(layers))
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
        clean(right)
        for axes in (left, right):
            axes.set_title(layer, fontsize=8)
            axes.tick_params(axis="x", labelsize=7)
    return figure


def _search_sweep(table: pd.DataFrame) -> Figure:
    """Draw the mean IoU and the median time over the length, one line per search and beam."""
    figure = new_figure(9, 3.6)
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
        clean(axes)
    if lines:
        panels[1].set_yscale("log")
        panels[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    return figure


def _panels(table: pd.DataFrame, label: str) -> Figure:
    """Draw bars per range, one panel per layer."""
    layers = list(dict.fromkeys(table.index.get_level_values("layer")))
    figure = new_figure(8, 0.4 + 2.0 * len(layers))
    for axes, layer in zip(figure.subplots(max(1, len(layers)), 1, squeeze=False)[:, 0], layers):
        _stack(axes, table.loc[layer])
        axes.set_ylim(0, 1)
        axes.set_title(layer, fontsize=8)
        axes.set_ylabel(label, fontsize=8)
    return figure


def _stack(axes: Axes, values: pd.DataFrame, colors: list[str] | None = None) -> None:
    """Draw one stacked bar per row of a table, in its order, one color per column."""
    bottom = np.zeros(len(values))
    for color, column in zip(colors or _colors(values.columns), values.columns):
        heights = values[column].fillna(0).to_numpy()
        axes.bar(
            list(values.index), heights, bottom=bottom, color=color, width=0.6, label=str(column).replace("_", " ")
        )
        bottom += heights
    if len(values.columns) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    clean(axes)


def _colors(columns: Sequence) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(len(columns))]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches."""
    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def clean(axes: Axes) -> None:
    """Draw horizontal lines behind the data, and no frame above and on the right."""
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


KINDS = {
    "heuristics": _heuristics,
    "thresholds": _thresholds,
    "detectors": _detectors,
    "specialization": _specialization,
    "range_importance": _range_importance,
    "recovery": _recovery,
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


def draw_concepts(*, concepts: str, overlap: str, summary: str, picture: str) -> None:
    """Draw what a concept set holds on one page.

    Parameters
    ----------
    concepts, overlap, summary : str
        The tables of `summarize_concepts`.
    picture : str
        Output picture (PNG).
    """
    table, pairs = read_table(concepts, "concepts"), read_table(overlap, "overlap")
    whole = read_table(summary, "concept_summary").iloc[0]
    figure = new_figure(9, 7)
    (pixels, parts), (sizes, nearest) = figure.subplots(2, 2)
    figure.suptitle(
        f"{int(whole['n_present']):,} of {int(whole['n_concepts']):,} concepts on {int(whole['n_images']):,} images"
    )
    _bars(pixels, ["0", "1", "2 or more"], whole[["share_0", "share_1", "share_2_or_more"]].to_numpy(float))
    pixels.set_xlabel("concepts of a pixel")
    pixels.set_ylabel("share of the pixels")
    bound, n_pairs = whole["iou_bound"], max(1, int(whole["n_pairs"]))
    above, disjoint = whole["n_pairs_above"], whole["n_disjoint_pairs"]
    counts = np.array([disjoint, whole["n_pairs"] - disjoint - above, above], dtype=float)
    _bars(parts, ["no common pixel", f"IoU up to {bound:g}", f"IoU above {bound:g}"], counts / n_pairs)
    parts.set_ylabel("share of the pairs of concepts")

    present = table[table["n_pixels"] > 0]
    present = present.sort_values("n_pixels", ascending=False, kind="stable").reset_index(drop=True)
    categories = sorted(set(present["category"]))
    for color, category in zip(category_colors(categories), categories):
        chosen = present[present["category"] == category]
        sizes.plot(chosen.index + 1, chosen["share_of_pixels"], ".", color=color)
        sizes.plot([], [], ".", color=color, label=_short(category))
    if categories:
        sizes.set_yscale("log")
        for text in sizes.legend(frameon=False, fontsize=8).get_texts():
            text.set_parse_math(False)
    sizes.set_xlabel("rank of the concept")
    sizes.set_ylabel("share of the pixels")
    clean(sizes)

    first = pairs.head(MOST_PAIRS).iloc[::-1]
    shown = dict(zip(table["name"], map(with_category, table["shown_name"], table["category"])))
    names = [f"{_short(shown[one])} / {_short(shown[other])}" for one, other in zip(first["concept"], first["other"])]
    nearest.barh(range(len(first)), first["iou"], color=PALETTE[0], height=0.6)
    nearest.set_yticks(range(len(first)), names, fontsize=7, parse_math=False)
    nearest.set_xlim(0, 1)
    nearest.set_xlabel("largest IoU of two concepts")
    clean(nearest)
    with new_file(picture) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})


def _bars(axes: Axes, names: list[str], shares: np.ndarray) -> None:
    """Draw shares as bars with their values."""
    drawn = axes.bar(names, shares, color=PALETTE[0], width=0.6)
    axes.bar_label(drawn, labels=[f"{share:.1%}" for share in shares], fontsize=8)
    axes.set_ylim(0, 1.1)
    clean(axes)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
