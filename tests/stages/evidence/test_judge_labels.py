"""Verdicts of a table of formulas, from tables of evidence that were written by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from lib.data.stores.columns import COLUMNS
from lib.data.stores.tables import read_table, write_table
from lib.stages.evidence.judge_labels import judge_labels

# unit: formula, q, unseen low, chance level, support of its literals, verdict expected
ROWS = [
    ("((sky OR car) AND (NOT red))", 0.01, 0.3, 0.1, [0.9, 0.8, 0.7], "supported"),
    ("((sky OR car) AND (NOT red))", 0.01, 0.3, 0.1, [0.9, 0.1, 0.7], "partly"),
    ("sky", 0.2, 0.3, 0.1, [1.0], "chance"),
    ("(sky AND car)", 0.01, 0.05, 0.1, [1.0, 1.0], "chance"),
    ("", np.nan, np.nan, np.nan, [], "untested"),
    ("sky", np.nan, 0.3, 0.1, [1.0], "untested"),
]
THRESHOLDS = {"largest_q_value": 0.05, "least_support": 0.5}


@pytest.fixture
def paths(tmp_path):
    """Write the tables; return their paths as the arguments of the stage."""
    rows = {name: [] for name in ("explanations", "chance", "label_scores", "stability", "literal_support")}
    for unit, (formula, q, low, level, support, _) in enumerate(ROWS):
        key = {"layer": "b" if unit > 3 else "a", "unit": unit, "range": "top"}
        status = "ok" if formula else "empty"
        rows["explanations"].append(key | {"formula": formula, "iou": 0.4 if formula else np.nan, "status": status})
        rows["chance"].append(key | {"null_mean": level, "q_value": q})
        for granularity, optimism in (("pixel", 0.1 * unit), ("image", 9)):
            scores = {"iou_unseen": 0.35, "iou_unseen_low": low, "iou_unseen_high": 0.5, "optimism": optimism}
            rows["label_scores"].append(
                key | scores | {"source": "formula", "granularity": granularity, "label": formula}
            )
        rows["label_scores"].append(key | {"source": "dissection", "granularity": "pixel", "label": "car"})
        rows["stability"].append(key | {"formula": formula, "share": 0.6, "set_size": 2})
        for position, share in reversed(list(enumerate(support))):
            rows["literal_support"].append(key | {"position": position + 1, "support": share})
    empty = {"str": "", "float": np.nan, "int": 0, "bool": False}
    found = {}
    for name, values in rows.items():
        columns = COLUMNS[name]
        table = pd.DataFrame([{column: empty[kind] for column, kind in columns.items()} | row for row in values])
        found[name] = str(tmp_path / f"{name}.csv")
        write_table(table, found[name], name)
    return found | {"verdicts": str(tmp_path / "verdicts.csv"), "summary": str(tmp_path / "verdict_summary.csv")}


def test_verdicts_follow_from_the_tables(paths):
    judge_labels(**paths, **THRESHOLDS)
    found = read_table(paths["verdicts"], "verdicts")
    assert found["verdict"].tolist() == [row[-1] for row in ROWS]
    assert json.loads(found["held"][1]) == ["sky", "NOT red"] and json.loads(found["support"][1]) == [0.9, 0.1, 0.7]
    assert found["reason"].tolist() == ["", "support", "q_value", "iou_unseen", "no q_value", "no q_value"]
    assert found["n_literals"].tolist() == [3, 3, 1, 2, 0, 1] and found["n_held"].tolist() == [3, 2, 1, 2, 0, 1]
    judge_labels(**paths, largest_q_value=0.3, least_support=0.05)
    assert read_table(paths["verdicts"], "verdicts")["verdict"].tolist()[:3] == ["supported"] * 3


def test_the_summary_counts_them_by_layer_and_range(paths):
    judge_labels(**paths, **THRESHOLDS)
    found = read_table(paths["summary"], "verdict_summary").set_index(["layer", "range"])
    assert found.index.tolist() == [("", ""), ("", "top"), ("a", ""), ("a", "top"), ("b", ""), ("b", "top")]
    counts = found[["n", "n_supported", "n_partly", "n_chance", "n_untested"]]
    assert counts.loc[("", "")].tolist() == [6, 1, 1, 2, 2] and counts.loc[("b", "top")].tolist() == [2, 0, 0, 0, 2]
    whole = found.loc[("a", "")]
    # Wilson's interval of 1 in 4, from its formula
    z, n, share = 1.959963984540054, 4, 0.25
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert whole["share_supported_low"] == pytest.approx((middle - half) / (1 + z**2 / n), abs=1e-9)
    assert whole["share_supported_high"] == pytest.approx((middle + half) / (1 + z**2 / n), abs=1e-9)
    # optimism 0, 0.1, 0.2, 0.3: Student's interval with 3 degrees of freedom
    assert whole["optimism"] == pytest.approx(0.15)
    assert whole["optimism_high"] == pytest.approx(0.15 + 3.182446305284263 * np.std([0, 0.1, 0.2, 0.3], ddof=1) / 2)


@pytest.mark.parametrize("name", ["chance", "label_scores", "stability"])
def test_a_table_of_other_formulas_is_named(paths, name):
    table = read_table(paths[name], name)
    write_table(table[table["unit"] != 1], paths[name], name)
    with pytest.raises(ValueError, match=f"{name}.csv has no row for layer a, unit 1, range top.*Delete it"):
        judge_labels(**paths, **THRESHOLDS)
