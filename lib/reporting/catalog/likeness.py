"""Units that are alike: the neighbours of each, its group of redundant units, and the map of all."""

import numpy as np

from ...data.stores.tables import read_table
from .records import as_json_numbers

KINDS = ("all", "exemplars", "concepts", "words")
"""Kinds of likeness, in the order of the page."""

COUNTS = KINDS[1:]
"""What units have in common."""


class AlikeUnits:
    """The units that are like those of a catalog.

    Parameters
    ----------
    neighbours, unit_map : str
        neighbours.csv and map.csv.
    positions : dict of (layer, unit) to int
        Row of every unit of the catalog; rows of other units are ignored.
    """

    def __init__(self, neighbours: str, unit_map: str, *, positions: dict[tuple[str, int], int]) -> None:
        table = read_table(neighbours, "neighbours")
        rows, others = (
            np.array([positions.get(key, -1) for key in zip(table[layer], table[unit], strict=True)], np.int64)
            for layer, unit in (("layer", "unit"), ("neighbour_layer", "neighbour_unit"))
        )
        kept = (rows >= 0) & (others >= 0)
        order = np.flatnonzero(kept)[np.argsort(rows[kept], kind="stable")]
        self._rows, self._others = rows[order], others[order]
        self._kinds = table["by"].map({kind: number for number, kind in enumerate(KINDS)}).to_numpy(np.int64)[order]
        self._likeness = table["likeness"].to_numpy()[order]
        self._counts = table[list(COUNTS)].to_numpy(np.int64)[order]
        places = read_table(unit_map, "map")
        self._x, self._y = np.full((2, len(positions)), np.nan)
        self._groups = np.full(len(positions), "", object)
        own = [positions.get(key, -1) for key in zip(places["layer"], places["unit"], strict=True)]
        for row, x, y, group in zip(own, places["x"], places["y"], places["group"], strict=True):
            if row >= 0:
                self._x[row], self._y[row], self._groups[row] = x, y, group

    def of(self, row: int) -> list[list[list]]:
        """Return the neighbours of a unit for JSON: of each of `KINDS` lists of unit, likeness and `COUNTS`."""
        found = [[] for _ in KINDS]
        for place in range(*np.searchsorted(self._rows, [row, row + 1]).tolist()):
            likeness = as_json_numbers(self._likeness[place : place + 1], digits=3)
            found[self._kinds[place]].append([int(self._others[place]), *likeness, *self._counts[place].tolist()])
        return found

    def details(self, rows: list[int]) -> dict[str, list]:
        """Return, of some units, the neighbours and the name of the group, which is empty if a unit is in none."""
        return {"neighbours": [self.of(row) for row in rows], "group": self._groups[rows].tolist()}

    def columns(self) -> dict[str, list]:
        """Return the map for JSON: x, y (null without a place) and the number of the group of each unit, -1 for none; names of groups.

        The largest groups come first.
        """
        names, numbers, sizes = np.unique(self._groups.astype(str), return_inverse=True, return_counts=True)
        order = [number for number in np.argsort(-sizes, kind="stable").tolist() if names[number]]
        place = np.full(len(names), -1)
        place[order] = np.arange(len(order))
        return {
            "x": as_json_numbers(self._x),
            "y": as_json_numbers(self._y),
            "group": place[numbers.ravel()].tolist(),
            "groups": names[order].tolist(),
        }
