"""Plots of result tables."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from lib.data.tables import read_table

COLORS = {"estimate": "#9aa7b5", "exact": "#2a6f97"}


def plot_heuristics(*, heuristics: str, plot: str) -> None:
    """Draw the time and the visited candidates of each search as boxes over all units and ranges.

    Parameters
    ----------
    heuristics : str
        Table of the comparison.
    plot : str
        Output picture (PNG).
    """
    table = read_table(heuristics, "heuristics")
    searches = list(dict.fromkeys(table["search"]))
    figure = Figure(figsize=(8, 3.2), dpi=150, layout="constrained")
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
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    target = Path(plot)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    figure.savefig(partial, format="png", metadata={"Software": None})
    os.replace(partial, target)
