"""All experiments through the real workflow, also on exemplars and annotations that exist (`make test-experiments`)."""

import json

import numpy as np
import pytest
from independent_scores import compare_baselines_with, recompute_baselines
from PIL import Image
from small_catalog import read_script
from tiny_workflow import Workflow

from lib.captioning.checkpoints.native import read_captioner
from lib.data.stores.tables import read_table
from lib.kernels.metrics.wording import plain_words

pytestmark = [pytest.mark.workflow, pytest.mark.experiments]

MINE = "resources/milan/mine.safetensors"
BASELINES = "results/resnet18/playground/playground/baselines.csv"
GIVEN = "results/whatever/given"
SETTINGS = {
    # a network of one epoch guesses so badly that it loses nothing without any single unit
    "playground": {"network": {"sizes": [1.0] * 6}},
    "datasets": {
        "given": {"exemplars": "given", "annotations": "people.csv", "milan": "playground"},
        "photos": {"weights": "none", "images": "photos", "normalisation": "none", "input_size": 48, "milan": "mine"},
    },
    "targets": [
        {"model": "resnet18", "dataset": "playground", "concepts": ["playground"]},
        {"model": "whatever", "dataset": "given", "concepts": []},
    ],
    "captioners": {
        "mine": {
            "networks": ["whatever/given", "shufflenet_v2_x1_0/playground"],
            "encoder": "resnet18",
            "encoder_weights": "playground",
            "language_model": False,
            "hold_out": 0.2,
            "seed": 5,
            **{"embedding_size": 4, "hidden_size": 8, "attention_size": 4, "epochs": 1, "beam": 3},
        }
    },
    "experiments": {
        "bootstraps": 10,
        "edits": {
            "lettering": {
                **{"versions": [0.5], "labels": ["formulas", "descriptions"], "n_images": 80, "image_size": 64},
                **{"input_size": 32, "sizes": [1.0], "k": 3, "trials": 2, "steps": 2},
            }
        },
        "importance": {"shares": [0.1, 0.5], "trials": 2},
        "sweep": {"beams": [3]},
        "generalization": {"trials": 2, "early_stopping": 0.2, "hold_out": 0.2},
    },
    "audit": {"topics": {"surfaces": ["sky", "floor", "wall", "grass", "sand", "road"]}},
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run the experiments, a target with exemplars in MAIA's layout, and a captioning model trained on them."""
    workflow = Workflow(tmp_path_factory.mktemp("experiments"))
    layer = workflow.folder / "given/conv1"
    layer.mkdir(parents=True)
    pictures = np.random.default_rng(0).integers(0, 256, (12, 3, 3, 48, 48), dtype=np.uint8)
    np.save(layer / "images.npy", pictures)
    np.save(layer / "masks.npy", np.ones((12, 3, 48, 48), np.uint8))
    rows = [f"conv1,{unit},{text}\n" for unit in range(12) for text in (f"red thing {unit}", "things")]
    (workflow.folder / "people.csv").write_text("layer,unit,annotation\n" + "".join(rows))
    workflow.must_run("experiments", f"{GIVEN}/description_metrics.csv", f"{GIVEN}/catalog", MINE, settings=SETTINGS)
    return workflow


def test_decoding_is_swept_on_held_out_units(done):
    table = read_table(done.folder / "resources/milan/playground.sweep.csv", "sweep")
    assert set(table["strategy"]) == {"likelihood_greedy", "likelihood_beam", "mi_greedy", "mi_beam", "rerank"}
    splits = read_table(done.folder / "resources/milan/playground.splits.csv", "splits")
    assert set(table["n_units"]) == {(splits["part"] == "test").sum()} and set(table["beam"]) == {1, 3}
    assert (done.folder / "resources/milan/playground.sweep.png").is_file()


def test_units_that_speak_of_topics_are_counted_linked_and_compared(done):
    networks = {"resnet18/playground", "resnet18/blurred", "whatever/given"}
    audits = {network: read_table(done.folder / f"results/{network}/audit.csv", "audit") for network in networks}
    for network, table in audits.items():
        assert set(table["network"]) == {network} and set(table["topic"]) == {"people", "buildings", "surfaces"}
    drawn = [set(audits[f"resnet18/{name}"]["source"]) for name in ("playground", "blurred")]
    assert drawn == [{"sentence", "playground"}] * 2 and set(audits["whatever/given"]["source"]) == {"sentence"}
    comparison = read_table(done.folder / "results/audit_comparison.csv", "audit_comparison")
    assert set(zip(comparison["network"], comparison["reference"])) == {("resnet18/blurred", "resnet18/playground")}
    units = read_table(done.folder / "results/resnet18/playground/audit_units.csv", "audit_units")
    data = done.folder / "results/resnet18/playground/catalog/data.js"
    topics = read_script(data)["units"]["topics"]
    assert sum(map(len, topics)) == len(units[["topic", "layer", "unit"]].drop_duplicates()) > 0
    weights = [
        (done.folder / f"resources/weights/{name}/resnet18.safetensors").read_bytes()
        for name in ("playground", "blurred")
    ]
    assert weights[0] != weights[1]


def test_baselines_and_generalization_of_the_playground(done):
    baselines = read_table(done.folder / BASELINES, "baselines")
    assert set(baselines["units"]) == {"all", "layer1", "layer2"}
    methods = ("milan", "likelihood_beam", "likelihood_greedy", "netdissect", "netdissect_words", "compositional")
    methods += ("compositional_words", "constant", "shuffled")
    assert set(baselines.loc[baselines["references"] == "all", "method"]) == set(methods)
    assert baselines.groupby("units")["n_units"].nunique().eq(1).all(), "all methods have the same units"
    values = baselines.set_index(["units", "method", "references"])["chrf"]
    assert values["all", "annotator", "others"] > values["all", "shuffled", "others"]
    table = read_table(done.folder / "results/generalization.csv", "generalization")
    assert table["trial"].tolist() == [0, 1] and set(table["experiment"]) == {"within-network"}
    assert set(table["train"]) == set(table["test"]) == {"shufflenet_v2_x1_0/playground"}
    assert (table["n_units"] == 6).all() and table["chrf"].between(0, 100).all()
    assert (table["chrf_low"] <= table["chrf_high"]).all()
    for plot in (BASELINES, "results/generalization.csv"):
        assert (done.folder / plot).with_suffix(".png").is_file()
    provenance = json.loads((done.folder / "results/resnet18/playground/provenance.json").read_text())
    assert {BASELINES, "results/generalization.csv", "resources/milan/playground.sweep.csv"} < set(
        provenance["results"]
    )


def test_baselines_equal_an_independent_recomputation(done):
    root = done.folder / "results/resnet18/playground"
    options = {"concepts": "playground", "seed": 0, "n_bootstraps": 10, "plain_words": plain_words}
    assert compare_baselines_with(done.folder / BASELINES, recompute_baselines(root=root, **options)) > 1000


def test_units_are_erased_in_several_orders(done):
    root = done.folder / "results/resnet18/playground"
    units = read_table(root / "unit_importance.csv", "unit_importance")
    assert units["layer"].value_counts().to_dict() == {"layer1": 64, "layer2": 128}
    by_class = read_table(root / "class_importance.csv", "class_importance")
    assert by_class.groupby(["layer", "unit"])["n_images"].sum().eq(units["n_images"].iloc[0]).all()
    table = read_table(root / "playground/ablation.csv", "ablation")
    assert set(table["group"]) == {"all", "layer1", "layer2"}
    assert {"random", "importance", "length", "iou"} <= set(table.loc[table["status"] == "ok", "criterion"])
    assert table.loc[table["criterion"] == "depth", "status"].str.contains("milan.tagger").all()
    assert (root / "playground/ablation.png").is_file()


def test_networks_are_edited(done):
    table = read_table(done.folder / "results/edit/lettering.csv", "edit")
    assert set(table["condition"]) == {"text", "random", "equally_strong"} and set(table["trial"]) == {0, 1}
    assert (table["n_validation"] == 16).all() and (table["n_test"] == 16).all() and set(table["version"]) == {"0.5"}
    summary = read_table(done.folder / "results/edit/lettering_summary.csv", "edit_summary")
    assert (summary["n_trials"] == 2).all() and summary["test_gain_low"].notna().all()
    assert (done.folder / "results/edit/lettering_summary.png").is_file()


def test_given_exemplars_are_described_scored_and_trained_on(done):
    metrics = read_table(done.folder / f"{GIVEN}/description_metrics.csv", "description_metrics")
    assert metrics.loc[metrics["units"] == "all", "n_units"].tolist() == [12, 12, 12]
    assert "red thing 7" in (done.folder / f"{GIVEN}/catalog/data.js").read_text()
    splits = read_table(done.folder / "resources/milan/mine.splits.csv", "splits")
    assert splits["network"].value_counts().to_dict() == {"whatever/given": 12, "shufflenet_v2_x1_0/playground": 30}
    model = read_captioner(str(done.folder / MINE))
    assert model.language_model is None and "thing" in model.indexer.tokens


def test_what_edits_of_annotations_make_run_again(done):
    targets = ["experiments", f"{GIVEN}/description_metrics.csv", f"{GIVEN}/catalog", MINE]
    assert done.planned(*targets, settings=SETTINGS) == {}
    table = done.folder / "people.csv"
    before = table.read_text()
    table.write_text(before.replace("things", "objects"))
    planned = done.planned(*targets, settings=SETTINGS)
    table.write_text(before)
    assert planned == {"score_descriptions": 1, "write_catalog": 1, "train_milan": 1}


def test_tables_of_the_user_are_no_outputs(done):
    (done.folder / "photos").mkdir()
    Image.new("RGB", (50, 50)).save(done.folder / "photos/1.png")
    own = done.folder / "results/resnet18/photos/annotations.csv"
    own.parent.mkdir()
    own.write_text("layer,unit,annotation\nlayer1,0,red\n")
    planned = done.planned("results/resnet18/photos/description_metrics.csv", settings=SETTINGS)
    assert planned["score_descriptions"] == planned["list_images"] == 1 and "annotate_exemplars" not in planned
    edited = done.folder / "results/resnet18/playground/annotations.csv"
    before = edited.read_text()
    edited.write_text(before + "layer1,0,red\n")
    status, text = done.run("--dry-run", "experiments", settings=SETTINGS)
    edited.write_text(before)
    assert status and "was not written by this workflow, or edited since" in text
    given = SETTINGS["datasets"]["given"] | {"annotations": "results/resnet18/playground/annotations.csv"}
    changed = SETTINGS | {"datasets": SETTINGS["datasets"] | {"given": given}}
    status, text = done.run("--dry-run", "results/whatever/given/description_metrics.csv", settings=changed)
    assert status and "is a result of the workflow" in text
