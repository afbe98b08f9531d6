import copy
import functools
import json

import jsonschema
import pytest
import yaml
from places import ROOT

from lib.config.schema import RENAMED, allowed, complete, read_schema, schema_of

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
SCHEMA = read_schema(ROOT / "rules/schemas/config.schema.yaml")
ENTRY = {"weights": "none", "images": "photos", "normalisation": "none"}


def merged(base, change):
    both = isinstance(base, dict) and isinstance(change, dict)
    return {**base, **{key: merged(base.get(key), part) for key, part in change.items()}} if both else change


def completed(change):
    config = copy.deepcopy(merged(CONFIG, change))
    complete(config, SCHEMA)
    return config


def errors(change):
    with pytest.raises(ValueError, match="config key") as caught:
        completed(change)
    return str(caught.value).splitlines()


def nested(key, value):
    return functools.reduce(lambda inner, part: {part: inner}, reversed(key.split(".")), value)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "tests/configs").glob("bad_*.yaml")), ids=lambda path: path.stem)
def test_bad_configs_are_refused_in_one_line(path):
    lines = errors(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert lines and all(line.startswith("config key ") and len(line) < 400 for line in lines)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("explanations.beem", 3, r"there is no such key, but search, .*chunks. Did you mean 'beam'?"),
        ("explanations.beam", "many", '"many" must be a whole number from 1 to 10,000.'),
        ("explanations.beam", 0, "0 must be a whole number from 1 to 10,000."),
        ("explanations.search", "optimel", "\"optimel\" must be one of optimal, beam. Did you mean 'optimal'?"),
        ("explanations.seconds", -1, "-1 must be a number of at least 0, or null."),
        ("ranges.quantile", 1.5, "1.5 must be a number above 0 and below 1, or null."),
        ("playground.image_size", 33, "33 must be a whole number from 32 to 1,024 that is a multiple of 2."),
        ("milan.training.networks", [], "[] must be a list that is not empty, each item a name of up to 100 letters"),
        ("models.a.layers", ["x", "x"], '["x", "x"] must be a list .*, none twice.'),
        ("models.a.layers", ["x y" * 50], None),
        ("models.a.input_size", [32], "[32] must be a whole number from 8 to 2,048, or a list of 2, each item a whole"),
        ("models.a.sha256", "abc", '"abc" must be a sha256: 64 digits 0 to 9 and letters a to f.'),
        ("models.a", 3, "3 must be a mapping with the keys factory, arguments"),
        ("resources.device", "gpu", '"gpu" must be auto, cpu, cuda, or cuda with a number such as cuda:1.'),
        ("downloads.local.imagenet_val", 1, "1 must be text that is not empty."),
        ("milan.lm_sum", "publishd", "must be one of published, exact, null. Did you mean 'published'?"),
        ("datasets.generated.subset", "", '"" must be left out, because the images are generated.'),
        ("datasets.generated.samples", {"latents": "z.npy"}, "latent_size: 32 must be left out, because the samples"),
        (
            "datasets.playground.samples",
            {"latents": "z.npy"},
            "must be left out, because the images are not generated.",
        ),
        ("datasets.mine", {"weights": "none", "normalisation": "none"}, "images: it is missing; give text that is not"),
        ("datasets.mine", ENTRY | {"images": "generated"}, "samples: it is missing; give a mapping with the keys n,"),
        ("datasets.mine", ENTRY | {"images": "generated", "samples": {}}, "samples.n: it is missing; give a whole num"),
    ],
)
def test_an_error_says_what_is_allowed(key, value, line):
    (found, *_) = errors(nested(key, value))
    assert found.startswith(f"config key {key}")
    for part in (line or "... must be the dotted path of a module").split(".*"):
        assert part in found


def test_a_name_is_refused_in_words():
    (line,) = errors({"models": {"mein netz": {}}})
    assert line.startswith('config key models: its entry "mein netz" must have a name of up to 100 letters')
    assert "^" not in line


def test_all_errors_are_told_at_once_in_the_order_of_the_keys():
    wrong = {"sede": 1, "explanations": {"beam": 0, "length": 0}, "ranges": {"clusters": "5"}}
    assert [line.split(":")[0] for line in errors(wrong)] == [
        f"config key {key}" for key in ("sede", "explanations.beam", "explanations.length", "ranges.clusters")
    ]
    many = errors({"models": {f"m{i}": {"layer": ["a"]} for i in range(30)}})
    assert len(many) == 21 and many[-1] == "... and 10 more errors of the config"


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_key_is_refused_with_its_new_name(old):
    assert errors(nested(old, {})) == [f"config key {old}: its name is {RENAMED[old]} now."]
    assert schema_of(RENAMED[old].split("."), SCHEMA) and not schema_of(old.split("."), SCHEMA)


def test_an_entry_needs_only_what_is_its_own():
    config = completed({"datasets": {"mine": ENTRY}, "concepts": {"mine": {"source": "x", "categories": ["a"]}}})
    defaults = {"subset": "", "input_size": 224, "k": 15, "output_size": 224, "milan": "base"}
    assert config["datasets"]["mine"] == ENTRY | defaults
    assert config["concepts"]["mine"]["subset"] == ""
    drawn = ENTRY | {"images": "generated", "samples": {"latents": "z.npy"}}
    assert completed({"datasets": {"mine": drawn}})["datasets"]["mine"] == drawn | {
        key: defaults[key] for key in ("k", "output_size", "milan")
    }


def test_defaults_are_not_shared_between_configs():
    first, second = {}, {}
    complete(first, SCHEMA)
    first["models"]["resnet18"]["layers"].append("x")
    complete(second, SCHEMA)
    assert second["models"] == CONFIG["models"] != first["models"]


PATHS = {
    "models.mine.factory": ("~/net.py:f", "hf:~/vit", "biggan:~/gan.json"),
    "models.mine.weights": ("~/w.pth",),
    "datasets.playground.weights": ("~/w.pth",),
    "datasets.playground.images": ("~/photos",),
    "datasets.playground.milan": ("~/m.pth",),
    "datasets.generated.samples": ({"latents": "~/z.npy", "classes": "~/y.npy"},),
    "concepts.playground.source": ("~/labels",),
    "downloads.local.imagenet_val": ("~/val",),
    "milan.bert_score_model": ("~/bert",),
    "milan.clip.weights": ("~/clip.pt",),
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in PATHS for value in PATHS[key]])
def test_the_home_folder_is_known_in_every_path(key, value, monkeypatch):
    monkeypatch.setenv("HOME", "/home")
    config = copy.deepcopy(CONFIG)
    *above, last = key.split(".")
    place = config
    for part in above:
        place = place.setdefault(part, {})
    place[last] = value
    complete(config, SCHEMA)
    found = functools.reduce(lambda part, name: part[name], key.split("."), config)
    expected = json.loads(json.dumps(value).replace("~", "/home"))
    assert found == expected != value


def test_what_is_no_path_keeps_its_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home")
    assert completed({"datasets": {"playground": {"subset": "~/x"}}})["datasets"]["playground"]["subset"] == "~/x"


def test_every_part_of_the_schema_has_words():
    def leaves(schema):
        yield allowed(schema)
        for part in (schema.get("properties") or {}).values():
            yield from leaves(part)
        if isinstance(schema.get("additionalProperties"), dict):
            yield from leaves(schema["additionalProperties"])

    words = list(leaves(SCHEMA))
    assert len(words) > 100 and not [line for line in words if "^" in line or "$" in line]
