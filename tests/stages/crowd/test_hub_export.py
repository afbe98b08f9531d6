"""Exports for the Hugging Face Hub: what pandas and `datasets` read back, offline, is what was computed, bit for bit."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torchvision.models import resnet18

from lib.data.formats.exemplars import create_exemplars, read_exemplars
from lib.data.stores.tables import read_table, write_table
from lib.models.latents.latents import FORMAT, Latents
from lib.models.weights.checkpoints import save_state_dict
from lib.runtime.checksums import seal_folder
from lib.stages.crowd.export_directions import export_directions
from lib.stages.crowd.export_hub import export_hub

UNITS, K, SIZE = {"layer1": [0, 1, 2], "layer2.0": [3, 8]}, 4, 6
PROVENANCE = {
    "model": "net",
    "dataset": "photos",
    "commit": None,
    "config": {"seed": 3, "note": "a: b"},
    "versions": {"python": "3.11", "numpy": "2.0", "torch": None},
    "device": "cpu",
    "platform": "here",
    "made_from": {"weights.pth": "0" * 64},
}
# of each part, its rows, and pixels of the pictures
READ_BACK = """
import json, sys
import numpy as np
from datasets import load_dataset
folder, target = sys.argv[1:]
found = {}
for part in ("units", "explanations", "exemplars"):
    rows = load_dataset(folder, part, split="train")
    pictures = [name for name in ("mask", "image") if name in rows.column_names]
    found[part] = rows.remove_columns(pictures).to_list()
    for name in pictures:
        np.save(f"{target}/{name}.npy", np.stack([np.array(picture) for picture in rows[name]]))
json.dump(found, open(f"{target}/rows.json", "w"))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("hub"), np.random.default_rng(0)
    for layer, units in UNITS.items():
        ids = np.stack([rng.permutation(9)[:K] for _ in units])
        arrays = {"units": np.array(units), "ids": ids, "activations": rng.random(ids.shape), "size": SIZE}
        images, masks = create_exemplars(folder / "exemplars", layer, **arrays)
        images[:], masks[:] = rng.integers(0, 256, images.shape), rng.integers(0, 2, masks.shape)
        images.flush()
        masks.flush()
        seal_folder(folder / "exemplars" / layer)
    keys = pd.DataFrame([(layer, unit) for layer, own in UNITS.items() for unit in own], columns=["layer", "unit"])
    numbers = {name: rng.normal(size=len(keys)) for name in ("minimum", "maximum", "threshold")}
    write_table(keys.assign(status="ok", **numbers), folder / "units.csv", "units")
    texts = ['a "red", thing', "x\ny", "é", "nan"]
    described = keys[:4].assign(description=texts, score=rng.normal(size=4), runner_up="", status="ok")
    write_table(described.assign(margin=[0.1 + 0.2, np.nan, 0.0, 1.0]), folder / "descriptions.csv", "descriptions")
    bounds = {"lower": rng.normal(size=len(keys)), "upper": np.inf, "iou": 1 / 3, "iou_upper_bound": np.nan}
    formulas = {"formula": "(a OR b)", "shown_names": '["a", "b"]', "categories": '["object", "color"]', "length": 2}
    rows = keys.assign(range="top", **bounds, **formulas, optimal=True, search="optimal", status="ok")
    rows.loc[0, ["formula", "shown_names", "categories", "status"]] = ["", "", "", "empty"]
    for name in ("one", "two"):
        write_table(rows, folder / f"{name}.csv", "explanations")
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    export(folder, "hub")
    return folder


def export(folder, name, **changes):
    files = {key: str(folder / f"{key}.csv") for key in ("units", "descriptions")}
    files |= {
        "explanations": [str(folder / "one.csv"), str(folder / "two.csv")],
        "exemplars": str(folder / "exemplars"),
    }
    files |= {"provenance": str(folder / "provenance.json"), "hub": str(folder / name)}
    export_hub(**(files | {"concept_sets": ["one", "two"], "with_images": True} | changes))
    return folder / name


@pytest.fixture(scope="module")
def read_back(home):
    """Return what `datasets` reads in a process of its own, offline."""
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "cache")}
    command = [sys.executable, "-c", READ_BACK, str(home / "hub"), str(home)]
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = json.loads((home / "rows.json").read_text())
    return {part: pd.DataFrame(found) for part, found in rows.items()}, {
        name: np.load(home / f"{name}.npy") for name in ("mask", "image")
    }


def test_pandas_reads_the_tables_bit_for_bit(home):
    units, expected = pd.read_parquet(home / "hub/units.parquet"), read_table(home / "units.csv", "units")
    pd.testing.assert_frame_equal(
        units[list(expected)].astype({"layer": str, "status": str}), expected, check_exact=True
    )
    described = read_table(home / "descriptions.csv", "descriptions").rename(columns={"status": "description_status"})
    own = units[units["description_status"] == "ok"][list(described)].reset_index(drop=True)
    assert own["description"].tolist() == described["description"].tolist() and len(units) == 5
    for name in ("score", "margin"):
        assert own[name].to_numpy().tobytes() == described[name].to_numpy().tobytes()
    formulas = pd.read_parquet(home / "hub/explanations.parquet")
    assert formulas["concepts"].tolist() == ["one"] * 5 + ["two"] * 5
    for name, rows in formulas.groupby("concepts"):
        table = read_table(home / f"{name}.csv", "explanations")
        for column in ("lower", "upper", "iou", "iou_upper_bound"):
            assert rows[column].to_numpy().tobytes() == table[column].to_numpy().tobytes(), column
        assert rows["formula"].tolist() == table["formula"].tolist()
        assert [list(own) for own in rows["shown_names"]] == [[]] + [["a", "b"]] * 4


