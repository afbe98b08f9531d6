"""The user's own files: a mistyped path stops the run, and another content makes again what is made from it."""

import os
import runpy
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from places import HELPERS
from tiny_workflow import Workflow

pytestmark = pytest.mark.workflow

PROVENANCE = "results/resnet18/playground/provenance.json"
RANGES = "results/resnet18/playground/playground/ranges.csv"
TYPOS = {
    "datasets.playground.weights": "/nowhere/typo.pth",
    "datasets.playground.images": "/nowhere",
    "datasets.playground.milan": "/nowhere.pth",
    "concepts.playground.source": "/nowhere",
    "models.shufflenet_v2_x1_0.weights": "typo.pth",
    "milan.bert_score_model": "/nowhere",
}


def nested(key, value):
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize("key", TYPOS)
def test_a_mistyped_path_stops_a_finished_run(finished, key):
    for targets, more in (((), {}), ((RANGES,), {"ranges": {"clusters": 4}})):
        status, text = finished.run("--dry-run", *targets, settings=nested(key, TYPOS[key]) | more)
        assert status != 0 and f"config key {key}: {TYPOS[key]} does not exist" in text, text
        assert "Traceback" not in text


def test_results_are_not_ascribed_to_what_is_not_there(finished):
    before = (finished.folder / PROVENANCE).read_bytes()
    status, text = finished.run(settings=nested("datasets.playground.images", "/nowhere"))
    assert status != 0 and "config key datasets.playground.images: /nowhere does not exist" in text
    assert (finished.folder / PROVENANCE).read_bytes() == before
    assert finished.planned() == {}


NETWORK = HELPERS / "own_networks.py"
OLD = 1_000_000_000  # seconds since 1970: long before any run
UNITS, FORMULAS = "results/mine/photos/units.csv", "results/mine/photos/labels/ranges.csv"
SETTINGS = {
    "targets": [],
    "models": {"mine": {"factory": "net.py:resnet20", "input_size": 32, "layers": ["layer3"]}},
    "datasets": {
        "photos": {
            **{"weights": "weights.pth", "images": "photos", "subset": "", "input_size": 32, "resize": 32},
            **{"normalisation": "untrained", "k": 3, "output_size": 32, "milan": "base"},
        }
    },
    "concepts": {"labels": {"source": "labels", "format": "index_png", "subset": "", "categories": ["object"]}},
}
AFTER_IMAGES = {"list_images", "tally_units", "collect_exemplars"}
AFTER_LABELS = {"convert_concepts", "record_activations", "find_ranges", "merge_tables"}
AFTER_WEIGHTS = {"record_activations", "find_ranges", "merge_tables", "tally_units", "collect_exemplars"}


