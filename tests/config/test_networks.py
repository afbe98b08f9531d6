import copy

import pytest
from small_config import CONFIG

import lib.models.build.factories
from lib.config.checks import check_names
from lib.config.entries import image_folder, image_table, look_up
from lib.config.networks import (
    input_geometry,
    input_size,
    network_settings,
    recording_options,
    resolve_layers,
    weights_file,
)


@pytest.fixture
def config():
    return copy.deepcopy(CONFIG)


def test_weights_follow_from_the_names(config):
    assert weights_file("resnet18", "untrained", config=config) == []
    assert weights_file("resnet18", "playground", config=config) == "resources/weights/playground/resnet18.safetensors"
    assert weights_file("alexnet", "places365", config=config) == "resources/weights/places365/alexnet.pth"
    assert weights_file("alexnet", "mine", config=config) == "my/weights.pth"
    with pytest.raises(ValueError, match="section `models`"):
        weights_file("alexne", "mine", config=config)


def test_weights_of_a_model_go_before_those_of_the_data_set(config, tmp_path):
    own = config["models"]
    own["mine"] = {"factory": "resnet18"}
    assert weights_file("mine", "imagenet", config=config) == "resources/weights/imagenet/resnet18.pth"
    assert weights_file("mine", "playground", config=config) == "resources/weights/playground/mine.safetensors"
    own["mine"]["weights"] = "x.pth"
    assert {weights_file("mine", name, config=config) for name in config["datasets"]} == {"x.pth"}
    own["mine"] |= {"weights": "https://127.0.0.1/a%20b/net.safetensors?x=1", "sha256": "0" * 64}
    assert weights_file("mine", "imagenet", config=config) == "resources/weights/own/mine/net.safetensors"
    own["mine"] = {"factory": "net.pt", "weights": "own"}
    assert weights_file("mine", "imagenet", config=config) == "net.pt"
    (tmp_path / "model.safetensors").touch()
    own["mine"] = {"factory": f"hf:{tmp_path}", "weights": "own"}
    assert weights_file("mine", "imagenet", config=config) == str(tmp_path / "model.safetensors")
    for factory in ("hf:google/vit", "timm:vit", "net.py:f"):
        own["mine"] = {"factory": factory, "weights": "own"}
        assert weights_file("mine", "imagenet", config=config) == []


@pytest.mark.parametrize(
    ("entry", "dataset", "words"),
    [
        ({"factory": "net.py:f"}, "imagenet", r"no weights 'imagenet' for net\.py:f.*models\.mine\.weights"),
        ({"factory": "timm:vit"}, "playground", "no weights 'playground' for timm:vit"),
        ({"factory": "net.pt"}, "untrained", r"has its own weights.*`weights: none`.*models\.mine\.weights to own"),
        ({"factory": "resnet18", "weights": "own"}, "mine", "has no pretrained weights"),
        ({"factory": "net.py:f", "weights": "http://127.0.0.1/x"}, "mine", r"models\.mine\.sha256"),
        ({"factory": "net.py"}, "mine", "names no function"),
        ({"factory": "hf:.", "weights": "own"}, "mine", "holds no weights"),
    ],
)
def test_weights_that_do_not_exist_are_refused(config, entry, dataset, words):
    config["models"]["mine"] = entry
    with pytest.raises(ValueError, match=words):
        weights_file("mine", dataset, config=config)


def test_settings_of_a_network(config, tmp_path):
    config["datasets"]["mine"] |= {"normalisation": "imagenet", "input_size": 224, "resize": 256}
    assert network_settings("resnet18", "mine", config=config) == {
        "name": "resnet18",
        "normalisation": "imagenet",
        "seed": 3,
        "recipe": {"factory": "resnet18", "own_weights": False, "code": ""},
    }
    assert input_geometry("resnet18", "mine", config=config) == {"resize": 256, "crop": 224}
    file = tmp_path / "net.py"
    file.write_text("a = 1")
    numbers = [[0.5, 0.5, 0.5], [1, 1, 1]]
    entry = {"factory": f"{file}:f", "key_prefix": "m.", "normalisation": numbers, "input_size": 32, "layers": ["a"]}
    config["models"]["mine"] = entry
    found = network_settings("mine", "mine", config=config)
    assert found["normalisation"] == numbers and found["recipe"].keys() == {
        "factory",
        "key_prefix",
        "own_weights",
        "code",
    }
    assert input_geometry("mine", "mine", config=config) == {"resize": 37, "crop": 32}
    assert input_size("mine", "mine", config=config) == [32, 32]
    file.write_text("a = 2")
    assert network_settings("mine", "mine", config=config)["recipe"]["code"] != found["recipe"]["code"]
    entry["input_size"] = [32, 48]
    assert input_geometry("mine", "mine", config=config) == {"resize": [32, 48], "crop": None}
    config["datasets"]["mine"]["reduced_jpeg"] = True
    reduced = {"reduced_jpeg": True}
    assert input_geometry("mine", "mine", config=config) == {"resize": [32, 48], "crop": None} | reduced
    assert input_geometry("resnet18", "mine", config=config) == {"resize": 256, "crop": 224} | reduced
    assert input_size("mine", "mine", config=config) == [32, 48]


