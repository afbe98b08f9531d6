"""What `targets` asks for, and what a run says at its end."""

import copy
import os

import pytest
from small_config import CONFIG

from lib.config import batches, entries, targets
from lib.config.experiments import arena, tables

ROOT = "results/resnet18/playground"


@pytest.fixture
def config():
    config = copy.deepcopy(CONFIG)
    config |= {
        "explanations": {"chunks": 2},
        "ranges": {"clusters": 5, "quantile": 0.005},
        "activations": {"shards": 2},
    }
    return config | {"exemplars": {"shards": 3}}


def test_all_targets(config):
    files = targets.all_targets(config)
    assert files[:3] == [f"{ROOT}/descriptions.csv", f"{ROOT}/catalog", f"{ROOT}/provenance.json"]
    tables = {f"{ROOT}/{c}/{t}.csv" for c in ("playground", "ade20k") for t in targets.RESULT_TABLES}
    assert tables < set(files) and len(files) == len(set(files)) == 3 + 10 + 4
    assert {f"{ROOT}/description_metrics.csv", "results/planted/playground/recovery.csv"} < set(files)
    assert files[-2:] == ["results/comparison.csv", "results/index.html"], "two concept sets are compared"
    config["targets"][0]["concepts"] = ["ade20k"]
    assert set(files) - set(targets.all_targets(config)) >= {
        "results/planted/playground/recovery.csv",
        "results/comparison.csv",
    }


def test_compared_networks(config):
    config["targets"] += [
        {"model": "resnet18", "dataset": "untrained", "concepts": []},
        {"model": "alexnet", "dataset": "mine", "concepts": ["ade20k"]},
        {"model": "resnet18", "dataset": "playground", "concepts": ["mine"]},
    ]
    found = targets.compared_networks(config)
    assert targets.network_roots(config) == [ROOT, "results/resnet18/untrained", "results/alexnet/mine"]
    assert found["concept_sets"] == [["playground", "ade20k", "mine"], [], ["ade20k"]]
    assert found["untrained"] == [False, True, False]
    first, second, third = found["images"]
    assert second == third != first, "both have my/images"
    config["datasets"]["untrained"]["subset"] = "val/"
    assert len(set(targets.compared_networks(config)["images"])) == 3, "other images of the same folder"
    config["models"]["alexnet"]["weights"] = "none"
    assert targets.compared_networks(config)["untrained"] == [False, True, True]
    config["targets"].append({"model": "whatever", "dataset": "lab", "concepts": []})
    config["datasets"]["lab"] = config["datasets"]["mine"] | {"exemplars": "lab"}
    assert targets.compared_networks(config)["untrained"][-1] is False, "networks of given exemplars have any name"


def test_evidence_targets(config):
    files = targets.evidence_targets(config)
    tables = {f"{ROOT}/{c}/{t}.csv" for c in ("playground", "ade20k") for t in targets.EVIDENCE}
    twins = {f"{ROOT}/playground/interventions.csv", "results/metric_checks.csv", "results/index.html"} | {
        f"{ROOT}/{name}" for name in ("catalog", "provenance.json")
    }
    planted = {f"results/planted/playground/{name}" for name in ("recovery.csv", "recovery.png", "calibration.csv")}
    assert tables | twins | planted == set(files) and len(files) == len(set(files))
    labelled = {f"{ROOT}/{c}/label_images.csv" for c in ("playground", "ade20k")}
    config["evidence"]["images"] = "labels"
    assert set(targets.evidence_targets(config)) - set(files) == labelled
    config["targets"][0]["concepts"] = ["ade20k"]
    assert not planted & set(targets.evidence_targets(config)), "nothing is planted without the playground's concepts"


def test_arena_targets(config):
    compared = {f"{ROOT}/{c}/{t}.csv" for c in ("playground", "ade20k") for t in tables.ARENA}
    assert set(tables.arena_targets(config)) == compared | {f"{ROOT}/catalog", f"{ROOT}/provenance.json"}
    entry = {"file": "x.csv", "program": "milan"}
    config["labels"] = {
        "theirs": entry | {"network": "resnet18/playground"},
        "formulas": entry | {"network": "resnet18/playground", "program": "invert"},
        "others": entry | {"network": "alexnet/mine"},
    }
    imported = {f"{ROOT}/imported_labels/{name}.csv" for name in ("theirs", "formulas")}
    assert set(tables.arena_targets(config)) == compared | imported | {f"{ROOT}/catalog", f"{ROOT}/provenance.json"}
    sources = arena.sources("resnet18", "playground", config=config)
    assert sources == ["formula", "sentence", "dissection", "wrong", "theirs", "formulas"]
    assert "sentence" not in arena.sources("resnet18~random", "playground", config=config)
    names = "resnet18", "playground", "ade20k"
    assert arena.compared_words(*names, config=config) == []
    config["evidence"]["predictor"] = "clip"
    assert arena.compared_words(*names, config=config) == ["theirs"], "formulas are read without CLIP"
    assert arena.kind_of("formulas", config=config) == {"name": "formulas", "formulas": True, "by_image": True}


def test_files_of_labels_are_needed_by_the_arena_alone(config):
    entry = {"network": "resnet18/playground", "program": "dnd", "files": {"layer4": "4.csv", "layer3": "3.csv"}}
    config["labels"] = {"theirs": entry, "others": entry | {"network": "alexnet/mine"}}
    config["arena"] = {"sources": ["formula", "clip_dissect"], "clip_dissect": {"words": "words.txt"}}
    wanted = [("labels.theirs.files.layer4", "4.csv"), ("labels.theirs.files.layer3", "3.csv")]
    wanted.append(("arena.clip_dissect.words", "words.txt"))
    for asked in (
        "arena",
        f"{ROOT}/playground/arena.csv",
        f"{ROOT}/playground/arena_scores.csv",
        f"{ROOT}/imported_labels/theirs.csv",
    ):
        assert list(arena.own_files([asked], config=config)) == wanted, asked
    assert not list(arena.own_files(["all", f"{ROOT}/playground/label_scores.csv"], config=config))
    assert arena.files_of("theirs", config=config) == ["4.csv", "3.csv"] and arena.needs_clip(config)


