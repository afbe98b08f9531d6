"""Edits: the entries that are added to the config, and what is refused."""

import copy

import pytest
import yaml
from places import ROOT

from lib.config.entries import concept_folder, image_folder, look_up
from lib.config.experiments.edits import add_entries, edit_targets, edited_tables, own_folders, runs
from lib.config.networks import input_geometry, weights_file
from lib.config.requested import entries_in
from lib.config.schema import complete, read_schema

SCHEMA = read_schema(ROOT / "rules/schemas/config.schema.yaml")
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def config_with(**edits):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["edits"] = edits
    complete(config, SCHEMA)
    add_entries(config)
    return config


def test_networks_of_edits_are_labelled_like_others():
    config = config_with(lettering={"images": "playground", "versions": [0, 0.05], "trials": 2})
    assert list(runs(config)) == [("lettering", v, t) for v in ("0", "0.05") for t in (0, 1)]
    model, dataset = "lettering~edited", "lettering~0.05~1"
    assert weights_file(model, dataset, config=config) == "resources/weights/edit/lettering/0.05/1.safetensors"
    assert image_folder(dataset, config=config) == concept_folder("lettering~0.05", config=config)
    assert input_geometry(model, dataset, config=config) == {"resize": [64, 64], "crop": None}
    tables = edited_tables("lettering", "0.05", 1, config=config)
    assert tables["descriptions"] == []
    assert tables["explanations"] == [f"results/{model}/{dataset}/lettering~0.05/explanations.csv"]
    assert edit_targets(config)[0] == "results/edit/lettering.csv"
    assert own_folders(["experiments"], config=config) == []
    assert entries_in("results/edit/lettering_summary.png") == {}
    with pytest.raises(ValueError, match="which has") as error:
        look_up("datasets", "letering", config=config)
    assert "~" not in str(error.value)


def test_own_images_have_a_folder_for_each_version():
    own = {"images": "my", "versions": ["a", "b"], "labels": ["descriptions"], "milan": "base"}
    config = config_with(mine=own, lettering={"images": "playground", "versions": []})
    assert image_folder("mine~b~0", config=config) == "my/b/val"
    assert [path for _, path in own_folders(["results/edit/mine.csv"], config=config)] == ["my/a", "my/b"]
    assert own_folders(["all"], config=config) == []
    assert not any("lettering" in path for path in edit_targets(config))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"images": "my", "versions": [0.5], "labels": ["descriptions"]}, "names of sub-folders"),
        ({"images": "playground", "versions": ["a"]}, "shares of images"),
        ({"images": "my", "versions": ["a"]}, "formulas need label maps"),
        ({"images": "playground", "versions": [1.5]}, "versions"),
    ],
)
def test_what_does_not_fit_is_refused(entry, message):
    with pytest.raises(ValueError, match=message):
        config_with(mine=entry)
