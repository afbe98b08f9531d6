"""Tests of the static catalog: its data, and its safety against hostile names."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_catalog import (
    HOSTILE,
    LAYERS,
    N_IMAGES,
    N_UNITS,
    TABLES,
    arena_scores,
    description_of,
    hostile_inputs,
    read_script,
    status_of,
    with_map,
)

from lib.data.formats.annotations import write_annotations
from lib.data.formats.exemplars import create_exemplars
from lib.data.stores.columns import COLUMNS
from lib.data.stores.tables import read_table, write_table
from lib.kernels.evidence.verdicts import VERDICTS
from lib.kernels.search.formula import AND_NOT, OR
from lib.reporting.catalog.likeness import AlikeUnits
from lib.reporting.catalog.outlines import outline
from lib.reporting.catalog.pages import TOLERANCE, script, write_catalog
from lib.reporting.catalog.records import as_json_numbers, natural_key, shown_decimals

# tables of which there is one for each concept set
LISTS = ("explanations", "ranges", "histograms", "metrics")


@pytest.fixture
def inputs(tmp_path) -> dict:
    return hostile_inputs(tmp_path)


def test_every_unit_is_there_with_its_status(inputs):
    """D14: what is described stands in the catalog after the first run."""
    write_catalog(**inputs)
    data = read_script(Path(inputs["catalog"]) / "data.js")
    layers = [layer["name"] for layer in data["layers"]]
    assert layers == [LAYERS[2], "layer2", "layer10"]
    units = data["units"]
    found = list(zip((layers[layer] for layer in units["layer"]), units["unit"], strict=True))
    assert found == [(layer, unit) for layer in layers for unit in range(N_UNITS)]
    assert units["status"] == [status_of(unit) for _, unit in found]
    assert units["description"] == [description_of(unit) for _, unit in found]
    assert all(len(images) == 2 for images in units["images"])
    folder = Path(inputs["catalog"])
    assert all((folder / f"pictures/{n}.jpg").is_file() for images in units["images"] for n in images)
    # one file for the details of 64 units
    assert sorted(path.name for path in (folder / "units").iterdir()) == ["0-0.js", "1-0.js", "2-0.js"]
    square = np.zeros((16, 16))
    square[4:9, 4:9] = 1
    assert read_script(folder / "units/0-0.js")["masks"][3] == [outline(square, tolerance=TOLERANCE)] * 2


def test_numbers_arrive(inputs):
    write_catalog(**inputs)
    data = read_script(Path(inputs["catalog"]) / "data.js")
    concepts = data["concept_sets"][0]
    assert concepts["ranges"] == ["top", "cluster1"]
    assert concepts["iou"][:4] == [0.11, 0.01, 0.12, 0.02]
    assert concepts["iou"][20:24] == [None] * 4
    formula = concepts["formulas"][concepts["formula"][2]]
    assert [concepts["names"][concept] for concept in formula[::2]] == [HOSTILE[1], "house", "sky-c"]
    assert [concepts["shown"][concept] for concept in formula[::2]] == [HOSTILE[1], "house (object)", "sky"]
    assert [concepts["categories"][concept] for concept in formula[::2]] == ["a<b>", "object", "color"]
    assert formula[1::2] == [OR, AND_NOT]
    assert "verdict" not in concepts and "support" not in concepts
    assert concepts["decimals"][:4] == [2, 2, 2, 2]  # 50 activations
    assert data["units"]["runner_up"][0] == "Sky" and data["units"]["margin"][:2] == [0.25, 0.25]
    details = read_script(Path(inputs["catalog"]) / "units/1-0.js")
    table = details["concept_sets"][0]
    assert table["upper"][:2] == [None, 0.5]
    assert table["counts"][0] == [7] * 64
    assert table["activation_coverage"][0] == 0.25
    assert concepts["optimal"][0] == 1
    assert table["n_zero"][0] == 100


@pytest.fixture
def judged(inputs):
    """Return the arguments with verdicts: of the range `top` each kind in turn, untested below."""
    return inputs | {"verdicts": [inputs["explanations"][0].replace("explanations.csv", "verdicts.csv")]}


def test_units_of_a_topic_are_named(inputs, tmp_path):
    assert "topics" not in _units_of(inputs)
    rows = [
        ("layer2", 3, "people", "sentence", ""),
        ("layer2", 3, "people", "set", "top"),
        ("layer2", 3, "cars", "set", "top"),
    ]
    table = pd.DataFrame(rows, columns=["layer", "unit", "topic", "source", "range"]).assign(
        words="w", text="t", page="p"
    )
    write_table(table[list(COLUMNS["audit_units"])], str(tmp_path / "audit_units.csv"), "audit_units")
    topics = _units_of(inputs | {"audit": [str(tmp_path / "audit_units.csv")]})["topics"]
    assert topics[N_UNITS + 3] == ["cars", "people"] and sum(map(bool, topics)) == 1


def test_annotations_stand_beside_the_sentences(inputs, tmp_path):
    assert "annotations" not in _units_of(inputs)
    write_annotations(str(tmp_path / "people.csv"), [("layer2", 3, said) for said in (*HOSTILE[:2], "red")])
    annotations = _units_of(inputs | {"annotations": str(tmp_path / "people.csv")})["annotations"]
    assert [said for said in annotations if said] == [[*HOSTILE[:2], "red"]] and annotations[N_UNITS + 3]


def test_labels_of_all_sources_arrive_with_the_details_of_their_unit(inputs, tmp_path):
    write_catalog(**inputs)
    plain = read_script(Path(inputs["catalog"]) / "data.js")
    assert "sources" not in plain and "labels" not in read_script(Path(inputs["catalog"]) / "units/1-0.js")
    rows = [("layer2", 3, "cluster1", source, HOSTILE[0], "ok", 0.75) for source in ("formula", HOSTILE[1])]
    rows += [
        ("layer2", 4, "cluster1", HOSTILE[1], "", "no_label", np.nan),
        ("layer9", 0, "top", "formula", "a", "ok", 1),
    ]
    write_table(arena_scores(rows), str(tmp_path / "arena_scores.csv"), "arena_scores")
    write_catalog(**inputs | {"arena": [str(tmp_path / "arena_scores.csv")]})
    assert read_script(Path(inputs["catalog"]) / "data.js") == plain | {
        "sources": [[N_IMAGES, ["formula", HOSTILE[1]]]]
    }
    [labels] = read_script(Path(inputs["catalog"]) / "units/1-0.js")["labels"]
    scores = [None, None, None, 0.75, None]
    assert labels[3] == {
        "range": "cluster1",
        "labels": [[0, HOSTILE[0], "ok", *scores], [1, HOSTILE[0], "ok", *scores]],
    }
    assert labels[4] == {"range": "cluster1", "labels": [[1, "", "no_label", *[None] * 5]]}
    assert [label for unit, label in enumerate(labels) if unit not in (3, 4)] == [None] * (N_UNITS - 2)
    with pytest.raises(ValueError, match="arena has 1 tables but there are 2 concept sets"):
        write_catalog(**inputs | {"arena": ["a.csv"], "concept_sets": ["a", "b"], **dict.fromkeys(LISTS, [])})


def test_neighbours_and_map_arrive(inputs):
    """The neighbours of a unit come with its details, the map in a script of its own."""
    folder = Path(inputs["catalog"])
    write_catalog(**inputs)
    assert read_script(folder / "data.js")["map"] is False and not (folder / "map-data.js").exists()
    assert not {"neighbours", "group"} & set(read_script(folder / "units/1-0.js"))
    mapped = with_map(inputs)
    write_catalog(**mapped)
    data = read_script(folder / "data.js")
    names = [layer["name"] for layer in data["layers"]]
    keys = list(zip((names[layer] for layer in data["units"]["layer"]), data["units"]["unit"], strict=True))
    places = read_table(mapped["unit_map"][0], "map").set_index(["layer", "unit"]).loc[keys]
    found = read_script(folder / "map-data.js")
    assert [found["groups"][group] if group >= 0 else "" for group in found["group"]] == places["group"].tolist()
    sizes = [found["group"].count(group) for group in range(len(found["groups"]))]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 1
    for axis in ("x", "y"):
        assert found[axis] == [None if np.isnan(value) else value for value in places[axis]]
    table = read_table(mapped["neighbours"][0], "neighbours")
    for layer, name in enumerate(names):
        details = read_script(folder / f"units/{layer}-0.js")
        for unit, by_kind in enumerate(details["neighbours"]):
            assert details["group"][unit] == places["group"].loc[name, unit]
            for kind, listed in zip(("all", "exemplars", "concepts", "words"), by_kind, strict=True):
                rows = table[(table["layer"] == name) & (table["unit"] == unit) & (table["by"] == kind)]
                assert [keys[other] for other, *_ in listed] == list(
                    zip(rows["neighbour_layer"], rows["neighbour_unit"])
                )
                assert [value for _, value, *_ in listed] == pytest.approx(rows["likeness"].tolist(), abs=1e-3)
                counts = rows[["exemplars", "concepts", "words"]].to_numpy().tolist()
                assert [found for _, _, *found in listed] == counts
    some = {key: row for row, key in enumerate(keys[::2])}
    alike = AlikeUnits(*mapped["neighbours"], *mapped["unit_map"], positions=some)
    others = {other for row in some.values() for listed in alike.of(row) for other, *_ in listed}
    assert others <= set(some.values()) and len(alike.columns()["x"]) == len(some), "of units of the catalog alone"


def _units_of(inputs):
    write_catalog(**inputs)
    return read_script(Path(inputs["catalog"]) / "data.js")["units"]


def test_verdicts_arrive(judged):
    write_catalog(**judged)
    data = read_script(Path(judged["catalog"]) / "data.js")
    concepts = data["concept_sets"][0]
    assert data["verdicts"] == list(VERDICTS)
    assert concepts["verdict"][:8] == [0, 3, 1, 3, 2, 3, 0, 3]
    assert concepts["support"][0] == [0.25, 0.9, 0.5] and concepts["support"][20] == []
    assert (concepts["q_value"][0], concepts["chance_level"][0], concepts["share"][0]) == (0.01, 0.02, 0.7)
    assert concepts["iou_unseen_low"][0] == pytest.approx(0.11 / 3, abs=1e-5)
    assert "iou_low" not in concepts and "twin_iou" not in concepts


def test_scripts_hold_nothing_that_ends_or_reorders_them(inputs, tmp_path):
    """D21: what others wrote stays text."""
    write_catalog(**inputs)
    scripts = [Path(inputs["catalog"]) / "data.js", *(Path(inputs["catalog"]) / "units").iterdir()]
    assert len(scripts) == 4
    for path in scripts:
        assert not set(path.read_bytes()) & (set(b"<>&") | set(range(128, 256)))
    hostile = ["</script>", "\u2028\u2029\u202e", "<!--", "&amp;", "\U0001f600", "'); alert('", "\\", "\\'", '"', "\n"]
    value = {"a": hostile, "b'": [{"c": hostile * 200, "d": []}], "e": []}
    text = script("window.X = ", value)
    (tmp_path / "x.js").write_text(text, encoding="ascii")
    assert read_script(tmp_path / "x.js") == value
    # the long list is a text, which ends where it should: two quotes, in it a backslash before each
    long = text[text.index("JSON.parse(") :]
    assert text.count("JSON.parse(") == 1 and len(re.findall(r"(?<!\\)(?:\\\\)*'", long)) == 2
    with pytest.raises(ValueError):
        script("window.X = ", float("nan"))


def test_page_escapes_names_and_loads_nothing_from_elsewhere(inputs):
    """D21: what others wrote stays text."""
    write_catalog(**inputs)
    page = (Path(inputs["catalog"]) / "index.html").read_text(encoding="utf-8")
    assert "resnet&lt;18&gt;" in page
    assert "resnet<18>" not in page
    assert "a &amp; b" in page
    loaded = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            loaded.extend(value for name, value in attrs if name in ("src", "href"))

    Links().feed(page)
    files = [link for link in loaded if not link.startswith(("#", "data:"))]
    assert "data.js" in files
    assert all((Path(inputs["catalog"]) / link).is_file() for link in files)
    for path in Path(inputs["catalog"]).glob("*.[jc]s*"):
        if path.name != "data.js":
            assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|fetch\(|@import", path.read_text())


def test_two_runs_write_the_same_bytes_and_replace_the_folder(inputs, tmp_path):
    def contents():
        root = Path(inputs["catalog"])
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    write_catalog(**inputs)
    first = contents()
    (Path(inputs["catalog"]) / "stale.txt").write_text("left over")
    write_catalog(**inputs)
    assert contents() == first
    hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert all(name.endswith(".csv.sha256") for name in hidden), "nothing unfinished"


def test_writing_again_removes_nothing_else(inputs, tmp_path):
    """D23: the old pages go, and nothing beside them."""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for _ in range(2):
        write_catalog(**inputs)
        kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert {path: kept.get(path) for path in before} == before
        assert {path.parts[len(tmp_path.parts)] for path in kept.keys() - before.keys()} == {"catalog"}


def test_pictures_belong_to_units_by_number(inputs):
    """D22: a unit's pictures and ids are its own where only some units, at other positions, have exemplars."""
    ids = np.array([[3], [1]])
    images, masks = create_exemplars(
        inputs["exemplars"], "layer2", units=np.array([4, 9]), ids=ids, activations=np.array([[0.7], [0.6]]), size=16
    )
    images[:], masks[:] = ids[:, :, None, None, None] * 60, 1
    images.flush(), masks.flush()
    write_catalog(**inputs)
    root = Path(inputs["catalog"])
    data, layer = read_script(root / "data.js"), read_script(root / "units/1-0.js")
    assert data["layers"][1]["name"] == "layer2"
    shown = data["units"]["images"][N_UNITS : 2 * N_UNITS]
    assert [unit for unit, pictures in enumerate(shown) if pictures] == [4, 9]
    assert layer["ids"] == [[3] if unit == 4 else [1] if unit == 9 else [] for unit in range(N_UNITS)]
    assert layer["activations"][4] == [0.7] and layer["activations"][9] == [0.6]
    assert shown[4] != shown[9]


