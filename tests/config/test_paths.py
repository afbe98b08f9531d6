import copy
import os
from pathlib import Path

import pandas as pd
import pytest
from small_config import CONFIG

from lib.config.own_files import network_files, own_copy, own_images
from lib.config.paths import FILE, FOLDER, Named, check_paths, named_paths
from lib.data.stores.tables import write_table

TARGET = {"model": "mine", "dataset": "photos", "concepts": ["labels"]}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Return a config whose files and folders are all there, relative to the working directory."""
    monkeypatch.chdir(tmp_path)
    for file in ("net.py", "net.pt", "w.pth", "other.pth", "table.csv", "z.npy", "y.npy", "m.pth", "gan.json", "i.ZIP"):
        (tmp_path / file).touch()
    for folder in ("photos", "labels/maps", "hf", "bert", "broden"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "labels/names.csv").touch()
    config = copy.deepcopy(CONFIG)
    config["milan"] |= {"bert_score_model": None, "source": "download", "milannotations": {"encoder": "resnet101"}}
    config["models"]["mine"] = {"factory": "net.py:f", "layers": ["a"]}
    config["datasets"]["photos"] = {"weights": "w.pth", "images": "photos", "milan": "m.pth"}
    config["concepts"]["labels"] = {"source": "labels", "format": "index_png", "masks": "maps", "labels": "names.csv"}
    config["targets"] = [TARGET]
    return config


def found(config, *requested):
    return {named.key: named.path for named in named_paths(config, requested=requested)}


def check(config, *requested, made=()):
    check_paths(config, requested=requested, is_made=lambda path: path in made)


def change(config, key, value):
    *sections, last = key.split(".")
    for section in sections:
        config = config.setdefault(section, {})
    config[last] = value


def test_all_paths_of_the_targets_are_named(config):
    check(config)
    assert found(config) == {
        "models.mine.factory": "net.py",
        "datasets.photos.weights": "w.pth",
        "datasets.photos.images": "photos",
        "datasets.photos.milan": "m.pth",
        "concepts.labels.source": "labels",
        "concepts.labels.masks": "labels/maps",
        "concepts.labels.labels": "labels/names.csv",
    }


KINDS_OF_PATHS = {
    "models.mine.factory": [
        "nowhere.py:f",
        "nowhere.pt",
        "nowhere.pt2",
        "biggan:nowhere",
        "hf:./nowhere",
        "hf:/nowhere",
    ],
    "models.mine.weights": ["nowhere.pth", "imagenett", "~/nowhere", "photos", "w.pth\0", "w.pth/x", "n" * 300],
    "datasets.photos.weights": ["nowhere.pth"],
    "datasets.photos.images": ["nowhere", "nowhere.csv", "nowhere.zip", "w.pth", "photos/nowhere.tar.gz"],
    "datasets.photos.milan": ["nowhere.pth", "nowhere.safetensors"],
    "concepts.labels.source": ["nowhere", "w.pth", "playground"],
    "concepts.labels.images": ["nowhere"],
    "concepts.labels.masks": ["nowhere"],
    "concepts.labels.labels": ["nowhere.csv"],
    "milan.bert_score_model": ["nowhere", "w.pth", "roberta-large"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in KINDS_OF_PATHS for value in KINDS_OF_PATHS[key]])
def test_a_mistyped_path_is_refused_with_its_key(config, key, value):
    change(config, key, value)
    if value.endswith((".pt", ".pt2")):
        config["models"]["mine"]["weights"] = "own"
    with pytest.raises(ValueError, match=rf"config key {key}: .*(does not exist|is no f|cannot be accessed).*Correct"):
        check(config)


def test_every_path_of_a_list_is_named(config):
    config["concepts"]["labels"] |= {"masks": ["maps", "parts"], "image_list": "val.txt"}
    with pytest.raises(ValueError, match=r"labels\.masks: labels/parts does not") as caught:
        check(config)
    assert "concepts.labels.image_list: labels/val.txt does not exist" in str(caught.value)


def test_what_stands_in_the_message(config, tmp_path):
    change(config, "datasets.photos.weights", "typo.pth")
    with pytest.raises(ValueError, match=rf"typo\.pth does not exist \(relative to {tmp_path}\)\. Corr"):
        check(config)
    change(config, "datasets.photos.weights", "/typo.pth")
    with pytest.raises(
        ValueError, match=r"weights: /typo\.pth does not exist\. Correct the path, or put the file there"
    ):
        check(config)


def test_pipes_and_unreadable_files_are_refused(config, monkeypatch):
    os.mkfifo("pipe")
    change(config, "datasets.photos.weights", "pipe")
    with pytest.raises(ValueError, match="pipe is no file"):
        check(config)
    change(config, "datasets.photos.weights", "w.pth")
    monkeypatch.setattr(os, "access", lambda path, mode: path != "w.pth")
    with pytest.raises(ValueError, match="w.pth may not be read"):
        check(config)


def test_samples_of_generators(config):
    entry = {"weights": "none", "images": "generated", "samples": {"latents": "z.npy", "classes": "y.npy"}}
    config["datasets"]["drawn"] = {**entry, "milan": "base"}
    config["targets"] = [{"model": "mine", "dataset": "drawn", "concepts": []}]
    check(config)
    os.remove("y.npy")
    with pytest.raises(ValueError, match=r"config key datasets\.drawn\.samples\.classes: y\.npy does not exist"):
        check(config)


def test_entries_that_nobody_asks_for_may_be_of_another_machine(config):
    config["datasets"]["elsewhere"] = {"weights": "/else/w.pth", "images": "/else/images", "milan": "/else/m.pth"}
    config["concepts"]["elsewhere"] = {"source": "/else/labels", "format": "tags"}
    config["models"]["elsewhere"] = {"factory": "/else/net.py:f", "weights": "/else/x.pth"}
    config["downloads"]["local"] = {
        "imagenet_val": "/else/val",
        "resnet18-places365": "/else/w",
        "broden1_224": "/else/b",
    }
    check(config, "--directory", "/x/results/elsewhere/elsewhere/", "imagenet_val", "results/elsewhere")
    check(config, "list_sources", "results/mine/photos/labels/ranges.csv", "resources/images/photos/images.csv")
    asked = {
        "results/mine/elsewhere/units.csv": "datasets.elsewhere.weights",
        "results/elsewhere/photos/units.csv": "models.elsewhere.factory",
        "results/mine~random/elsewhere/units.csv": "datasets.elsewhere.images",
        "results/mine/photos/elsewhere/explanations.csv": "concepts.elsewhere.source",
        "resources/images/elsewhere/images.csv": "datasets.elsewhere.images",
        "resources/data/images/elsewhere": "datasets.elsewhere.images",
        "resources/concepts/elsewhere.zarr": "concepts.elsewhere.source",
        "resources/data/concepts/elsewhere": "concepts.elsewhere.source",
        "results/mine/photos/ade20k/explanations.csv": "downloads.local.broden1_224",
        "resources/concepts/ade20k.zarr": "downloads.local.broden1_224",
        "resources/data/imagenet_val": "downloads.local.imagenet_val",
        "results/resnet18/imagenet/units.csv": "downloads.local.imagenet_val",
        "results/resnet18/places365/units.csv": "downloads.local.resnet18-places365",
    }
    for path, key in asked.items():
        assert key in found(config, path), path
        with pytest.raises(ValueError, match="config key .*/else/.* does not exist"):
            check(config, path)


def test_concepts_and_data_sets_of_one_name_are_told_apart(config):
    config["datasets"]["labels"] = {"weights": "/else/w.pth", "images": "/else/images", "milan": "base"}
    check(config, "results/mine/photos/labels/ranges.csv")


def test_weights_of_the_model_go_before_those_of_the_data_set(config):
    change(config, "models.mine.weights", "other.pth")
    change(config, "datasets.photos.weights", "nowhere.pth")
    check(config)
    assert found(config)["models.mine.weights"] == "other.pth" and "datasets.photos.weights" not in found(config)
    for weights in ("https://127.0.0.1/w.pth", "none"):
        config["models"]["mine"] |= {"weights": weights, "sha256": "0" * 64}
        check(config)
        assert not [key for key in found(config) if key.endswith("weights")]


def test_weights_that_the_network_cannot_have_are_refused_too(config):
    """Snakemake overlooks the errors of input functions where outputs exist."""
    change(config, "models.mine.weights", "places365")
    with pytest.raises(ValueError, match="no weights 'places365' for net.py:f"):
        check(config)


def test_networks_that_the_captioning_model_learns_from_count(config):
    config["models"]["mobilenet_v3_small"]["weights"] = "nowhere.pth"
    check(config)
    config["datasets"]["photos"]["milan"] = "playground"
    with pytest.raises(ValueError, match=r"config key models\.mobilenet_v3_small\.weights: nowhere\.pth"):
        check(config)
    check(config, made=["nowhere.pth"])


def test_answers_of_crowd_workers_count_where_their_network_is_asked_for(config):
    config["datasets"]["lab"] = {"weights": "none", "images": "given", "exemplars": "photos", "milan": "m.pth"}
    config["crowd"]["results"] = {"mine/photos": "table.csv", "any/lab": "/else/batch.csv"}
    check(config)
    assert found(config)["crowd.results.mine/photos"] == "table.csv"
    for asked in ("results/any/lab/agreement.csv", "results/any/lab/crowd/annotations.csv"):
        with pytest.raises(ValueError, match=r"config key crowd\.results\.any/lab: /else/batch\.csv does not exist"):
            check(config, asked)
    config["targets"] = [TARGET, {"model": "any", "dataset": "lab", "concepts": []}]
    with pytest.raises(ValueError, match="batch.csv does not exist"):
        check(config)
    config["crowd"]["results"]["any/lab"] = "results/any/lab/crowd/annotations.csv"
    with pytest.raises(ValueError, match=r"crowd\.results\.any/lab: .* is a result of the workflow"):
        check(config, made=["results/any/lab/crowd/annotations.csv"])


def test_answers_of_crowd_workers_on_the_playground_are_not_read_by_the_targets(config):
    config["crowd"]["results"] = {"resnet18/playground": "/else/batch.csv"}
    config["targets"] = [{"model": "resnet18", "dataset": "playground", "concepts": ["playground"]}]
    check(config)
    with pytest.raises(ValueError, match=r"config key crowd\.results\.resnet18/playground: /else/batch\.csv does not"):
        check(config, "results/resnet18/playground/crowd/annotations.csv")


def test_networks_that_train_a_captioning_model_need_annotations(config):
    config["captioners"] = {
        "own": {"networks": ["mine/photos"], "encoder": "resnet18", "encoder_weights": "playground"}
    }
    config["datasets"]["else"] = {"weights": "w.pth", "images": "photos", "milan": "own"}
    config["targets"] = [{"model": "mine", "dataset": "else", "concepts": []}]
    with pytest.raises(ValueError, match="captioning model own: mine/photos has no annotations"):
        check(config)
    table = Path("results/mine/photos/annotations.csv")
    table.parent.mkdir(parents=True)
    write_table(pd.DataFrame({"layer": ["a"], "unit": [0], "summary": ["x"]}), table, "annotations")
    with pytest.raises(ValueError, match="mine/photos has no annotations"):
        check(config)
    table.write_text("layer,unit,annotation\na,0,of a person\n")
    check(config)
    comparison = {"train": ["mine/photos"], "test": ["mine/else"]}
    chosen = {"presets": [], "comparisons": {"one": comparison}, "encoder": "resnet18", "early_stopping": 0.1}
    config["experiments"]["generalization"] = chosen
    with pytest.raises(ValueError, match="experiment one: mine/else has no annotations"):
        check(config, "experiments")


def test_networks_of_comparisons_count_where_the_experiments_are_asked_for(config):
    table = "results/mine/else/annotations.csv"
    Path(table).parent.mkdir(parents=True)
    Path(table).write_text("layer,unit,annotation\na,0,of a person\n")
    config["datasets"]["else"] = {"weights": "/else/w.pth", "images": "photos", "milan": "m.pth"}
    one = {"train": ["alexnet/imagenet"], "test": ["mine/else"]}
    chosen = {"presets": [], "comparisons": {"one": one}, "encoder": "resnet50", "early_stopping": 0.1}
    config["experiments"]["generalization"] = chosen
    config["downloads"]["local"] = {"annotations-alexnet-imagenet": "w.pth", "resnet50-imagenet": "w.pth"}
    check(config)
    for asked in ("experiments", "results/generalization.csv"):
        with pytest.raises(ValueError, match=r"config key datasets\.else\.weights: /else/w\.pth does not exist"):
            check(config, asked)
    config["datasets"]["else"]["weights"] = "w.pth"
    check(config, "experiments")
    for source in config["downloads"]["local"]:
        config["downloads"]["local"] = {source: "/else/copy"}
        with pytest.raises(ValueError, match=rf"config key downloads\.local\.{source}: /else/copy does not exist"):
            check(config, "experiments")


LOCAL = {
    "milan-base": {"datasets.photos.milan": "base"},
    "annotations-biggan-places365": {"datasets.photos.milan": "base", "milan.source": "train"},
    "annotations-resnet152-imagenet": {"datasets.photos.milan": "not-alexnet-imagenet"},
    "resnet101-imagenet": {"datasets.photos.milan": "base", "milan.source": "train"},
    "imagenet_val": {"datasets.photos.images": "imagenet"},
    "places365_val": {"datasets.photos.images": "places365"},
    "resnet18-imagenet": {"models.mine": {"factory": "resnet18", "weights": "imagenet"}},
    "broden1_227": {"concepts.labels": {"source": "broden1_227"}},
    "clip-ViT-B-32-openai": {"milan.strategy": "beam+clip"},
}


@pytest.mark.parametrize("source", LOCAL)
def test_copies_of_downloads_count_where_they_are_used(config, source):
    config["downloads"]["local"] = {source: "/nowhere/copy"}
    check(config)
    for key, value in LOCAL[source].items():
        change(config, key, value)
    with pytest.raises(ValueError, match=rf"config key downloads\.local\.{source}: /nowhere/copy does not exist"):
        check(config)
    for local in ("https://127.0.0.1/copy", "w.pth"):
        config["downloads"]["local"] = {source: local}
        check(config)


def test_a_copy_of_the_clip_that_scores_sentences_counts_where_they_are_scored(config):
    config["downloads"]["local"] = {"clip-ViT-B-32-openai": "/nowhere/copy"}
    check(config, "evidence")
    change(config, "evidence.predictor", "clip")
    check(config)
    for asked in ("evidence", "results/mine/photos/labels/label_scores.csv"):
        with pytest.raises(
            ValueError, match=r"config key downloads\.local\.clip-ViT-B-32-openai: /nowhere/copy does not"
        ):
            check(config, asked)


def test_what_a_rule_makes_need_not_be_there_yet(config):
    change(config, "datasets.photos.images", "resources/example/images")
    check(config, made=["resources/example"])
    change(config, "datasets.photos.milan", "resources/milan/playground.safetensors")
    check(config, made=["resources/example", "resources/milan/playground.safetensors"])
    os.makedirs("resources/example")
    with pytest.raises(ValueError, match=r"datasets\.photos\.images: resources/example/images does not exist"):
        check(config, made=["resources/example"])


def test_ratings_count_where_they_are_asked_for(config):
    config["crowd"]["ratings"] = {"mine/photos": "ratings"}
    check(config)
    with pytest.raises(ValueError, match=r"config key crowd\.ratings\.mine/photos: ratings does not exist"):
        check(config, "results/mine/photos/crowd/ratings.csv")


def test_own_files_and_folders(config, tmp_path):
    assert own_images("photos", config=config) == "photos"
    assert own_images("playground", config=config) == own_images("imagenet", config=config) == []
    config["downloads"]["local"] = {"imagenet_val": "/my/val", "places365_val": "https://127.0.0.1/val.tar"}
    assert own_images("imagenet", config=config) == "/my/val"
    assert own_images("places365", config=config) == own_copy("broden1_224", config=config) == []
    assert network_files("mine", "photos", config=config) == ["w.pth"]
    assert network_files("mine~random", "photos", config=config) == []
    (tmp_path / "hf/model.safetensors").touch()
    config["models"]["vit"] = {"factory": "hf:hf", "weights": "own"}
    assert network_files("vit", "photos", config=config) == ["hf/model.safetensors", "hf"]


def test_kinds_of_places(config):
    change(config, "datasets.photos.images", "table.csv")
    change(config, "milan.bert_score_model", "bert")
    named = named_paths(config, requested=())
    assert Named("datasets.photos.images", "table.csv", (FILE,)) in named
    assert Named("milan.bert_score_model", "bert", (FOLDER,)) in named
    change(config, "datasets.photos.images", "i.ZIP")
    check(config)
