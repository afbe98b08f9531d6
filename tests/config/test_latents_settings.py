import copy

import pytest
from small_config import CONFIG

from lib.config.batches import batch_name, layers_of_batch, recorded_folders, recording_batches
from lib.config.latents import (
    base_activations,
    check_latents,
    given_file,
    latent_files,
    making_settings,
    quality_entry,
    quality_parts,
    sae_of,
)
from lib.config.networks import resolve_layers
from lib.config.paths import named_paths

TRAINED = {"latents": 8, "active": 2, "samples": 9, "epochs": 1, "batch_size": 4, "learning_rate": 0.1}


@pytest.fixture
def config():
    config = copy.deepcopy(CONFIG)
    config["activations"] = {"shards": 2}
    config["milan"] |= {"bert_score_model": None, "source": "download", "milannotations": {"encoder": "resnet101"}}
    config["saes"] = {
        "codes": {"kind": "topk", "concepts": "playground", **TRAINED},
        "theirs": {"kind": "file", "path": "my/sae"},
    }
    config["models"]["resnet18"]["layers"] = ["layer3", "layer4", "layer4#codes", "layer4#theirs"]
    return config


def test_latents_are_recorded_after_the_layers_they_are_made_of(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layers = config["models"]["resnet18"]["layers"]
    batches = recording_batches("results/x", layers, shards=["0-of-2"])
    assert batches["layer4"] == batches["layer3"] == "layer3+layer4"
    assert batches["layer4#codes"] == batches["layer4#theirs"] == "layer4#codes+layer4#theirs"
    assert layers_of_batch(batch_name(layers[2:])) == layers[2:]
    folders = recorded_folders("results/x", layers, ["layer4#codes"], n_shards=2)
    assert folders == [f"results/x/layer4#codes+layer4#theirs/{shard}-of-2" for shard in (0, 1)]
    root = "results/resnet18/playground/playground/activations/layer3+layer4"
    made_of = base_activations("resnet18", "playground", "layer4#codes", config=config)
    assert made_of == [f"{root}/0-of-2", f"{root}/1-of-2"]
    assert base_activations("resnet18", "playground", "layer4#theirs", config=config) == []


def test_files_and_settings_of_latents(config):
    files = latent_files("resnet18", "playground", layers=None, config=config)
    assert list(files) == ["layer4#codes", "layer4#theirs"]
    assert files["layer4#codes"] == "resources/saes/resnet18/playground/layer4#codes.safetensors"
    assert latent_files("resnet18", "playground", layers=["layer4"], config=config) == {}
    assert given_file("layer4#codes", config=config) == []
    assert given_file("layer4#theirs", config=config) == ["my/sae/cfg.json", "my/sae/sae_weights.safetensors"]
    assert making_settings("layer4#codes", config=config) == {"kind": "topk", "seed": 3, **TRAINED}
    wanted = {named.key: named.path for named in named_paths(config, requested=[])}
    assert wanted["saes.theirs.path"] == "my/sae/sae_weights.safetensors"


def test_latents_are_measured_beside_other_seeds_baselines_and_the_untrained_twin(config):
    parts = quality_parts("resnet18", "playground", "playground", table="sae_quality", config=config)
    others = ["", "~topk~1", "~topk~2", *(f"~{kind}~{seed}" for kind in ("random", "frozen") for seed in range(3))]
    layers = ["layer4", *(f"layer4#codes{other}" for other in others), "layer4#theirs"]
    networks = "resnet18", "resnet18~random"
    assert parts == [
        f"results/{n}/playground/playground/parts/sae_quality/{one}.csv" for n in networks for one in layers
    ]
    assert quality_entry("layer4", config=config) == {"sae": "", "kind": "units", "seed": ""}
    assert quality_entry("layer4#codes", config=config) == {"sae": "codes", "kind": "topk", "seed": "3"}
    assert quality_entry("layer4#codes~frozen~1", config=config) == {"sae": "codes", "kind": "frozen", "seed": "4"}
    assert quality_entry("layer4#theirs", config=config) == {"sae": "theirs", "kind": "file", "seed": ""}
    assert making_settings("layer4#codes~frozen~1", config=config) == {"kind": "frozen", "seed": 4, **TRAINED}
    assert making_settings("layer4#codes~random~2", config=config) == {"kind": "random", "seed": 5, "latents": 8}
    made_of = {layer: base_activations("resnet18~random", "playground", layer, config=config) for layer in layers[1:3]}
    assert made_of[layers[1]] == made_of[layers[2]] != []
    config["saes"]["theirs"] |= {"concepts": "playground", **TRAINED, "active": 9}
    assert len(quality_parts("resnet18", "playground", "playground", table="sae_quality", config=config)) == 34
    assert making_settings("layer4#theirs~frozen~0", config=config)["active"] == 8, "no more than there are latents"
    with pytest.raises(ValueError, match="'codes~x~1' of the layer layer4#codes~x~1 is not in the config"):
        sae_of("layer4#codes~x~1", config=config)
    config["models"]["resnet18"]["layers"] = ["layer4"]
    with pytest.raises(ValueError, match="sae_quality.csv compares latents: name some in models.resnet18.layers"):
        quality_parts("resnet18", "playground", "playground", table="sae_quality", config=config)


def test_globs_of_layers_keep_their_latents(config, tmp_path):
    config["models"] = {"resnet18": {"layers": ["layer[34]", "layer[34]#codes"]}}
    resolve_layers(config, str(tmp_path / "memory.json"))
    assert config["models"]["resnet18"]["layers"] == ["layer3", "layer4", "layer3#codes", "layer4#codes"]
    check_latents(config)


@pytest.mark.parametrize(
    ("layers", "changed", "message"),
    [
        (["layer4", "layer4#code"], {}, r"models\.resnet18\.layers: 'code' of the layer layer4#code is not.*codes"),
        (["layer4#codes"], {}, r"layer4#codes is made of the activations of layer4: add that layer"),
        ([], {"concepts": None}, r"saes\.codes\.concepts: kind topk"),
        ([], {"concepts": "playgrund"}, "'playgrund' is not in the config section `concepts`"),
        ([], {"active": 9}, r"saes\.codes\.active: 9 active latents must be at most latents, 8"),
        ([], {"kind": "file"}, r"saes\.codes\.path: kind file needs"),
    ],
)
def test_wrong_entries_are_one_message(config, layers, changed, message):
    config["models"] = {"resnet18": {"layers": layers}}
    entry = config["saes"]["codes"] | changed
    config["saes"]["codes"] = {key: value for key, value in entry.items() if value is not None}
    with pytest.raises(ValueError, match=message) as caught:
        check_latents(config)
    assert "\n" not in str(caught.value)