@pytest.mark.parametrize("lost", ["layer2", "layer2/masks.npy", "layer2/ids.csv"])
def test_a_layer_that_lost_its_exemplars_is_named(inputs, lost):
    path = Path(inputs["exemplars"], lost)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"exemplars/{lost} is missing; delete .*exemplars and run again"):
        write_catalog(**inputs)
    assert not Path(inputs["catalog"]).exists()


def test_works_without_explanations(inputs):
    empty = {name: [] for name in (*TABLES, "concept_sets")}
    write_catalog(**inputs | empty)
    data = read_script(Path(inputs["catalog"]) / "data.js")
    assert data["concept_sets"] == []
    assert len(data["units"]["unit"]) == 36


def test_a_kind_of_table_may_be_missing_but_not_some_of_it(inputs):
    write_catalog(**inputs | {"metrics": [], "histograms": []})
    data = read_script(Path(inputs["catalog"]) / "data.js")
    assert data["concept_sets"][0]["coverage"] == [None] * 72
    with pytest.raises(ValueError, match="explanations has 1 tables but there are 2 concept sets"):
        write_catalog(**inputs | {"concept_sets": ["a", "b"]})


def test_formulas_come_from_their_table_alone(judged):
    """Without explanations there are IoUs and verdicts, but no formula."""
    write_catalog(**judged | {"explanations": []})
    [concepts] = read_script(Path(judged["catalog"]) / "data.js")["concept_sets"]
    assert (concepts["names"], concepts["shown"], concepts["categories"]) == ([], [], [])
    assert max(iou for iou in concepts["iou"] if iou is not None) == 0.2 and concepts["formulas"] == [[]]


