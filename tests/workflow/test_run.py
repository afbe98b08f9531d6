"""The workflow run for real: complete, repeatable, the same whatever the cores."""

import csv
import hashlib
import json
import math
import shutil
import subprocess

import pytest
import torch
from tiny_workflow import ROOT, Workflow

from lib.api.concepts import Concepts
from lib.api.explain import explain
from lib.api.results import open_results

pytestmark = pytest.mark.workflow

LAYERS = {"layer1": 64, "layer2": 128}
RANGES = ["top", "cluster1", "cluster2", "cluster3", "cluster4", "cluster5"]


def rows(path):
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_every_unit_and_range_has_its_row(finished):
    root = finished.folder / "results/resnet18/playground"
    units = [(layer, str(unit)) for layer, n_units in LAYERS.items() for unit in range(n_units)]
    assert [(row["layer"], row["unit"]) for row in rows(root / "descriptions.csv")] == units
    expected = [(*unit, name) for unit in units for name in RANGES]
    for table in ("ranges", "explanations", "metrics"):
        found = rows(root / "playground" / f"{table}.csv")
        assert [(row["layer"], row["unit"], row["range"]) for row in found] == expected
    for row in rows(root / "playground/explanations.csv"):
        assert (row["status"] == "ok") == bool(row["formula"]) == bool(row["iou"])


def test_the_catalog_and_reports_are_there(finished):
    root = finished.folder / "results/resnet18/playground"
    assert "resnet18" in (root / "catalog/index.html").read_text(encoding="utf-8")
    report = json.loads((finished.folder / "resources/weights/playground/resnet18.json").read_text())
    assert report["n_train"] + report["n_held_out"] == 60
    assert {row["captions"] for row in rows(root / "description_metrics.csv")} >= {"constant", "shuffled"}


def test_the_report_of_the_default_run_holds_the_results(finished):
    finished.must_run("--report", "report.html")
    report = (finished.folder / "report.html").read_text(encoding="utf-8")
    assert len(report) < 20_000_000
    # on its first page: the catalog, categories, measures beside both baselines
    front, _, results = report.partition('<script id="results">')
    for words in ("results/resnet18/playground/catalog/index.html", "asserts a concept", "constant", "shuffled"):
        assert words in front, words
    found, _ = json.JSONDecoder().raw_decode(results.partition("var results = ")[2])
    labels = [entry["labels"] for path, entry in found.items() if "/examples/" in path]
    assert len(labels) == 2 * 5, "of each layer some units"
    assert all(set(label) == {"unit", "sentence", "IoU"} for label in labels)
    assert (finished.folder / "results/index.html").read_text(encoding="utf-8").count("<article>") == 1


def test_the_record_of_a_run_names_all_it_was_made_of(finished):
    record = json.loads((finished.folder / "results/resnet18/playground/provenance.json").read_text())
    checksums = record["made_from"] | record["results"]
    assert {"resources/weights/playground/resnet18.safetensors", "resources/images/playground/images.csv"} <= set(
        checksums
    )
    assert {path for path in checksums if path.endswith("index.csv")} and record["results"]
    for path, sha256 in checksums.items():
        assert hashlib.sha256((finished.folder / path).read_bytes()).hexdigest() == sha256
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert record["config"]["playground"]["network"]["sizes"] == [1.0] and record["config"]["seed"] == 0
    assert record["device"] and record["platform"]
    assert torch.backends.cpu.get_cpu_capability() in record["processor"]
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    assert record["commit"] == (commit.stdout.strip() or None)


def test_every_job_is_in_the_table_of_times(finished):
    jobs = rows(finished.folder / "results/benchmarks.csv")
    assert {"train_playground_network", "record_activations", "explain_units", "describe_units"} <= {
        row["rule"] for row in jobs
    }
    assert {row["job"] for row in jobs if row["rule"] == "collect_exemplars"} == {
        f"{model}/playground" for model in ("resnet18", "shufflenet_v2_x1_0")
    }
    assert all(float(row["seconds"]) >= 0 for row in jobs)


def test_planted_formulas_are_recovered(finished):
    recovery = rows(finished.folder / "results/planted/playground/recovery.csv")
    plain = [row for row in recovery if row["case"] == "plain"]
    assert [row["length"] for row in plain] == ["1", "2"] and {row["n_images"] for row in recovery} == {"19"}
    assert {row["case"] for row in recovery} == {"plain", "together", "outside", "none"}
    assert all(float(row["recovered_equivalent"]) > 0 for row in plain)


def test_a_second_run_does_nothing(finished):
    assert finished.planned() == {}


def test_python_gives_the_figures_of_the_tables(finished):
    results = open_results(finished.folder / "results/resnet18/playground")
    concepts = Concepts.open(finished.folder / "resources/concepts/playground.zarr")
    for layer in results.layers:
        unit = results.unit(layer, 3)
        found = explain(unit.maps("playground"), concepts)
        table = unit.formulas("playground").fillna(-1.0)
        assert [one.range.name for one in found] == table["range"].tolist()
        for one, row in zip(found, table.itertuples()):
            assert (one.formula, one.optimal, one.status) == (row.formula, row.optimal, row.status)
            if one.status == "ok":
                assert (one.range.lower, one.iou, one.iou_upper_bound) == (row.lower, row.iou, row.iou_upper_bound)
                measured = {name: value for name, value in one.metrics().items() if name != "iou"}
                assert all(getattr(row, name) == (-1.0 if math.isnan(v) else v) for name, v in measured.items())


def test_one_core_and_many_parts_give_the_same_bytes(finished, tmp_path):
    other = Workflow(tmp_path / "one_core")
    parts = {"shards": 7}, {"chunks": 2}
    settings = {"activations": parts[0], "exemplars": parts[0], "explanations": parts[1], "milan": parts[1]}
    other.must_run(cores=1, settings=settings | {"resources": {"batch_size": 9}})
    merged = {name: content for name, content in finished.tables().items() if "/parts/" not in name}
    assert {name: content for name, content in other.tables().items() if "/parts/" not in name} == merged


@pytest.mark.parametrize(
    "lost",
    [
        [
            "results/resnet18/playground/playground/activations/layer1+layer2/0-of-1",
            "results/planted/playground/parts/planted/0-of-1.csv",
            "results/shufflenet_v2_x1_0/playground/exemplars",
        ],
        [
            "results/resnet18/playground/playground/parts/ranges/layer2/0-of-1.csv",
            "resources/concepts/playground.zarr",
        ],
    ],
    ids=["records", "tables"],
)
def test_lost_intermediates_are_made_again_with_the_same_results(finished, lost):
    before = finished.tables()
    for path in (finished.folder / name for name in lost):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    finished.must_run(*lost)
    finished.must_run()
    assert finished.tables() == before