def draw(path, seed, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 4 if mode == "L" else 256, size=(32, 32, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if mode == "L" else pixels).save(path, format="PNG")


def save_weights(path, seed):
    torch.manual_seed(seed)
    torch.save(runpy.run_path(str(NETWORK))["resnet20"]().state_dict(), path)


def date(path, seconds):
    """Date a file, if it is there, and the folders above it before any run, so that no date looks new."""
    for place in (path, path.parent, path.parent.parent):
        if place.exists():
            os.utime(place, (OLD, seconds if place.is_file() else OLD))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a workflow folder with exemplars and ranges made from files of the user's own."""
    workflow = Workflow(tmp_path_factory.mktemp("own"))
    folder = workflow.folder
    shutil.copy2(NETWORK, folder / "net.py")
    save_weights(folder / "weights.pth", 0)
    for number in range(12):
        draw(folder / f"photos/{number}.png", number)
        draw(folder / f"labels/images/{number}.png", number)
        draw(folder / f"labels/annotations/{number}.png", number, mode="L")
    (folder / "labels/labels.csv").write_text("1,tree\n2,sky\n3,house\n")
    for path in (folder / "weights.pth", *folder.glob("photos/*"), *folder.glob("labels/**/*")):
        date(path, OLD)
    workflow.must_run(UNITS, FORMULAS, settings=SETTINGS)
    assert workflow.planned(UNITS, FORMULAS, settings=SETTINGS) == {}
    return workflow


@pytest.mark.parametrize(
    ("path", "seed", "expected"),
    [
        ("weights.pth", 1, AFTER_WEIGHTS),
        ("weights.pth", 0, set()),
        ("photos/new.png", 1, AFTER_IMAGES),
        ("photos/cats/new.png", 1, AFTER_IMAGES),
        ("photos/3.png", 99, AFTER_IMAGES),
        ("labels/annotations/3.png", 99, AFTER_LABELS),
    ],
)
def test_an_older_file_in_place_of_another_is_noticed(made, path, seed, expected):
    place, kept = made.folder / path, made.folder / "kept"
    if place.exists():
        shutil.copy2(place, kept)
    try:
        if path.startswith("weights"):
            save_weights(place, seed)
        else:
            draw(place, seed, mode="L" if "annotations" in path else "RGB")
        date(place, OLD - 9)
        assert set(made.planned(UNITS, FORMULAS, settings=SETTINGS)) == expected
    finally:
        place.unlink()
        if kept.exists():
            shutil.move(kept, place)
        date(place, OLD)
    assert made.planned(UNITS, FORMULAS, settings=SETTINGS) == {}


def test_a_replaced_picture_changes_the_exemplars(made, tmp_path):
    workflow = made.copy(tmp_path / "copy")
    before = workflow.tables()
    draw(workflow.folder / "photos/3.png", 99)
    date(workflow.folder / "photos/3.png", OLD - 9)
    workflow.must_run(UNITS, FORMULAS, settings=SETTINGS)
    after = workflow.tables()
    assert after[UNITS] != before[UNITS] and after[FORMULAS] == before[FORMULAS]
    assert workflow.planned(UNITS, FORMULAS, settings=SETTINGS) == {}


def test_a_copy_in_place_of_a_download_counts_too(made, tmp_path):
    workflow = Workflow(tmp_path / "run")
    pictures = tmp_path / "val"
    shutil.copytree(made.folder / "photos", pictures)
    settings = {"downloads": {"local": {"imagenet_val": str(pictures)}}}
    table = "resources/images/imagenet/images.csv"
    workflow.must_run(table, settings=settings)
    assert workflow.planned(table, settings=settings) == {}
    draw(pictures / "new.png", 1)
    date(pictures / "new.png", OLD)
    assert set(workflow.planned(table, settings=settings)) == {"fetch_data", "list_images"}
    workflow.must_run(table, settings=settings)
    assert "new.png" in (workflow.folder / table).read_text()
    shutil.rmtree(pictures)
    status, text = workflow.run("--dry-run", table, settings=settings)
    assert status != 0 and f"config key downloads.local.imagenet_val: {pictures} does not exist" in text


def test_a_concept_set_is_summed_up_without_any_network(tmp_path):
    """Pascal VOC as it is published: images without a map are no matter, as the list leaves them out."""
    workflow = Workflow(tmp_path / "run")
    root = workflow.folder / "VOC2012"
    for number in range(4):
        draw(root / f"JPEGImages/2007_{number}.jpg", number)
        if number:
            draw(root / f"SegmentationClass/2007_{number}.png", number, mode="L")
    (root / "val.txt").write_text("2007_1\n2007_3\n")
    (root / "3.txt").write_text("2007_3.jpg\n")
    entry = {"source": "VOC2012", "format": "voc", "image_list": "val.txt", "categories": ["object"], "ignore": [3]}
    page, table = "results/concepts/own/summary.png", "results/concepts/own/concepts.csv"
    settings = {"targets": [], "concepts": {"own": entry}}
    workflow.must_run(page, settings=settings)
    rows = (workflow.folder / table).read_text().splitlines()
    assert [row.split(",")[1] for row in rows[1:4]] == ["aeroplane", "bicycle", "boat"] and len(rows) == 20
    assert workflow.planned(page, settings=settings) == {}
    edits = [
        ({"exclude": ["boat"]}, {"build_concepts"}),
        ({"ignore": [2]}, {"convert_concepts", "build_concepts"}),
        ({"subset": "2007_3", "image_list": "3.txt"}, {"convert_concepts", "build_concepts"}),
    ]
    for edit, expected in edits:
        changed = {"targets": [], "concepts": {"own": entry | edit}}
        assert set(workflow.planned(page, settings=changed)) == expected | {"summarize_concepts", "draw_concepts"}
    bound = settings | {"analyses": {"overlap": {"iou": 0.5}}}
    assert set(workflow.planned(page, settings=bound)) == {"summarize_concepts", "draw_concepts"}
    status, text = workflow.run("--dry-run", "results/concepts/owm/summary.png", settings=settings)
    assert status != 0 and "'owm' is not in the config section `concepts`" in text and "Traceback" not in text
    status, text = workflow.run("--dry-run", "results/concepts/own/sumary.png", settings=settings)
    assert status != 0 and "summary.png" in text and "Traceback" not in text
    status, text = workflow.run("--dry-run", page, settings={"concepts": {"own": entry | {"mask_suffix": "x"}}})
    assert status != 0 and "the end of a file name, up to .png, .tif or .tiff" in text
    assert {"concepts.csv", "overlap.csv", "summary.csv"} <= {
        path.name for path in (workflow.folder / page).parent.iterdir()
    }


def test_quantities_of_diou_on_request(made, tmp_path):
    workflow = made.copy(tmp_path / "copy")
    table = "results/mine/photos/labels/diou.csv"
    workflow.must_run(table, settings=SETTINGS)
    rows = (workflow.folder / table).read_text().splitlines()
    explained = (workflow.folder / FORMULAS).read_text().splitlines()
    assert len(rows) == len(explained) and rows[0].startswith("layer,unit,range,diou,unique_intersection")
    assert workflow.planned(table, settings=SETTINGS) == {}
