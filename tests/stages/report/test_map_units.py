"""Neighbours, groups and the map of the units of a network, from its tables."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from small_catalog import N_UNITS, VARIED, hostile_inputs, varied_inputs

from lib.data.formats.exemplars import read_exemplars
from lib.data.stores.tables import read_table, write_table
from lib.kernels.search.formula import AND_NOT, split_formula
from lib.stages.report.map_units import N_NEIGHBOURS, map_units

BY = ("all", "exemplars", "concepts", "words")

SAID = {
    **dict.fromkeys((("layer1", 3), ("layer1", 60), ("layer10", 2)), "Quilts of a giraffe"),
    **dict.fromkeys((("layer1/1", 0), ("layer1", 9)), "the"),
}


def mapped(arguments, folder):
    outputs = {"neighbours": str(folder / "neighbours.csv"), "unit_map": str(folder / "map.csv")}
    map_units(**{name: arguments[name] for name in ("descriptions", "exemplars", "explanations")}, **outputs)
    return read_table(outputs["neighbours"], "neighbours"), read_table(outputs["unit_map"], "map")


@pytest.fixture
def inputs(tmp_path):
    """Three units say the same, which no other says; two say nothing that counts."""
    arguments = varied_inputs(tmp_path)
    table = read_table(arguments["descriptions"], "descriptions")
    keys = list(zip(table["layer"], table["unit"], strict=True))
    table["description"] = [SAID.get(key, said) for key, said in zip(keys, table["description"], strict=True)]
    write_table(table, arguments["descriptions"], "descriptions")
    return arguments


def features_of(arguments):
    """Return the three sets of features of each unit, from the tables alone."""
    found = {}
    said = read_table(arguments["descriptions"], "descriptions")
    for row in said.itertuples():
        found[row.layer, row.unit] = [
            set(),
            set(),
            set(re.findall(r"\w+", row.description.lower())) - ENGLISH_STOP_WORDS,
        ]
    for layer in VARIED:
        exemplars = read_exemplars(arguments["exemplars"], layer)
        for unit, ids in zip(exemplars.units.tolist(), exemplars.ids, strict=True):
            found[layer, unit][0] = set(ids.tolist())
    for row in read_table(arguments["explanations"][0], "explanations").itertuples():
        if row.range == "top" and row.formula:
            names, operators = split_formula(row.formula)
            signs = [False, *(operator == AND_NOT for operator in operators)]
            found[row.layer, row.unit][1] = set(zip(names, signs, strict=True))
    return found


def test_tables_are_those_of_sets(inputs, tmp_path):
    neighbours, places = mapped(inputs, tmp_path)
    features = features_of(inputs)
    keys = [(layer, unit) for layer in ("layer1", "layer1/1", "layer10") for unit in range(VARIED[layer])]
    assert list(zip(places["layer"], places["unit"], strict=True)) == keys
    assert (places["status"] == "ok").all() and places[["x", "y"]].isin(range(1001)).all(axis=None)
    assert places["x"].nunique() > 60
    order = list(zip(neighbours["layer"], neighbours["unit"], neighbours["by"].map(BY.index), neighbours["rank"]))
    assert order == sorted(order, key=lambda row: (keys.index(row[:2]), *row[2:]))
    for key, (number, by) in itertools.product(keys, enumerate(BY)):
        rows = neighbours[(neighbours["layer"] == key[0]) & (neighbours["unit"] == key[1]) & (neighbours["by"] == by)]
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1)) and len(rows) <= N_NEIGHBOURS
        values = {}
        for other in keys:
            pairs = zip(features[key], features[other], strict=True)
            indices = [len(one & two) / max(1, len(one | two)) for one, two in pairs]
            values[other] = [sum(indices) / 3, *indices][number]
        del values[key]
        best = sorted(values.values(), reverse=True)[:N_NEIGHBOURS]
        assert rows["likeness"].tolist() == pytest.approx([value for value in best if value])
        for row in rows.itertuples():
            other = row.neighbour_layer, row.neighbour_unit
            assert row.likeness == pytest.approx(values[other])
            counts = [len(one & two) for one, two in zip(features[key], features[other], strict=True)]
            assert [row.exemplars, row.concepts, row.words] == counts


def test_the_same_bytes_whatever_the_order_of_sums(inputs, tmp_path):
    """The tables in another order: other sums, the same rows."""
    mapped(inputs, tmp_path)
    before = [(tmp_path / name).read_bytes() for name in ("neighbours.csv", "map.csv")]
    for name in ("descriptions", "explanations"):
        path = inputs[name] if isinstance(inputs[name], str) else inputs[name][0]
        table = read_table(path, name)
        write_table(table.sample(frac=1, random_state=0, ignore_index=True), path, name)
    mapped(inputs, tmp_path)
    assert before == [(tmp_path / name).read_bytes() for name in ("neighbours.csv", "map.csv")]


def test_groups_are_named_by_what_most_have(tmp_path):
    arguments = hostile_inputs(tmp_path)
    table = read_table(arguments["descriptions"], "descriptions")
    table["description"] = np.where(table["unit"] < 3, "Red roofs", np.where(table["unit"] < 5, "A quilt", ""))
    write_table(table, arguments["descriptions"], "descriptions")
    without = arguments | {"explanations": []}
    for layer in read_table(arguments["units"], "units")["layer"].unique():
        # exemplars of unknown images do not count
        path = tmp_path / "exemplars" / layer / "ids.csv"
        np.savetxt(path, np.full((N_UNITS, 3), -1), fmt="%d", delimiter=",")
    _, places = mapped(without, tmp_path)
    sizes = places["group"].value_counts().to_dict()
    assert sizes == {"red, roofs": 9, "quilt": 6, "": 21}
    alone = places["unit"] >= 5
    assert (places["status"][alone] == "nothing in common").all() and places["x"][alone].isna().all()
    # by concepts, if most have some in common; hostile names stay names
    _, places = mapped(arguments | {"exemplars": without["exemplars"]}, tmp_path)
    names = set(places["group"]) - {""}
    assert len(names) > 1 and all("not sky" in name or "house (object)" in name for name in names)
    assert places["group"].notna().all() and len(places) == 3 * N_UNITS


def test_nothing_in_common(tmp_path):
    arguments = varied_inputs(tmp_path) | {"explanations": []}
    table = read_table(arguments["descriptions"], "descriptions").assign(description="")
    write_table(table, arguments["descriptions"], "descriptions")
    for layer, n_units in VARIED.items():
        np.savetxt(tmp_path / "exemplars" / layer / "ids.csv", np.full((n_units, 4), -1), fmt="%d", delimiter=",")
    neighbours, places = mapped(arguments, tmp_path)
    assert len(neighbours) == 0 and set(places["status"]) == {"nothing in common"}
    assert isinstance(places, pd.DataFrame) and len(places) == sum(VARIED.values())