def test_datasets_reads_the_same_offline(home, read_back):
    rows, pictures = read_back
    for part in ("units", "explanations"):
        written = pd.read_parquet(home / f"hub/{part}.parquet")
        assert list(rows[part]) == list(written) and len(rows[part]) == len(written)
        for column in written.select_dtypes("number"):
            np.testing.assert_array_equal(rows[part][column].to_numpy(float), written[column].to_numpy(float))
    stored = [read_exemplars(home / "exemplars", layer) for layer in UNITS]
    found = rows["exemplars"]
    keys = [(own.layer, int(unit), rank) for own in stored for unit in own.units for rank in range(K)]
    assert list(found[["layer", "unit", "rank"]].itertuples(index=False, name=None)) == keys
    assert found["image_id"].tolist() == np.concatenate([own.ids.reshape(-1) for own in stored]).tolist()
    assert found["activation"].tolist() == np.concatenate([own.activations.reshape(-1) for own in stored]).tolist()
    images = np.concatenate([own.images.reshape(-1, 3, SIZE, SIZE) for own in stored])
    masks = np.concatenate([own.masks.reshape(-1, SIZE, SIZE) for own in stored])
    np.testing.assert_array_equal(pictures["image"].transpose(0, 3, 1, 2), images)
    np.testing.assert_array_equal(pictures["mask"], 255 * masks)


def test_the_card_says_what_it_was_made_from(home):
    text = (home / "hub/README.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    assert [part["config_name"] for part in head["configs"]] == ["units", "explanations", "exemplars"]
    assert "license" not in head, "nobody chose one"
    for words in ("Units of net on photos", "`weights.pth` (sha256 000", "seed: 3", "numpy 2.0", "| `layer2.0` | 2 |"):
        assert words in text
    assert "torch" not in text.split("versions:")[1].splitlines()[0]


def test_an_export_is_the_same_bytes_and_may_leave_out_images(home):
    again, without = export(home, "again"), export(home, "without", with_images=False, concept_sets=[], explanations=[])
    names = sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert len(names) == 5 and all((again / name).read_bytes() == (home / "hub" / name).read_bytes() for name in names)
    assert not (without / "explanations.parquet").exists()
    assert "image" not in pd.read_parquet(without / "exemplars/layer1.parquet")


def test_directions_are_the_weights_of_units(tmp_path):
    torch.manual_seed(0)
    network = resnet18(num_classes=7)
    save_state_dict(network, tmp_path / "w.safetensors")
    settings = {"weights": str(tmp_path / "w.safetensors"), "trusted_sha256": [], "device": "cpu"}
    settings |= {"network": {"name": "resnet18", "normalisation": "imagenet", "seed": 0}}
    target = tmp_path / "d.safetensors"
    export_directions(**settings, layers=["conv1", "bn1", "layer1", "fc"], directions=str(target))
    found = load_file(target)
    assert set(found) == {"conv1.directions", "fc.directions", "fc.bias"}
    assert torch.equal(found["conv1.directions"], network.conv1.weight)
    assert torch.equal(found["fc.directions"], network.fc.weight) and torch.equal(found["fc.bias"], network.fc.bias)
    with pytest.raises(ValueError, match="The layers layer1 of resnet18 are made of several modules .* such as .*, fc"):
        export_directions(**settings, layers=["layer1"], directions=str(target))


def test_directions_of_latents_give_their_codes(tmp_path):
    torch.manual_seed(0)
    shapes = {"encoder": (64, 5), "encoder_bias": (5,), "decoder": (5, 64), "decoder_bias": (64,), "threshold": (5,)}
    files = {}
    for name, centred in (("centred", True), ("plain", False)):
        about = {"format": FORMAT, "activation": "relu", "active": None, "centred": centred}
        latents = Latents({key: torch.randn(shape) for key, shape in shapes.items()}, about)
        files[f"layer1#{name}"] = latents, tmp_path / f"{name}.safetensors"
        latents.write(files[f"layer1#{name}"][1])
    network = {"name": "resnet18", "normalisation": "imagenet", "seed": 0}
    network["latents"] = {layer: str(path) for layer, (_, path) in files.items()}
    target, rows = tmp_path / "d.safetensors", torch.randn(7, 64)
    settings = {"weights": [], "trusted_sha256": [], "device": "cpu", "network": network}
    export_directions(**settings, layers=["layer1", *files], directions=str(target))
    found = load_file(target)
    assert len(found) == 6, "blocks have no directions of their own"
    for layer, (latents, _) in files.items():
        codes = (rows @ found[f"{layer}.directions"].T + found[f"{layer}.bias"]).relu()
        torch.testing.assert_close(codes, latents.encode(rows), rtol=1e-4, atol=1e-4)
        assert torch.equal(found[f"{layer}.decoder"], latents.tensors["decoder"])
