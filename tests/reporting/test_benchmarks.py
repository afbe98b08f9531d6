"""The table of what each job took."""

import json

from lib.data.stores.tables import read_table
from lib.reporting.benchmarks import collect_benchmarks


def test_the_last_measurement_of_each_job_is_listed(tmp_path):
    folder = tmp_path / "benchmarks"
    (folder / "explain_units/resnet18").mkdir(parents=True)
    old = {"s": 99.0, "cpu_time": 98.0, "max_rss": 1.0}
    new = {"s": 2.5, "cpu_time": 2.25, "max_rss": 640.5}
    (folder / "explain_units/resnet18/layer4.jsonl").write_text(json.dumps(old) + "\n" + json.dumps(new) + "\n")
    (folder / "draw_playground.jsonl").write_text(json.dumps({"s": 0.1, "cpu_time": "NA", "max_rss": None}) + "\n")
    (folder / "killed.jsonl").write_text("")
    table = tmp_path / "results/benchmarks.csv"
    collect_benchmarks(folder, table)
    found = read_table(table, "benchmarks")
    assert found["rule"].tolist() == ["draw_playground", "explain_units"]
    assert found["job"].tolist() == ["", "resnet18/layer4"]
    assert found["seconds"].tolist() == [0.1, 2.5]
    assert found["cpu_seconds"].isna().tolist() == [True, False]
    assert found["peak_mib"].tolist()[1] == 640.5


def test_without_benchmarks_the_table_is_empty(tmp_path):
    collect_benchmarks(tmp_path / "none", tmp_path / "benchmarks.csv")
    assert len(read_table(tmp_path / "benchmarks.csv", "benchmarks")) == 0