def test_experiment_targets(config):
    config["experiments"]["generalization"]["presets"] = ["within-network"]
    files = tables.experiment_targets(config)
    plotted = {
        f"{ROOT}/{concepts}/{table}" for concepts in ("playground", "ade20k") for table in ("baselines", "ablation")
    }
    plotted |= {"results/generalization", "resources/milan/playground.sweep"}
    others = {f"{ROOT}/{name}" for name in ("unit_importance.csv", "class_importance.csv", "provenance.json")}
    assert set(files) == {f"{name}.{end}" for name in plotted for end in ("csv", "png")} | others
    config["experiments"]["generalization"]["presets"] = []
    config["targets"] = [{"model": "resnet18", "dataset": "mine", "concepts": ["ade20k"]}]
    assert tables.experiment_targets(config) == ["results/resnet18/mine/provenance.json"], "nothing to compare with"
    config["crowd"]["results"] = {"resnet18/mine": "batch.csv"}
    assert "results/resnet18/mine/ade20k/baselines.csv" in tables.experiment_targets(config)
    config["datasets"]["mine"]["classes"] = "sorted"
    assert "results/resnet18/mine/ade20k/ablation.png" in tables.experiment_targets(config)


def test_analysis_targets(config):
    files = targets.analysis_targets(config)
    assert f"{ROOT}/ade20k/pictures/layer4" in files and f"{ROOT}/playground/thresholds.png" in files
    assert len(files) == 2 * (len(targets.ANALYSES) * 2 + 2 + 1)
    texts = targets.text_targets(config)
    assert f"{ROOT}/ade20k/metrics_summary.tex" in texts and len(texts) == len(set(texts)) == 2 * 2 * 6
    made = {path.rsplit(".", 1)[0] for path in files}
    assert {path.rsplit(".", 1)[0] for path in texts} < made, "the tables of all analyses, none on request"


def test_tables_of_a_network(config):
    names = {"model": "resnet18", "dataset": "playground"}
    assert targets.concept_sets("resnet18", "playground", config=config) == ["playground", "ade20k"]
    assert targets.concept_sets("alexnet", "playground", config=config) == []
    assert targets.compared_entries(config) == [[*names.values(), "playground"], [*names.values(), "ade20k"]]
    assert targets.catalog_tables("ranges", *names.values(), config=config) == [
        f"{ROOT}/playground/ranges.csv",
        f"{ROOT}/ade20k/ranges.csv",
    ]
    assert len(targets.result_tables(*names.values(), config=config)) == 4 + 10


def test_parts_are_in_the_order_of_layers_and_units(config):
    config["models"]["resnet18"]["layers"] = ["layer4", "layer1"]
    names = {"model": "resnet18", "dataset": "playground", "concepts": "ade20k"}
    found = targets.explanation_parts("ranges", **names, config=config)
    root = f"{ROOT}/ade20k/parts/ranges"
    assert found == [f"{root}/{layer}/{n}-of-2.csv" for layer in ("layer4", "layer1") for n in (0, 1)]
    assert targets.explanation_parts("ranges", **names, config=config, layer="layer1") == found[2:]


def test_folders_of_activations_and_tallies(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config["models"]["resnet18"]["layers"] = ["layer1", "layer4"]
    root = f"{ROOT}/ade20k/activations"
    (tmp_path / root / "layer4/0-of-2").mkdir(parents=True)
    found = batches.activation_folders("resnet18", "playground", "ade20k", config=config)
    assert found == [f"{root}/{layer}/{n}-of-2" for layer in ("layer1", "layer4") for n in (0, 1)]
    assert batches.activation_folders("resnet18", "playground", "ade20k", config=config, layer="layer4") == found[2:]
    assert batches.tally_folders("resnet18", "playground", config=config) == [
        f"{ROOT}/tallies/layer1+layer4/{n}-of-3" for n in range(3)
    ]
    with pytest.raises(ValueError, match="'layer9' is not among the layers of resnet18: layer1, layer4"):
        batches.activation_folders("resnet18", "playground", "ade20k", config=config, layer="layer9")


def test_settings_that_follow_from_entries(config):
    with pytest.raises(ValueError, match=r"has no layers; results/mobilenet_v3_small/playground/layers.csv lists them"):
        entries.layers_of("mobilenet_v3_small", "playground", config=config)
    with pytest.raises(ValueError, match=r"datasets.playground is of images in files; it has no samples"):
        entries.sample_settings("playground", config=config)
    assert not entries.is_generated("playground", config=config)


def test_the_end_of_a_run_names_what_is_new_and_what_is_stale(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert targets.new_catalogs(config, since=0) == targets.stale_tables(config) == []
    times = {"catalog/index.html": 30, "descriptions.csv": 10, "units.csv": 20}
    for name, time in times.items():
        path = tmp_path / ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        os.utime(path, (time, time))
    os.utime(tmp_path / ROOT / "catalog", (30, 30))
    assert [str(page) for page in targets.new_catalogs(config, since=30)] == [f"{ROOT}/catalog/index.html"]
    assert targets.new_catalogs(config, since=31) == [], "it was not written by this run"
    found = [(str(old), str(new)) for old, new in targets.stale_tables(config)]
    assert found == [(f"{ROOT}/descriptions.csv", f"{ROOT}/units.csv")]
