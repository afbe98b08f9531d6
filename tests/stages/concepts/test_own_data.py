"""The manual's example of one's own images and concepts, stage by stage, and names that are meant to do harm."""

import csv

import jsonschema
import numpy as np
import pytest
import yaml
from exemplar_stages import make_exemplars
from PIL import Image
from places import ROOT

from lib.data.downloads.sources import all_sources
from lib.data.formats.exemplars import read_exemplars
from lib.data.stores.concepts import read_atoms
from lib.data.stores.tables import read_table
from lib.kernels.search.formula import Formula, format_formula, parse_formula
from lib.stages.activations.record_activations import record_activations
from lib.stages.concepts.build_concepts import build_concepts
from lib.stages.concepts.convert_concepts import convert_concepts
from lib.stages.downloads.fetch_file import fetch_file
from lib.stages.downloads.fetch_folder import fetch_folder
from lib.stages.downloads.list_sources import list_sources
from lib.stages.exemplars.list_images import list_images
from lib.stages.explanations.find_ranges import find_ranges
from lib.stages.playground.draw_example import draw_example

NETWORK = {"name": "resnet18", "normalisation": "untrained", "seed": 0}
HOSTILE = [
    *(
        "../x",
        "<script>alert(1)</script>",
        "a/b",
        "n" * 300,
        "\U0001f469\u200d\U0001f680",
        "\u202eevil",
        "=1+1",
        "@SUM(A1)",
    ),
    *("+1", "-1", "this OR that", "NOT", 'a "b"', "a, b; c", "(x)", "nan", "x\u2066y"),
]


def test_the_example_of_the_manual(tmp_path, monkeypatch):
    page = (ROOT / "docs/own_concepts.md").read_text(encoding="utf-8")
    snippet = page.split("<!-- example -->\n```yaml\n")[1].split("```")[0]
    config = yaml.safe_load(snippet)
    assert len(snippet.splitlines()) <= 15
    jsonschema.validate(config, yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8")))
    dataset, concepts = config["datasets"]["example"], config["concepts"]["example"]
    monkeypatch.chdir(tmp_path)
    draw_example(folder="resources/example", seed=0)
    list_images(data=dataset["images"], images="images.csv", skipped="s.csv", subset="", column="path", threads=2)
    assert len(read_table("images.csv", "images")) == 50 and read_table("s.csv", "skipped_images").empty
    settings = {
        "weights": [],
        "network": NETWORK,
        "layers": ["layer4"],
        "trusted_sha256": [],
        "device": "cpu",
        "batch_size": 16,
        "threads": 2,
    }
    make_exemplars(
        tmp_path,
        geometry={"resize": dataset["resize"], "crop": dataset["input_size"]},
        k=dataset["k"],
        output_size=dataset["output_size"],
        max_units=8,
        **settings,
    )
    assert read_table("units.csv", "units")["status"].eq("ok").all()
    convert_concepts(
        source=concepts["source"],
        folder="set",
        format=concepts["format"],
        places={},
        choice={},
        mask_size=112,
        threads=2,
    )
    chosen = {"subset": concepts.get("subset", ""), "categories": concepts["categories"]}
    build_concepts(data="set", concept_set="set.zarr", concepts=chosen, threads=2)
    record_activations(
        data="set",
        activations="maps/0-of-1",
        shard="0-of-1",
        concepts=chosen,
        input_size=[64, 64],
        version="1",
        **settings,
    )
    part = {"layer": "layer4", "chunk": "0-of-64"}
    find_ranges(
        activations=["maps/0-of-1"],
        ranges="r.csv",
        histograms="h.csv",
        quantile=0.005,
        n_clusters=2,
        units=None,
        seed=0,
        threads=1,
        **part,
    )
    assert len(read_table("r.csv", "ranges")) == 8 * 3
    assert len(read_atoms("set.zarr")[1]) == 12


def test_exemplars_show_images_in_the_geometry_of_their_masks(tmp_path):
    """D4: images that are not square are cropped, as the network saw them, and not squashed."""
    rng = np.random.default_rng(0)
    for number in range(8):
        pixels = rng.integers(0, 256, (32, 64, 3), dtype=np.uint8)
        pixels[:, :16] = pixels[:, 48:] = (255, 0, 0)  # what the crop leaves out
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    folder = tmp_path / "made"
    folder.mkdir()
    table, skipped = str(folder / "images.csv"), str(folder / "s.csv")
    list_images(data=str(tmp_path), images=table, skipped=skipped, subset="", column="path", threads=1)
    make_exemplars(
        folder,
        weights=[],
        layers=["conv1"],
        network=NETWORK,
        geometry={"resize": 32, "crop": 32},
        k=3,
        quantile=0.9,
        output_size=32,
        max_units=4,
        device="cpu",
        batch_size=8,
        threads=1,
    )
    found = read_exemplars(str(folder / "exemplars"), "conv1")
    for pictures, ids in zip(found.images, found.ids, strict=True):
        for picture, number in zip(pictures, ids, strict=True):
            whole = np.asarray(Image.open(tmp_path / f"{number}.png"))
            np.testing.assert_array_equal(picture.transpose(1, 2, 0), whole[:, 16:48])


def test_hostile_names_stay_names(tmp_path):
    """None becomes a path, what spreadsheets compute or what turns text, and each is read back from a formula."""
    for folder in ("images", "annotations"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    maps = (np.arange(20 * 20).reshape(20, 20) % (len(HOSTILE) + 1)).astype(np.uint8)
    Image.fromarray(maps).save(tmp_path / "in/annotations/a.png")
    Image.fromarray(maps).save(tmp_path / "in/images/a.png")
    with (tmp_path / "in/labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(enumerate(HOSTILE, start=1))
    source, folder, store = (str(tmp_path / name) for name in ("in", "set", "set.zarr"))
    convert_concepts(source=source, folder=folder, format="index_png", places={}, choice={}, mask_size=20, threads=1)
    build_concepts(data=folder, concept_set=store, concepts={"subset": "", "categories": ["object"]}, threads=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "set", "set.zarr"]
    names = read_atoms(store)[1]["name"].tolist()
    assert names == HOSTILE
    for number in range(len(names)):
        formula = Formula((number,))
        text = format_formula(formula, names)
        assert parse_formula(text, names) == formula
        assert text[0] not in "=+-@" and not set(text) & set("\u202e\u2066")


@pytest.mark.parametrize("name", all_sources())
def test_every_source_has_an_offline_path_and_says_so(name, tmp_path):
    list_sources(sources=str(tmp_path / "sources.csv"), local={name: "/my/copy"})
    row = read_table(tmp_path / "sources.csv", "sources").set_index("name").loc[name]
    assert row["local"] == "/my/copy"
    fetch = fetch_folder if name.startswith(("broden", "places365_val", "imagenet_val")) else fetch_file
    with pytest.raises(FileNotFoundError, match=f"`{row['config_key']}`"):
        fetch(source=name, target=str(tmp_path / "x"), local="/nowhere/copy", config_key=row["config_key"])
