"""Stage: the units most alike to each unit, groups of redundant units with names, and a map of all units."""

import itertools
import json
import re

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from ...data.formats.exemplars import Exemplars, read_exemplars, read_layers
from ...data.stores.tables import read_table, write_table
from ...kernels.likeness.neighbours import ALL, Likeness, Neighbours, find_neighbours, group_redundant, incidence
from ...kernels.likeness.placing import place_units
from ...kernels.search.formula import AND_NOT, split_formula
from ...reporting.catalog.records import natural_key
from ...reporting.index.chosen import shown_range

N_NEIGHBOURS = 6
N_NAMES = 3
"""Features that name a group at most."""

KINDS = ("exemplars", "concepts", "words")


def map_units(
    *,
    descriptions: str,
    exemplars: str,
    explanations: list[str],
    neighbours: str,
    unit_map: str,
) -> None:
    """Write the units most alike to each unit, by each kind of features and by all, and the place of each unit on a map.

    Two units are alike by the images among the exemplars of both, by the concepts in the formulas of both (a concept under NOT
    is another one), and by the words of the sentences of both. Formulas are those of the range `top`, or of the highest
    cluster.

    Parameters
    ----------
    descriptions : str
        descriptions.csv of the network.
    exemplars : str
        Folder that holds one exemplar folder per layer.
    explanations : list of str
        explanations.csv of each concept set.
    neighbours, unit_map : str
        Outputs: neighbours.csv and map.csv.
    """
    described = read_table(descriptions, "descriptions")
    layers = sorted({*described["layer"], *read_layers(exemplars)}, key=lambda layer: (natural_key(layer), layer))
    pictured = [read_exemplars(exemplars, layer) for layer in layers]
    keys = sorted(
        {*zip(described["layer"], described["unit"], strict=True)}
        | {(found.layer, int(unit)) for found in pictured for unit in found.units},
        key=lambda key: (layers.index(key[0]), key[1]),
    )
    rows = {key: row for row, key in enumerate(keys)}
    own = {
        "exemplars": _images(rows, pictured),
        "concepts": _literals(rows, [read_table(path, "explanations") for path in explanations]),
        "words": _words(rows, described),
    }
    known = [kind for kind in KINDS if any(own[kind])]
    tables = {kind: incidence(own[kind], n=len(keys))[0] for kind in known}
    places = place_units(list(tables.values())) if known else np.full((len(keys), 2), -1)
    columns = pd.DataFrame(keys, columns=["layer", "unit"])
    group, found = np.full(len(keys), "", object), {}
    if known:
        likeness = Likeness(tables, {kind: np.array([len(features) for features in own[kind]]) for kind in known})
        found, n_redundant = find_neighbours(likeness, k=N_NEIGHBOURS)
        for name, members in _named(group_redundant(n_redundant, likeness.redundant_with), own, keys):
            group[members] = name
    write_table(_pairs(columns, found), neighbours, "neighbours")
    lies = places[:, 0] >= 0
    write_table(
        columns.assign(
            x=np.where(lies, places[:, 0], np.nan),
            y=np.where(lies, places[:, 1], np.nan),
            group=group,
            status=np.where(lies, "ok", "nothing in common"),
        ),
        unit_map,
        "map",
    )


def _pairs(columns: pd.DataFrame, found: dict[str, Neighbours]) -> pd.DataFrame:
    """Return the rows of neighbours.csv: of each unit in turn those by all kinds of features, and by each kind."""
    parts = []
    for place, by in enumerate((ALL, *KINDS)):
        unit, other, likeness = (
            (found[by].unit, found[by].neighbour, found[by].likeness) if by in found else (np.zeros(0, int),) * 3
        )
        part = {"place": place, "row": unit, "layer": columns["layer"].to_numpy()[unit]}
        part |= {"unit": columns["unit"].to_numpy()[unit], "by": by}
        part |= {"rank": 1 + np.arange(len(unit)) - np.searchsorted(unit, unit)}
        part |= {f"neighbour_{name}": columns[name].to_numpy()[other] for name in ("layer", "unit")}
        shared = {kind: found[by].shared.get(kind, 0) if by in found else 0 for kind in KINDS}
        parts.append(pd.DataFrame(part | {"likeness": likeness.astype(float)} | shared))
    table = pd.concat(parts, ignore_index=True).sort_values(["row", "place", "rank"], ignore_index=True)
    return table.drop(columns=["row", "place"])


def _images(rows: dict, pictured: list[Exemplars]) -> list[set]:
    """Return the numbers of the exemplars of each unit; those of given exemplars may be unknown."""
    own = [set() for _ in rows]
    for found in pictured:
        for unit, ids in zip(found.units.tolist(), found.ids.tolist(), strict=True):
            own[rows[found.layer, unit]] |= {number for number in ids if number >= 0}
    return own


def _literals(rows: dict, tables: list[pd.DataFrame]) -> list[set]:
    """Return the (concept set, whether under NOT, concept, its name as people read it) of the formulas of each unit."""
    own = [set() for _ in rows]
    for number, table in enumerate(tables):
        chosen = table[(table["range"] == shown_range(table["range"].unique().tolist())) & (table["formula"] != "")]
        for row in chosen.itertuples():
            names, operators = split_formula(row.formula)
            signs = (None, *operators)
            if (row.layer, row.unit) in rows:
                parts = zip(signs, names, json.loads(row.shown_names), strict=True)
                own[rows[row.layer, row.unit]] |= {(number, sign == AND_NOT, *named) for sign, *named in parts}
    return own


def _words(rows: dict, described: pd.DataFrame) -> list[set]:
    """Return the words of the sentence of each unit, without those that every sentence may have."""
    own = [set() for _ in rows]
    for row in described.itertuples():
        own[rows[row.layer, row.unit]] = set(re.findall(r"\w+", row.description.lower())) - ENGLISH_STOP_WORDS
    return own


def _named(groups: list[list[int]], own: dict[str, list[set]], keys: list) -> list[tuple[str, list[int]]]:
    """Name groups by the concepts, or else the words, that most members have, or else by the first unit; no name twice."""
    taken, named = set(), []
    for members in groups:
        name = "{}/{}".format(*keys[members[0]])
        for kind, write in (("concepts", _as_text), ("words", str)):
            counts = {}
            for unit in members:
                for feature in own[kind][unit]:
                    counts[feature] = counts.get(feature, 0) + 1
            common = [feature for feature, count in counts.items() if 2 * count > len(members)]
            common = sorted(common, key=lambda feature: (-counts[feature], feature))[:N_NAMES]
            if common:
                name = ", ".join(dict.fromkeys(map(write, common)))
                break
        numbered = (f"{name} ({number})" if number > 1 else name for number in itertools.count(1))
        name = next(text for text in numbered if text not in taken)
        taken.add(name)
        named.append((name, members))
    return named


def _as_text(literal: tuple[int, bool, str, str]) -> str:
    return f"not {literal[3]}" if literal[1] else literal[3]
