"""The embedded data set: format, truth of the maps, determinism."""

import re
from pathlib import Path

import numpy
import pandas
import pytest
from PIL import Image

from lib.data.formats.label_maps import encode_map
from lib.playground.drawing import SCENE_KINDS, draw_playground, draw_scene
from lib.playground.paint import pattern
from lib.playground.stage import SIZES, THINGS
from lib.playground.vocabulary import CATEGORIES, NAMES, NUMBERS, OBJECTS, SHADES, TEXTURES

N_IMAGES = 48
SETTINGS = {"n_images": N_IMAGES, "image_size": 224, "seed": 5, "validation_share": 0.25}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "playground"
    draw_playground(folder, **SETTINGS, processes=2)
    return folder


@pytest.fixture(scope="module")
def index(folder):
    return pandas.read_csv(folder / "index.csv", keep_default_na=False, dtype=str)


def read_maps(folder, cell):
    rgb = [numpy.asarray(Image.open(folder / "images" / name)).astype(int) for name in cell.split(";") if name]
    return [image[..., 0] + 256 * image[..., 1] for image in rgb]


def test_bytes_do_not_depend_on_processes(folder, tmp_path):
    draw_playground(tmp_path / "again", **SETTINGS, processes=1)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    for path in files:
        assert (folder / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path


def test_an_image_depends_on_seed_and_index_alone(folder, index):
    image, maps, scene = draw_scene(7, image_size=224, seed=5)
    written = read_maps(folder, index.object[7])
    assert all((a == b).all() for a, b in zip(maps["object"], written, strict=True))
    assert int(index.scene[7]) == NUMBERS[f"{scene}-s"]
    other, _, _ = draw_scene(7, image_size=224, seed=6)
    assert (numpy.asarray(image) != numpy.asarray(other)).mean() > 0.3


def test_index_has_brodens_columns_and_sizes(folder, index):
    assert list(index) == [
        "image",
        "split",
        "ih",
        "iw",
        "sh",
        "sw",
        "color",
        "object",
        "part",
        "material",
        "scene",
        "texture",
    ]
    assert (index.split == "val").sum() == N_IMAGES // 4
    for row in index.itertuples():
        assert Image.open(folder / "images" / row.image).size == (int(row.iw), int(row.ih)) == (224, 224)
        for numbers in read_maps(folder, row.color) + read_maps(folder, row.object):
            assert numbers.shape == (int(row.sh), int(row.sw)) == (112, 112)


def test_every_scene_comes_equally_often(index):
    assert set(index.scene.value_counts()) == {N_IMAGES // len(SCENE_KINDS)}


def test_every_label_in_the_maps_is_listed_in_its_category(folder, index):
    labels = pandas.read_csv(folder / "label.csv").set_index("number")
    assert list(labels.index) == list(range(1, len(labels) + 1))
    for category in CATEGORIES:
        if category == "scene":
            continue
        assert (index[category] != "").any(), category
        for cell in index[category]:
            for numbers in read_maps(folder, cell):
                for number in numpy.unique(numbers[numbers > 0]):
                    assert re.search(rf"\b{category}\([1-9]", labels.category[number]), (category, number)


def test_frequency_and_coverage_are_true(folder, index):
    table = pandas.read_csv(folder / "c_object.csv").set_index("name")
    labels = pandas.read_csv(folder / "label.csv").set_index("name")
    images = [read_maps(folder, cell) for cell in index.object]
    for name in ("sky", "cloud", "person", "window"):
        shares = [sum((numbers == NUMBERS[name]).mean() for numbers in maps) for maps in images]
        assert table.frequency[name] == sum(share > 0 for share in shares)
        assert table.coverage[name] == pytest.approx(sum(shares))
    assert re.fullmatch(r"object\(\d+\);part\(\d+\)", labels.category["window"])
    categories = pandas.read_csv(folder / "category.csv").set_index("name")
    assert categories.frequency["part"] == (index.part != "").sum()
    assert categories["count"]["color"] == 11 == len(SHADES)


def test_parts_lie_inside_objects_and_nest(folder, index):
    nested = index.part.str.contains(";")
    assert nested.sum() > N_IMAGES / 2
    for row in index.itertuples():
        objects = numpy.zeros((112, 112), dtype=bool)
        for numbers in read_maps(folder, row.object):
            objects |= numbers > 0
        parts = read_maps(folder, row.part)
        for numbers in parts:
            assert not (numbers > 0)[~objects].any()
        if len(parts) == 2:
            assert not (parts[1] > 0)[parts[0] == 0].any()
            assert not ((parts[1] == parts[0]) & (parts[1] > 0)).any()


def test_wheels_belong_to_what_has_wheels(folder, index):
    owners = set()
    for row in index.itertuples():
        for numbers in read_maps(folder, row.part):
            owners |= set(numpy.unique(read_maps(folder, row.object)[0][numbers == NUMBERS["wheel"]]))
    assert owners and owners <= {NUMBERS[name] for name in ("car", "bus", "truck", "bicycle")}


def test_color_map_agrees_with_the_picture(folder, index):
    anchors = {NUMBERS[f"{name}-c"]: numpy.mean(shades, axis=0) for name, shades in SHADES.items()}
    near, total = 0, 0
    for row in index.itertuples():
        if int(row.scene) == NUMBERS["night_street-s"]:
            continue
        picture = numpy.asarray(Image.open(folder / "images" / row.image)).astype(float)
        blocks = picture.reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
        (colors,) = read_maps(folder, row.color)
        assert (colors > 0).all()
        distances = numpy.stack([numpy.linalg.norm(blocks - anchor, axis=-1) for anchor in anchors.values()])
        rank = (distances < numpy.take_along_axis(distances, colors[None] - 1, axis=0)).sum(axis=0)
        near += (rank <= 1).sum()
        total += rank.size
    assert near / total > 0.8


def test_every_thing_can_be_drawn_and_has_a_size():
    assert set(SIZES) == set(THINGS) <= set(OBJECTS)
    assert set(SCENE_KINDS) == {name.removesuffix("-s") for name in NAMES["scene"]}


@pytest.mark.parametrize("name", TEXTURES)
def test_patterns_mix_two_colors(name):
    assert 0.05 < pattern(name, 18, 448).mean() < 0.75


def test_encoded_map_reads_back(tmp_path):
    numbers = numpy.arange(112 * 110, dtype=numpy.uint16).reshape(112, 110)
    (tmp_path / "map.png").write_bytes(encode_map(numbers))
    image = Image.open(tmp_path / "map.png")
    assert image.mode == "RGB"
    rgb = numpy.asarray(image).astype(int)
    assert (rgb[..., 0] + 256 * rgb[..., 1] == numbers).all()
    assert not rgb[..., 2].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n_images": 0}, "n_images is 0"), ({"image_size": 225}, "225"), ({"validation_share": 1.5}, "1.5")],
)
def test_bad_settings_are_explained(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        draw_playground(tmp_path / "x", **(SETTINGS | change), processes=1)


def test_a_full_folder_is_kept(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="already holds files"):
        draw_playground(tmp_path, **SETTINGS, processes=1)
    assert (tmp_path / "mine.txt").read_text() == "mine"
