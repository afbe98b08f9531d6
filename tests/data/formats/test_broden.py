"""Tests of the reader of Broden folders, on small folders written by the tests."""

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.data.formats.broden import open_broden

HEADER = ["image", "split", "ih", "iw", "sh", "sw", "color", "object", "part", "scene"]
LABELS = [
    (1, "red-c", "color(9)"),
    (2, 'Kühlschrank / fridge; "big"', "object(4);part(1)"),
    (3, "bark", "object(3)"),
    (4, "bark", "part(7)"),
    (5, "wheel", "object(2);part(8)"),
    (6, "beach", "scene(5)"),
    (300, "nan", "object(1)"),
    (301, "wood", "material(5)"),
]


def write_map(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = np.stack([labels % 256, labels // 256, np.full_like(labels, 77)], axis=-1)
    Image.fromarray(channels.astype(np.uint8)).save(path)


def write_table(path: Path, header: list[str], rows: list) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def row(image: str, *, size: tuple[int, int] = (4, 6), split: str = "train", **cells: str) -> list:
    return [image, split, 8, 12, *size, *(cells.get(category, "") for category in HEADER[6:])]


def make_folder(root: Path, rows: list, labels: list = LABELS) -> Path:
    (root / "images").mkdir(parents=True)
    write_table(root / "index.csv", HEADER, rows)
    label_header = ["number", "name", "category", "frequency", "coverage", "syns"]
    write_table(root / "label.csv", label_header, [[*label, 1, 1, ""] for label in labels])
    write_table(root / "category.csv", ["name", "first", "last", "count", "frequency"], [])
    return root


OBJECTS = np.array([[0, 2, 2, 300, 0, 3]] * 4)
PARTS = np.array([[4, 0, 5, 0, 0, 0]] * 4)


@pytest.fixture
def folder(tmp_path):
    root = make_folder(
        tmp_path / "my broden",
        [
            row("ade20k/a b.jpg", object="ade20k/a b_object.png", part="ade20k/a_p1.png;ade20k/a_p2.png", scene="6"),
            row("pascal/c.jpg", split="val", object="pascal/c.png", scene="6"),
            row("ade20k/only_scene.jpg", scene="6", split="val"),
            row("ade20k/d.jpg", color="1;", split="val"),
        ],
    )
    write_map(root / "images/ade20k/a b_object.png", OBJECTS)
    write_map(root / "images/ade20k/a_p1.png", PARTS)
    write_map(root / "images/ade20k/a_p2.png", PARTS[:, ::-1])
    write_map(root / "images/pascal/c.png", OBJECTS)
    return root


def test_reads_maps_and_whole_image_labels(folder):
    data = open_broden(folder, subset="ade20k", categories=["object", "part", "scene"])
    assert data.images == [str(folder / "images/ade20k/a b.jpg"), str(folder / "images/ade20k/only_scene.jpg")]
    assert data.splits == ["train", "val"]
    assert data.mask_shape == (4, 6)
    found = data.annotations(0)
    assert [category for category, _ in found] == ["object", "part", "part", "scene"]
    for (_, labels), expected in zip(found, [OBJECTS, PARTS, PARTS[:, ::-1]], strict=False):
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, expected)
    assert found[3][1] == 6
    assert data.annotations(1) == [("scene", 6)]


def test_skips_images_without_data_in_the_chosen_categories(folder):
    data = open_broden(folder, subset="", categories=["object"])
    assert [os.path.basename(path) for path in data.images] == ["a b.jpg", "c.jpg"]
    assert open_broden(folder, subset="ade20k", categories=["color"]).annotations(0) == [("color", 1)]


def test_concepts_take_the_most_frequent_chosen_category(folder):
    concepts = open_broden(folder, subset="", categories=["color", "object", "part", "scene"]).concepts
    assert concepts.columns.tolist() == ["concept", "number", "name", "category"]
    assert concepts.values.tolist() == [
        [0, 1, "red-c", "color"],
        [1, 2, 'Kühlschrank / fridge; "big"', "object"],
        [2, 3, "bark-object", "object"],
        [3, 4, "bark-part", "part"],
        [4, 5, "wheel", "part"],
        [5, 6, "beach", "scene"],
        [6, 300, "nan", "object"],
    ]


def test_concepts_of_fewer_categories(folder):
    data = open_broden(folder, subset="", categories=["object"])
    assert data.concepts["name"].tolist() == ['Kühlschrank / fridge; "big"', "bark", "wheel", "nan"]
    assert set(data.concepts["category"]) == {"object"}
    assert data.concept_of[[0, 1, 2, 3, 4, 5, 300, 301]].tolist() == [-1, -1, 0, 1, -1, 2, 3, -1]


@pytest.mark.parametrize("names", [["a", "a"], ["a", "a", "a-object"], ["", ""], [" a", "a "]])
def test_names_are_always_distinct(tmp_path, names):
    labels = [(number, name, "object(1)") for number, name in enumerate(names, start=1)]
    root = make_folder(tmp_path / "b", [row("x.jpg", object="1")], labels)
    found = open_broden(root, subset="", categories=["object"]).concepts["name"]
    assert found.is_unique and (found != "").all()


def test_missing_map(folder):
    (folder / "images/ade20k/a_p2.png").unlink()
    data = open_broden(folder, subset="ade20k", categories=["part"])
    with pytest.raises(FileNotFoundError, match=r"a b\.jpg \(row 2 .*'part'.*a_p2\.png does not exist.*delete"):
        data.annotations(0)


def test_map_of_another_size(folder):
    write_map(folder / "images/pascal/c.png", np.zeros((5, 6), int))
    with pytest.raises(ValueError, match=r"c\.png cannot be read: it has 5 x 6 pixels, but 4 x 6 in the index"):
        open_broden(folder, subset="pascal", categories=["object"]).annotations(0)


def test_unknown_label_in_a_map(folder):
    write_map(folder / "images/pascal/c.png", np.array([[0, 2, 9, 9, 777, 3]] * 4))
    with pytest.raises(ValueError, match=r"row 3 .*\[9, 777\].*label\.csv"):
        open_broden(folder, subset="pascal", categories=["object"]).annotations(0)


@pytest.mark.parametrize("number", ["7", "65536", "9" * 30])
def test_unknown_label_of_a_whole_image(tmp_path, number):
    root = make_folder(tmp_path / "b", [row("x.jpg", scene=number)])
    with pytest.raises(ValueError, match="not in .*label.csv"):
        open_broden(root, subset="", categories=["scene"]).annotations(0)


def test_labels_of_other_categories_are_kept_in_the_maps(tmp_path):
    root = make_folder(tmp_path / "b", [row("x.jpg", object="x.png")])
    write_map(root / "images/x.png", np.full((4, 6), 301))
    data = open_broden(root, subset="", categories=["object"])
    assert (data.annotations(0)[0][1] == 301).all() and data.concept_of[301] == -1


@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_maps_that_are_not_rgb_are_refused(folder, mode):
    dtype = np.uint8 if mode == "L" else np.uint16
    Image.fromarray(np.zeros((4, 6), dtype)).save(folder / "images/pascal/c.png")
    with pytest.raises(ValueError, match=r"c\.png cannot be read.*needs RGB"):
        open_broden(folder, subset="pascal", categories=["object"]).annotations(0)


def test_truncated_map(folder):
    path = folder / "images/pascal/c.png"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"c\.png cannot be read"):
        open_broden(folder, subset="pascal", categories=["object"]).annotations(0)


@pytest.mark.parametrize("size", [(112, 112), (113, 113)])
def test_mask_sizes_of_both_editions(tmp_path, size):
    root = make_folder(tmp_path / "b", [row("x.jpg", size=size, object="x.png")])
    write_map(root / "images/x.png", np.full(size, 3))
    data = open_broden(root, subset="", categories=["object"])
    assert data.mask_shape == size and data.annotations(0)[0][1].shape == size


def test_mixed_mask_sizes_are_refused(tmp_path):
    root = make_folder(tmp_path / "b", [row("x.jpg", object="3"), row("y.jpg", object="3", size=(5, 5))])
    with pytest.raises(ValueError, match="4 x 6, 5 x 5"):
        open_broden(root, subset="", categories=["object"])
    assert len(open_broden(root, subset="x", categories=["object"])) == 1


@pytest.mark.parametrize("bad", ["../x.png", "/etc/x.png", "a/../../x.png", "a\\..\\x.png", "C:\\x.png"])
@pytest.mark.parametrize("column", ["image", "object"])
def test_paths_out_of_the_folder_are_refused(tmp_path, bad, column):
    bad_row = row(bad, object="3") if column == "image" else row("x.jpg", object=f"fine..png;{bad}")
    root = make_folder(tmp_path / "b", [row("y.jpg", object="3"), bad_row])
    with pytest.raises(ValueError, match="Row 3 .*leads out of"):
        open_broden(root, subset="", categories=["object"])


def test_no_image_left(folder):
    with pytest.raises(ValueError, match=r"no image path contains 'ade21k'.*ade20k/a b\.jpg"):
        open_broden(folder, subset="ade21k", categories=["object"])
    with pytest.raises(ValueError, match="no such image has data in"):
        open_broden(folder, subset="pascal", categories=["color"])


@pytest.mark.parametrize("categories", [[], ["objects"], ["object", "object"]])
def test_wrong_categories(folder, categories):
    with pytest.raises(ValueError, match="color, object, part, scene"):
        open_broden(folder, subset="", categories=categories)


def test_not_a_broden_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.csv does not exist"):
        open_broden(tmp_path, subset="", categories=["object"])


def test_a_row_with_more_cells_than_the_header(folder):
    path = folder / "index.csv"
    header, first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([header, f"more,{first}", *rest]))
    with pytest.raises(ValueError, match=r"index\.csv cannot be read as a table"):
        open_broden(folder, subset="", categories=["object"])
    path.write_text("\n".join([header, *(f"more,{row}" for row in [first, *rest])]))
    with pytest.raises(ValueError, match=r"index\.csv cannot be read as a table: a row has more cells"):
        open_broden(folder, subset="", categories=["object"])


@pytest.mark.parametrize(
    "numbers", [["1", "1"], ["1", "x"], ["1", "65536"], ["2", "02"], ["0", "000"], ["1", "9" * 5000]]
)
def test_wrong_label_numbers(tmp_path, numbers):
    root = make_folder(tmp_path / "b", [row("x.jpg", object="1")], [(number, "n", "object(1)") for number in numbers])
    with pytest.raises(ValueError, match="number of its own"):
        open_broden(root, subset="", categories=["object"])


def test_a_map_is_decoded_in_a_few_milliseconds(tmp_path):
    root = make_folder(tmp_path / "b", [row("x.jpg", size=(112, 112), object=";".join(["x.png"] * 50))])
    write_map(root / "images/x.png", np.random.default_rng(0).choice([2, 3, 300], (112, 112)))
    data = open_broden(root, subset="", categories=["object"])
    start = time.perf_counter()
    data.annotations(0)
    assert (time.perf_counter() - start) / 50 < 0.02, "about 0.5 ms are normal"
