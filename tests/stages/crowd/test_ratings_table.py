"""Answers of raters of known error become a table by layer and verdict."""

import csv

import numpy as np
import pandas as pd
import pytest

from lib.data.stores.columns import COLUMNS
from lib.data.stores.tables import read_table, write_table
from lib.stages.crowd.summarise_ratings import summarise_ratings

LAYERS = {"layer2": 60, "layer10": 40}
VERDICTS = ("supported", "partly", "chance")
ERRORS = {"supported": 0.05, "partly": 0.25, "chance": 0.5}
"""How often a rater prefers the other label, by the verdict on the formula."""

COLUMNS_OF_ANSWERS = [*COLUMNS["rating_answers"], "side", "seconds"]


def filled(name, rows):
    """A table of these rows; columns that they lack are empty."""
    table = pd.DataFrame(rows)
    for column, kind in COLUMNS[name].items():
        if column not in table:
            table[column] = {"str": "", "int": 0, "float": 0.5, "bool": True}[kind]
    return table


@pytest.fixture
def results(tmp_path):
    """Tables of 100 units; the verdict of each is known."""
    units = [(layer, unit) for layer, n_units in LAYERS.items() for unit in range(n_units)]
    said = [{"layer": layer, "unit": unit, "description": f"={unit}", "runner_up": "sky"} for layer, unit in units]
    write_table(filled("descriptions", said), tmp_path / "descriptions.csv", "descriptions")
    rows = [
        {"layer": layer, "unit": unit, "range": name, "formula": f"f{unit}", "verdict": VERDICTS[(unit + shift) % 3]}
        for layer, unit in units
        for shift, name in enumerate(("top", "cluster1"))
    ]
    for name in ("explanations", "verdicts"):
        write_table(filled(name, rows)[list(COLUMNS[name])], tmp_path / f"{name}.csv", name)
    (tmp_path / "answers").mkdir()
    return tmp_path


def summarise(folder, **changes):
    paths = {name: str(folder / f"{name}.csv") for name in ("descriptions", "ratings", "left_out")}
    tables = {name: [str(folder / f"{name}.csv")] for name in ("explanations", "verdicts")}
    settings = {"answers": str(folder / "answers"), "network": "m/d", "concept_sets": ["broden"]}
    summarise_ratings(**paths, **tables | settings | changes)
    return read_table(paths["ratings"], "ratings"), read_table(paths["left_out"], "ratings_left_out")


def rated(answers, *, comparison="sentence_runner_up", rater="r", **changes):
    """Rows of a rater, from {(layer, unit): answer}."""
    formula = comparison.startswith("formula")
    return [
        {
            **{"network": "m/d", "comparison": comparison, "concepts": "broden" if formula else "", "rater": rater},
            **{"layer": layer, "unit": unit, "answer": answer, "range": "top" if formula else ""},
            **{"label": f"f{unit}" if formula else f"'={unit}", "other": "sky", "side": "left", "seconds": 1.5},
            **changes,
        }
        for (layer, unit), answer in answers.items()
    ]


def save(folder, name, rows):
    with (folder / "answers" / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS_OF_ANSWERS)
        writer.writeheader()
        writer.writerows(rows)


def verdict_of(unit):
    return VERDICTS[unit % 3]


def simulate(rng):
    units = [(layer, unit) for layer, n_units in LAYERS.items() for unit in range(n_units)]
    return {key: "other" if rng.random() < ERRORS[verdict_of(key[1])] else "label" for key in units}