def test_options_of_recording_are_no_settings_of_the_network(config):
    config["datasets"]["mine"]["normalisation"] = "imagenet"
    plain = network_settings("resnet18", "mine", config=config)
    options = {"fold_batch_norms": True, "precision": "bfloat16"}
    config["models"]["resnet18"] |= options
    assert recording_options("resnet18", "mine", config=config) == options
    assert network_settings("resnet18", "mine", config=config) == plain
    config["models"]["resnet18"] |= {"fold_batch_norms": False, "precision": "float32"}
    assert recording_options("resnet18", "mine", config=config) == {}, "defaults rerun nothing"


@pytest.mark.parametrize(("size", "resize"), [(224, 256), (299, 342), (32, 37)])
def test_images_are_scaled_in_proportion_to_the_input_where_the_config_does_not_say(config, size, resize):
    config["datasets"]["mine"]["input_size"] = size
    assert input_geometry("resnet18", "mine", config=config) == {"resize": resize, "crop": size}
    config["datasets"]["mine"]["input_size"] = 224
    config["models"]["resnet18"]["input_size"] = size
    assert input_geometry("resnet18", "mine", config=config) == {"resize": resize, "crop": size}


def test_the_captioners_encoder_stays_torchvisions(config):
    for key, value in {"factory": "timm:resnet18", "weights": "x.pth", "normalisation": "untrained"}.items():
        config["models"]["resnet18"] = {"layers": ["layer4"], key: value}
        with pytest.raises(ValueError, match=rf"its own {key}.*milan\.training\.encoder.*another name"):
            check_names(config)


@pytest.fixture
def built(monkeypatch):
    """Return the factories that were asked for their layers."""
    calls = []

    def known_layers(recipe, *, trusted_sha256):
        calls.append(recipe.factory)
        return ["features.1", "layer1", "layer3", "layer4"]

    monkeypatch.setattr(lib.models.build.factories, "known_layers", known_layers)
    return calls


def test_layers_are_looked_up_once_and_again_after_an_edit(config, tmp_path, built):
    memory = tmp_path / "deep" / "memory.json"
    resolve_layers(config, memory)
    assert built == list(config["models"])
    resolve_layers(config, memory)
    config["milan"]["training"]["encoder"] = "alexnet"
    resolve_layers(config, memory)
    assert len(built) == 3
    for layers in (["layer3"], ["layer4"]):
        config["models"]["resnet18"]["layers"] = layers
        resolve_layers(config, memory)
        assert built[3:] == ["resnet18"], "only the edited network"


def test_globs_are_replaced_and_a_file_runs_for_them_only(config, tmp_path, built):
    file, memory = tmp_path / "net.py", tmp_path / "memory.json"
    file.write_text("a = 1")
    config["models"] = {"mine": {"factory": f"{file}:f", "layers": ["exact", "names"]}}
    resolve_layers(config, memory)
    assert built == [] and not memory.exists()
    for n_built in (1, 1, 2):
        config["models"]["mine"]["layers"] = ["layer*"]
        if n_built == 2:
            file.write_text("a = 2")
        resolve_layers(config, memory)
        assert config["models"]["mine"]["layers"] == ["layer1", "layer3", "layer4"] and len(built) == n_built


def test_names_of_the_users_own_file_are_checked_on_demand(config, tmp_path, built):
    (tmp_path / "net.py").write_text("a = 1")
    memory, entry = tmp_path / "memory.json", {"factory": f"{tmp_path}/net.py:f", "layers": ["layer1"]}
    config["models"] = {"mine": entry, "other": {"factory": "nowhere.py:f", "layers": ["x"]}}
    for _ in range(2):
        resolve_layers(config, memory, own=["mine"])
        assert len(built) == 1, "remembered"
    entry["layers"] = ["layer1", "layer2"]
    resolve_layers(config, memory)
    with pytest.raises(ValueError, match=r"config key models\.mine: .*'layer2'.*nearest"):
        resolve_layers(config, memory, own=["mine"])
    del entry["layers"]
    resolve_layers(config, memory, own=["mine"])
    assert len(built) == 2, "no layers, no need of the file"


