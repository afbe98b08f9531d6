"""A network in a file of the user's, in the workflow: planned by its globs, made again after an edit."""

import csv
import shutil

import numpy as np
import pytest
from places import HELPERS
from tiny_workflow import Workflow

pytestmark = pytest.mark.workflow
TABLE = "results/mine/photos/layers.csv"


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    made = Workflow(tmp_path_factory.mktemp("own"))
    shutil.copy2(HELPERS / "own_networks.py", made.folder / "net.py")
    return made


def settings(**entry):
    entry = {"factory": "net.py:resnet20", "input_size": 32, "layers": ["layer*", "fc"], **entry}
    photos = {"weights": "none", "images": "photos", "subset": "", "input_size": 64, "resize": 64}
    photos |= {"normalisation": "untrained", "k": 5, "output_size": 64, "milan": "playground"}
    return {
        "models": {"mine": {key: value for key, value in entry.items() if value is not None}},
        "datasets": {"photos": photos},
        "concepts": {"labels": {"source": "labels", "format": "index_png", "subset": "", "categories": ["object"]}},
    }


def test_globs_become_layers_of_the_plan(workflow):
    for folder in ("photos", "labels"):
        (workflow.folder / folder).mkdir()
    planned = workflow.planned("results/mine/photos/labels/ranges.csv", settings=settings())
    assert planned["record_activations"] == 1 and planned["find_ranges"] == 4
    status, text = workflow.run("--dry-run", settings=settings(layers=["block*"]))
    assert status and "models.mine" in text and "'block*'" in text and "layers.csv" in text and "Traceback" not in text
    status, text = workflow.run("--dry-run", "results/mine/photos/units.csv", settings=settings(layers=None))
    assert status and f"models.mine has no layers; {TABLE} lists them all" in text


def test_a_misspelt_layer_stops_the_run_before_the_first_job(workflow):
    wrong = settings(layers=["layer3", "layr2"])
    status, text = workflow.run("results/mine/photos/units.csv", settings=wrong)
    assert status and "config key models.mine: The network mine has no layer 'layr2'" in text, text
    assert not (workflow.folder / "resources").exists() and not (workflow.folder / "logs").exists()


def test_an_edit_of_the_file_makes_its_results_again(workflow):
    found = settings(layers=None)
    workflow.must_run(TABLE, settings=found)
    with (workflow.folder / TABLE).open(newline="") as table:
        assert [row["n_units"] for row in csv.DictReader(table) if row["layer"] == "layer2"] == ["32"]
    assert workflow.planned(TABLE, settings=found) == {}
    assert workflow.planned(TABLE, settings=settings(layers=None, input_size=48)) == {"list_layers": 1}
    with (workflow.folder / "net.py").open("a") as file:
        file.write("EDITED = True\n")
    assert workflow.planned(TABLE, settings=found) == {"list_layers": 1}


def test_a_generator_is_trained_and_makes_its_own_exemplars(tmp_path):
    workflow = Workflow(tmp_path)
    units = "results/generator/generated/units.csv"
    sizes = {"k": 3, "output_size": 32, "samples": {"n": 24}}
    found = {"datasets": {"generated": sizes}, "playground": {"generator": {"epochs": 2}}}
    workflow.must_run(units, settings=found)
    with (tmp_path / units).open(newline="") as table:
        assert [row["layer"] for row in csv.DictReader(table)].count("layer1") == 64
    assert workflow.planned(units, settings=found) == {}
    remade = {"tally_units": 1, "collect_exemplars": 1}
    found["datasets"]["generated"]["samples"] = {"n": 30}
    assert workflow.planned(units, settings=found) == {"draw_samples": 1, **remade}
    found["playground"]["generator"]["epochs"] = 3
    planned = workflow.planned("results/generator/generated/descriptions.csv", settings=found)
    assert planned["describe_units"] == planned["train_milan"] == planned["train_playground_generator"] == 1
    formulas = "results/generator/generated/playground/explanations.csv"
    status, text = workflow.run("--dry-run", formulas, settings=found)
    assert status and "datasets.generated are generated and carry no labels" in text


def test_a_generator_of_the_users_own_takes_latents_from_a_file(tmp_path):
    workflow = Workflow(tmp_path)
    shutil.copy2(HELPERS / "own_generators.py", tmp_path / "gan.py")
    np.save(tmp_path / "latents.npy", np.random.default_rng(0).standard_normal((12, 4)))
    entry = {"weights": "none", "images": "generated", "samples": {"latents": "latents.npy", "n_classes": 4}}
    entry |= {"normalisation": "none", "k": 3, "output_size": 32, "milan": "playground"}
    gan = {"factory": "gan.py:by_class", "layers": ["place"]}
    found = {"models": {"gan": gan}, "datasets": {"own": entry}}
    planned = workflow.planned("results/gan/own/units.csv", settings=found)
    assert planned == {"draw_samples": 1, "tally_units": 1, "collect_exemplars": 1}
    for wrong in ({"n": 5}, {"classes": "y.npy"}):
        found["datasets"]["own"] = entry | {"samples": entry["samples"] | wrong}
        status, text = workflow.run("--dry-run", "results/gan/own/units.csv", settings=found)
        assert status and "samples" in text
