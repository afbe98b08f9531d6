import copy

import pytest

from lib.configuration import (
    batch_name,
    check_captioner,
    check_names,
    concept_folder,
    image_folder,
    layers_of_batch,
    look_up,
    milan_file,
    recording_batches,
)

CONFIG = {
    "targets": [{"model": "resnet18", "dataset": "playground", "concepts": ["playground", "ade20k"]}],
    "models": {
        "resnet18": {"layers": ["layer4"]},
        "alexnet": {"layers": ["features.1"]},
        "mobilenet_v3_small": {"layers": []},
    },
    "datasets": {
        "playground": {"weights": "playground", "images": "playground", "milan": "playground"},
        "places365": {"weights": "places365", "images": "places365", "milan": "base"},
        "imagenet": {"weights": "imagenet", "images": "imagenet", "milan": "imagenet"},
        "untrained": {"weights": "none", "images": "my/images", "milan": "playground"},
        "mine": {"weights": "my/weights.pth", "images": "my/images", "milan": "base"},
    },
    "concepts": {
        "playground": {"source": "playground"},
        "ade20k": {"source": "broden1_224"},
        "mine": {"source": "my/concepts"},
    },
    "milan": {"training": {"networks": ["mobilenet_v3_small"], "encoder": "resnet18"}},
    "checkpoints": {"trusted_sha256": []},
    "seed": 3,
}


@pytest.fixture
def config():
    return copy.deepcopy(CONFIG)


def test_a_right_config_passes(config):
    check_names(config)
    assert look_up("concepts", "ade20k", config=config) == {"source": "broden1_224"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ("targets", 0, "model"),
            "resnet81",
            "'resnet81' is not in the config section `models`.*Did you mean 'resnet18'",
        ),
        (("targets", 0, "dataset"), "playgroud", "section `datasets`.*Did you mean 'playground'"),
        (("targets", 0, "concepts", 1), "ade20", "section `concepts`.*Did you mean 'ade20k'"),
        (("milan", "training", "networks", 0), "mobilenet_v3_smal", "Did you mean 'mobilenet_v3_small'"),
        (("milan", "training", "encoder"), "zzz", r"resnet18, alexnet, mobilenet_v3_small\. Add it"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(config, path, value, message):
    entry = config
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        check_names(config)


def test_a_network_is_not_captioned_from_its_own_annotations(config):
    config["milan"]["training"]["networks"] = ["alexnet", "resnet18"]
    with pytest.raises(ValueError, match=r"resnet18 is labelled.*alexnet, resnet18"):
        check_names(config)
    for dataset in ("playground", "untrained"):
        with pytest.raises(ValueError, match="Take it out of milan.training.networks"):
            check_captioner("resnet18", dataset, config=config)
    check_captioner("resnet18", "places365", config=config)  # a published captioner has not seen it
    check_captioner("mobilenet_v3_small", "playground", config=config)


def test_files_follow_from_the_names(config):
    assert image_folder("playground", config=config) == "resources/data/playground"
    assert image_folder("imagenet", config=config) == "resources/data/imagenet_val"
    assert image_folder("mine", config=config) == "my/images"
    assert concept_folder("ade20k", config=config) == "resources/data/broden1_224"
    assert concept_folder("mine", config=config) == "my/concepts"
    assert milan_file("resnet18", "playground", config=config) == "resources/milan/playground.safetensors"
    assert milan_file("mobilenet_v3_small", "places365", config=config) == "resources/milan/base.pth"
    with pytest.raises(ValueError, match="copied from its own annotations"):
        milan_file("mobilenet_v3_small", "playground", config=config)


@pytest.mark.parametrize("n_layers", [1, 3, 60])
def test_layers_recorded_earlier_stay_in_their_batch(tmp_path, n_layers):
    old = [f"layer{i}.conv" for i in range(n_layers)]
    assert set(recording_batches(tmp_path, old, shards=["0-of-1"]).values()) == {batch_name(old)}
    assert layers_of_batch(batch_name(old)) == old
    assert all(len(part) <= 255 for part in batch_name(old).split("/"))
    (tmp_path / batch_name(old) / "0-of-1.partial").mkdir(parents=True)
    asked = ["new.2", *old[:2], "new.1"]
    assert len(set(recording_batches(tmp_path, asked, shards=["0-of-1"]).values())) == 1, "nothing is complete"
    (tmp_path / batch_name(old) / "0-of-1").mkdir()
    found = recording_batches(tmp_path, asked, shards=["0-of-1"])
    assert found == {layer: batch_name(old) if layer in old else "new.2+new.1" for layer in asked}
    assert batch_name(old) not in recording_batches(tmp_path, asked, shards=["0-of-2"]).values()
