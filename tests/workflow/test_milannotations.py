"""Published annotations, served on this machine, through the real workflow, up to a model that is trained on them."""

import re

import pytest
import torch
from PIL import Image
from published_milan import annotated_files, serve, write_source_images, write_zip
from tiny_workflow import Workflow

from lib.captioning.checkpoints.native import read_captioner
from lib.config.experiments.generalization import PRESETS
from lib.data.formats.exemplars import read_exemplars
from lib.data.milannotations.groups import GROUPS, NETWORKS, PUBLISHED
from lib.data.stores.tables import read_table
from lib.models.build.zoo import build_network

pytestmark = pytest.mark.workflow
CHOICES = ("playground", *GROUPS)
SMALL = {"embedding_size": 4, "hidden_size": 8, "attention_size": 4, "lm_hidden_size": 4, "lm_layers": 1, "epochs": 1}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Serve two small zips, with a small ImageNet and Places365; yield the workflow and its settings."""
    root = tmp_path_factory.mktemp("published")
    workflow, data = Workflow(root / "run"), root / "run/resources/data"
    (root / "served").mkdir()
    images = write_source_images(data / "imagenet_val", 12)
    for name in ("places365_val", "places365_filelist"):
        (data / name).mkdir()
    names = [f"Places365_val_{number:08d}.png" for number in range(1, 13)]
    for name, pixels in zip(names, images):
        Image.fromarray(pixels).save(data / "places365_val" / name)
    classes = "".join(f"{name} {12 - number}\n" for number, name in enumerate(names))
    (data / "places365_filelist" / "places365_val.txt").write_text(classes)
    for seed, dataset in enumerate(("imagenet", "places365")):
        write_zip(root / "served" / f"alexnet-{dataset}.zip", annotated_files({"conv1": 12, "conv2": 8}, seed=seed))

    # the encoder's own weights are verified by their digest, so these are put where the verified ones would be
    (root / "run/resources/weights/imagenet").mkdir(parents=True)
    weights = build_network("resnet18", n_classes=2, seed=0).state_dict()
    torch.save(weights, root / "run/resources/weights/imagenet/resnet18.pth")

    with serve(root / "served") as url:
        local = {
            f"annotations-alexnet-{dataset}": f"{url}/alexnet-{dataset}.zip" for dataset in ("imagenet", "places365")
        }
        yield workflow, {"downloads": {"local": local}}, images


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def planned(workflow, settings):
    """Return which of all captioning models would be trained and which converted, with a file of one's own in use."""
    own = {"datasets": {"places365": {"milan": "own.pth"}}}
    (workflow.folder / "own.pth").touch()
    targets = [f"resources/milan/{name}.safetensors" for name in CHOICES]
    targets.append("results/resnet18/places365/descriptions.csv")
    text = workflow.must_run(*targets, "--dry-run", settings=settings | own)
    assert "rule describe_units:" in text and ", own.pth" in text
    jobs = (re.findall(rf"log: logs/{rule}/(\S+)\.log", text) for rule in ("train_milan", "convert_milan"))
    return tuple(map(set, jobs))


def test_a_group_is_trained_on_its_zips(published):
    """And every other choice is planned."""
    workflow, settings, images = published
    settings = settings | {
        "milan": {"source": "train", "milannotations": SMALL | {"encoder": "resnet18", "beam": 3, "hold_out": 0.1}}
    }
    milan, table = "resources/milan/alexnet.safetensors", "resources/milannotations/alexnet.csv"
    workflow.must_run(milan, table, settings=settings)
    rows = read_table(str(workflow.folder / table), "milannotations")
    assert rows["network"].value_counts().to_dict() == dict.fromkeys(GROUPS["alexnet"], 40)
    places = read_exemplars(workflow.folder / "resources/milannotations/alexnet/places365/exemplars", "conv2")
    # the classes of the list run backwards
    assert (places.images[0, 0] == images[11 - places.ids[0, 0], 2:30, 18:46].transpose(2, 0, 1)).all()
    model = read_captioner(str(workflow.folder / milan))
    assert model.decoder.sizes.hidden_size == 8 and model.settings.beam_size == 3
    assert model.encoder.config == "resnet18" and "things" in model.indexer.tokens
    assert workflow.planned(milan, table, settings=settings) == {}
    more = settings | {
        "milan": settings["milan"] | {"milannotations": settings["milan"]["milannotations"] | {"epochs": 2}}
    }
    assert workflow.planned(milan, table, settings=more) == {"train_milan": 1}
    report = read_table(str(workflow.folder / "resources/milan/alexnet.csv"), "description_metrics")
    assert report["n_units"].unique().tolist() == [4]
    assert planned(workflow, settings) == (set(CHOICES) - {"alexnet"}, set())
    assert planned(workflow, settings | {"milan": {"source": "download"}}) == (
        set(CHOICES) - set(PUBLISHED),
        set(PUBLISHED),
    )


def test_models_trained_on_a_zip_are_tested_on_another(published):
    """From the zips to generalization and agreement."""
    workflow, settings, _ = published
    chosen = {"presets": [], "trials": 1, "encoder": "resnet18", "early_stopping": 0.2}
    chosen["comparisons"] = {"across-dataset": {"train": ["alexnet/imagenet"], "test": ["alexnet/places365"]}}
    settings = settings | {
        "milan": {"milannotations": SMALL | {"encoder": "resnet18", "beam": 3}},
        "experiments": {"bootstraps": 10, "generalization": chosen},
    }
    agreement = "resources/milannotations/alexnet.agreement.csv"
    workflow.must_run("results/generalization.csv", agreement, settings=settings)
    row = read_table(str(workflow.folder / "results/generalization.csv"), "generalization").iloc[0]
    assert (row["experiment"], row["train"], row["test"]) == ("across-dataset", "alexnet/imagenet", "alexnet/places365")
    assert row["n_units"] == 20 and row["chrf_low"] <= row["chrf"] <= row["chrf_high"]
    table = read_table(str(workflow.folder / agreement), "agreement").set_index(["network", "units", "annotator"])
    # one annotator says "things of unit 3", the other "red 3"
    assert table.loc[("all", "all", "mean"), "n_units"] == 40
    assert table.loc[("alexnet/imagenet", "conv2", "1"), "rouge1_precision"] == pytest.approx(25)
    assert workflow.planned("results/generalization.csv", agreement, settings=settings) == {}


def test_the_published_comparisons_are_planned(tmp_path):
    """25 comparisons of 7 annotated networks, each encoded once."""
    local = {f"annotations-{name.replace('/', '-')}": f"http://127.0.0.1:9/{name}.zip" for name in NETWORKS}
    settings = {
        "downloads": {"local": local},
        "experiments": {"generalization": {"presets": list(PRESETS), "trials": 2}},
    }
    agreements = [
        f"resources/milannotations/{group}.agreement.csv" for group in ("base", "cls", "not-alexnet-imagenet")
    ]
    planned = Workflow(tmp_path).planned("results/generalization.csv", *agreements, settings=settings)
    assert planned["measure_generalization"] == 2 * 25 and planned["merge_generalization"] == 1
    assert planned["encode_annotated_units"] == planned["complete_annotations"] == planned["fetch_annotations"] == 7
    assert planned["measure_published_agreement"] == 3
    assert not {"draw_playground", "train_milan", "fetch_milan"} & set(planned)
