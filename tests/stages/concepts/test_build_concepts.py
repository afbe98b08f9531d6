"""The atoms of a small folder in Broden's format give back every label map, overlaps and whole-image labels included."""

import csv

import bruteforce
import numpy as np
import pytest
from PIL import Image

from lib.data.stores.concepts import read_atoms
from lib.stages.concepts import build_concepts as stage

CATEGORIES = ["color", "object", "part", "scene"]
SHAPE = (9, 11)
# label numbers of each category; above 255 they need the green channel
NUMBERS = {"color": range(1, 6), "object": range(6, 20), "part": range(240, 280), "scene": range(300, 303)}


def write_csv(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])


@pytest.fixture
def folder(tmp_path):
    """Seven images; several object maps of an image, and up to 40 part maps that overlap them and each other."""
    rng = np.random.default_rng(7)
    rows = []
    for image in range(7):
        cells = {"scene": ";".join(str(n) for n in rng.choice(NUMBERS["scene"], image % 3, replace=False))}
        for category, n_maps in (("color", 1), ("object", image % 4), ("part", 40 if image == 6 else image % 3)):
            names = []
            for number in range(n_maps):
                labels = rng.choice([0, *NUMBERS[category]], size=SHAPE)
                if n_maps == 40:
                    labels = np.full(SHAPE, NUMBERS[category][number])
                    labels[0] = 0
                names.append(f"m/{image}_{category}_{number}.png")
                (tmp_path / "images" / "m").mkdir(parents=True, exist_ok=True)
                picture = np.stack([labels % 256, labels // 256, np.zeros(SHAPE, int)], axis=-1)
                Image.fromarray(picture.astype(np.uint8)).save(tmp_path / "images" / names[-1])
            cells[category] = ";".join(names)
        if image == 5:
            cells["part"] += ";" + str(NUMBERS["part"][0])  # a whole-image label beside maps
        rows.append([f"{image}.jpg", "train", 18, 22, *SHAPE, *(cells[category] for category in CATEGORIES)])
    write_csv(tmp_path / "index.csv", ["image", "split", "ih", "iw", "sh", "sw", *CATEGORIES], rows)
    labels = [(n, f"label {n}", f"{category}(1)") for category, numbers in NUMBERS.items() for n in numbers]
    write_csv(tmp_path / "label.csv", ["number", "name", "category"], labels)
    return tmp_path


@pytest.mark.parametrize(("per_task", "threads"), [(64, 1), (2, 2)])
def test_masks_of_overlapping_labels_come_back(folder, tmp_path, monkeypatch, per_task, threads):
    monkeypatch.setattr(stage, "IMAGES_PER_TASK", per_task)
    target = tmp_path / "concepts.zarr"
    settings = {"subset": "", "categories": CATEGORIES}
    stage.build_concepts(data=str(folder), concept_set=str(target), concepts=settings, threads=threads)
    atoms, concepts = read_atoms(target)
    masks, shape = bruteforce.read_masks(folder, CATEGORIES)
    assert atoms.pixel_atoms.shape == shape and len(masks) > 50
    for number, name in enumerate(concepts["name"]):
        np.testing.assert_array_equal(atoms.concept_mask(number), masks.get(name, np.zeros(shape, bool)), err_msg=name)
    assert np.diff(atoms.set_start).max() >= 40, "a pixel of the last image carries 40 parts"
    assert max(mask.sum() for mask in masks.values()) > np.prod(SHAPE)