@pytest.mark.parametrize("comparison", ["sentence_runner_up", "formula_shuffled"])
def test_raters_of_known_error(results, comparison):
    rng = np.random.default_rng(5)
    answers = [simulate(rng) for _ in range(3)]
    for number, given in enumerate(answers):
        save(results, f"{number}.csv", rated(given, comparison=comparison, rater=""))
    table, left = summarise(results)
    assert left.empty
    found = table.set_index(["by", "group"])
    assert list(table["by"]) == ["all", "layer", "layer", "verdict", "verdict", "verdict"]
    assert list(table["group"]) == ["all", *LAYERS, *VERDICTS]
    for verdict, error in ERRORS.items():
        row = found.loc[("verdict", verdict)]
        assert row["concepts"] == "broden"
        assert row["agreement_low"] <= 1 - error <= row["agreement_high"], verdict
    assert found.loc[("verdict", "supported"), "agreement_low"] > 0.5, "far from chance"
    assert found.loc[("verdict", "chance"), "agreement_low"] < 0.5 < found.loc[("verdict", "chance"), "agreement_high"]
    for layer, n_units in LAYERS.items():
        own = [answer == "label" for given in answers for key, answer in given.items() if key[0] == layer]
        row = found.loc[("layer", layer)]
        assert (row["n_units"], row["n_raters"], row["n_answers"], row["n_pairs"]) == (
            n_units,
            3,
            3 * n_units,
            3 * n_units,
        )
        assert row["agreement"] == pytest.approx(np.mean(own))
    equal = [a[key] == b[key] for a, b in ((0, 1), (0, 2), (1, 2)) for a, b in [(answers[a], answers[b])] for key in a]
    assert found.loc[("all", "all"), "equal_answers"] == pytest.approx(np.mean(equal))


def test_a_file_saved_twice_counts_once_and_neither_is_a_half(results):
    given = {("layer2", 0): "label", ("layer2", 1): "neither", ("layer10", 2): "other"}
    save(results, "early.csv", rated({("layer2", 0): "label"}))
    save(results, "late.csv", rated(given))
    table, left = summarise(results, verdicts=[])
    row = table.iloc[0]
    assert (row["n_answers"], row["n_neither"], row["n_raters"], row["agreement"]) == (3, 1, 1, 0.5)
    assert left[["file", "row", "reason"]].values.tolist() == [["late.csv", 1, "repeated"]]
    assert set(table["by"]) == {"all", "layer"}, "verdicts are not there"


def test_answers_that_no_longer_fit_are_left_out_with_the_reason(results):
    one = {("layer2", 0): "label"}
    rows = rated(one)
    wrong = [
        ("other network", rated(one, network="m/x")),
        ("unknown answer", rated({("layer2", 0): "yes"})),
        ("unknown answer", rated(one, comparison="taste")),
        ("unknown unit", rated({("layer2", 77): "label"})),
        ("unknown unit", rated(one, comparison="formula_shuffled", concepts="mine")),
        ("outdated", rated(one, label="an older sentence")),
        ("outdated", rated(one, other="an older runner-up")),
        ("outdated", rated(one, comparison="formula_shuffled", label="an older formula")),
    ]
    save(results, "a.csv", [*rows, *(row for _, rows in wrong for row in rows)])
    table, left = summarise(results)
    assert left["reason"].tolist() == [reason for reason, _ in wrong]
    assert left["row"].tolist() == list(range(2, 10))
    assert (table["n_answers"] == 1).all()


def test_sentences_of_a_network_with_several_concept_sets(results):
    save(results, "a.csv", rated({("layer2", 0): "label"}, comparison="sentence_shuffled"))
    twice = {name: [str(results / f"{name}.csv")] * 2 for name in ("explanations", "verdicts")}
    table, _ = summarise(results, concept_sets=["broden", "mine"], **twice)
    verdicts = table[table["by"] == "verdict"]
    assert verdicts[["concepts", "group"]].values.tolist() == [["broden", "supported"], ["mine", "supported"]]


def test_errors_of_the_user_are_named(results):
    with pytest.raises(ValueError, match="holds no .csv file.*crowd.ratings"):
        summarise(results)
    save(results, "a.csv", rated({("layer2", 0): "label"}, network="m/x"))
    with pytest.raises(ValueError, match=r"none of its 1 answers for m/d counts \(1 other network\)"):
        summarise(results)
    (results / "answers" / "b.csv").write_text("layer,unit\na,1\n")
    with pytest.raises(ValueError, match="b.csv is no rating_answers table"):
        summarise(results)
