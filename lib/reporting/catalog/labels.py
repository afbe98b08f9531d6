"""Labels of all sources of the arena, side by side on the page of a unit."""

import pandas as pd

from ...data.stores.tables import read_table
from .records import as_json_numbers

SCORES = ("iou", "pixel_correlation", "correlation", "auc", "auprc")
"""Columns of arena_scores.csv in the order of the page."""


class UnitLabels:
    """The labels of the units of a catalog by one concept set.

    Parameters
    ----------
    path : str
        arena_scores.csv.
    positions : dict of (layer, unit) to int
        Row of every unit of the catalog.

    Attributes
    ----------
    sources : list of str
        In the order of the table.
    n_images : int
        Images on which the labels are scored; 0 if there are no labels.
    """

    def __init__(self, path: str, positions: dict[tuple[str, int], int]) -> None:
        table = read_table(path, "arena_scores")
        self.sources = table["source"].drop_duplicates().tolist()
        self.n_images = int(table["n_images"].max()) if len(table) else 0
        self._of_unit = {
            positions[key]: rows for key, rows in table.groupby(["layer", "unit"], sort=False) if key in positions
        }

    def of(self, row: int) -> dict | None:
        """Return the labels of a unit of the catalog for JSON, if it has any: range; number, label, status and `SCORES` by source."""
        if row not in self._of_unit:
            return None
        found: pd.DataFrame = self._of_unit[row]
        scores = [as_json_numbers(values, digits=4) for values in found[list(SCORES)].to_numpy()]
        texts = zip(map(self.sources.index, found["source"]), found["label"], found["status"], strict=True)
        labels = [[*text, *numbers] for text, numbers in zip(texts, scores, strict=True)]
        return {"range": found["range"].iloc[0], "labels": labels}