def test_a_file_that_needs_a_package_of_the_jobs_is_left_to_them(config, tmp_path):
    (tmp_path / "net.py").write_text("import a_package_that_is_not_here")
    config["models"] = {"mine": {"factory": f"{tmp_path}/net.py:f", "layers": ["layer1"]}}
    resolve_layers(config, tmp_path / "memory.json", own=["mine"])
    (tmp_path / "net.py").write_text("a = b")
    with pytest.raises(ValueError, match=r"config key models\.mine: .*NameError"):
        resolve_layers(config, tmp_path / "memory.json", own=["mine"])


def test_a_model_without_layers_passes(config, tmp_path):
    config["models"] = {"resnet18": {}, "mine": {"factory": "nowhere.py:f"}}
    resolve_layers(config, tmp_path / "memory.json")


def test_a_wrong_layer_is_refused_each_time(config, tmp_path):
    config["models"] = {"resnet18": {"layers": ["layer4", "layer5"]}}
    for _ in range(2):
        with pytest.raises(ValueError, match=r"config key models\.resnet18: .*'layer5'.*nearest"):
            resolve_layers(config, tmp_path / "memory.json")
    config["models"] = {"resnet18": {"layers": ["layer4"]}}
    resolve_layers(config, tmp_path / "memory.json")
    (tmp_path / "memory.json").write_text("{")
    resolve_layers(config, tmp_path / "memory.json")


def test_every_model_has_a_twin_with_random_weights(config):
    assert look_up("models", "resnet18~random", config=config) == look_up("models", "resnet18", config=config)
    for dataset in ("playground", "places365", "mine"):
        assert weights_file("resnet18~random", dataset, config=config) == []
    with pytest.raises(ValueError, match=r"'resnet81' is not in .*Did you mean 'resnet18'"):
        weights_file("resnet81~random", "playground", config=config)


GENERATED = {
    "weights": "playground",
    "images": "generated",
    "samples": {"n": 9, "latent_size": 4},
    "milan": "playground",
}


def test_generators_have_weights_and_no_labelled_input(config):
    config["datasets"]["drawn"] = {**GENERATED, "normalisation": "untrained"}
    config["models"]["mine"] = {"factory": "playground_generator"}
    trained = "resources/weights/playground/generators/mine.safetensors"
    assert weights_file("mine", "drawn", config=config) == trained
    assert image_table("drawn", config=config) == "resources/images/drawn/samples.npz"
    assert image_table("mine", config=config) == "resources/images/mine/images.csv"
    assert input_geometry("mine", "drawn", config=config) is None
    with pytest.raises(ValueError, match=r"datasets\.drawn are generated.* no formulas"):
        input_size("mine", "drawn", config=config)
    with pytest.raises(ValueError, match="no folder of them"):
        image_folder("drawn", config=config)
    config["targets"] = [{"model": "mine", "dataset": "drawn", "concepts": []}]
    check_names(config)
    config["targets"][0]["concepts"] = ["ade20k"]
    with pytest.raises(ValueError, match=r"formulas of mine on drawn.*concepts: \[\]"):
        check_names(config)


def test_a_configuration_of_biggan_counts_as_code(config, tmp_path):
    path = tmp_path / "biggan.json"
    path.write_text("{}")
    config["models"]["mine"] = {"factory": f"biggan:{path}", "weights": "biggan.bin"}
    config["datasets"]["drawn"] = {**GENERATED, "normalisation": "untrained"}
    config |= {"checkpoints": {"trusted_sha256": []}, "seed": 0}
    first = network_settings("mine", "drawn", config=config)["recipe"]["code"]
    path.write_text('{"z_dim": 8}')
    assert network_settings("mine", "drawn", config=config)["recipe"]["code"] != first
    assert weights_file("mine", "drawn", config=config) == "biggan.bin"
    config["models"]["mine"]["weights"] = "own"
    with pytest.raises(ValueError, match="has no pretrained weights; use the path of its checkpoint"):
        weights_file("mine", "drawn", config=config)