def test_opacity_has_bounds(inputs):
    with pytest.raises(ValueError, match=r"opacity=1\.5 .*catalog\.opacity"):
        write_catalog(**inputs | {"opacity": 1.5})


def test_a_catalog_without_concepts_promises_no_formulas(inputs):
    empty = {name: [] for name in (*TABLES, "concept_sets")}
    for changes, promised in (({}, True), (empty, False)):
        write_catalog(**inputs | changes)
        page = (Path(inputs["catalog"]) / "index.html").read_text(encoding="utf-8").lower().split("<script")[0]
        assert ("formula" in page) == promised and "sentence" in page


def test_small_helpers():
    assert as_json_numbers([1.0, 0.123456789, np.nan, np.inf, -2.5]) == [1, 0.123457, None, None, -2.5]
    ious, counts = np.array([0.05, 0.05, 0.5, np.nan]), np.array([45, 45000, np.nan, 9])
    assert shown_decimals(ious, counts).tolist() == [2, 3, 2, 2]
    assert sorted(["layer10", "layer2", "conv1"], key=natural_key) == ["conv1", "layer2", "layer10"]


def test_a_published_catalog_says_its_address(inputs):
    write_catalog(**inputs)
    page, data = (Path(inputs["catalog"], name) for name in ("index.html", "data.js"))
    assert "og:" not in page.read_text(encoding="utf-8") and '"address":null' in data.read_text(encoding="utf-8")
    write_catalog(**inputs | {"base_url": "https://example.org/a/"})
    address = "https://example.org/a/resnet%3C18%3E/a%20%26%20b/catalog"
    text = page.read_text(encoding="utf-8")
    assert f'<link rel="canonical" href="{address}/index.html">' in text
    tags = dict(re.findall(r'<meta property="og:(\w+)" content="(.*?)">', text))
    assert tags["url"] == f"{address}/index.html" and tags["title"] == "resnet&lt;18&gt; · a &amp; b"
    assert tags["image"] == f"{address}/pictures/0.jpg" and Path(inputs["catalog"], "pictures/0.jpg").is_file()
    assert f'"address":"{address}/index.html"' in data.read_text(encoding="utf-8")
