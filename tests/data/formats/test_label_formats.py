"""Tests of labelled images in the formats of users: each becomes a Broden folder, or one message says what is wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from lib.data.formats.broden import open_broden
from lib.data.formats.label_tables import CITYSCAPES
from lib.data.stores.tables import read_table
from lib.stages.concepts.convert_concepts import convert_concepts

RNG = np.random.default_rng(3)
MAP = RNG.integers(0, 4, (16, 24))


def photograph(path, size=(24, 16), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)


def index_png(root, *, labels="number,name\n1,sky\n2,car\n3,tree\n", numbers=MAP, kind=np.uint8, names=("a.jpg",)):
    for name in names:
        photograph(root / "images" / name)
        path = (root / "annotations" / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers.astype(kind)).save(path)
    (root / "labels.csv").write_text(labels, encoding="utf-8")
    return root


def convert(source, format, *, categories=("object",), size=8, places=None, threads=2):
    folder = source.parent / "converted"
    convert_concepts(
        source=str(source),
        folder=str(folder),
        format=format,
        places=places or {},
        choice={},
        mask_size=size,
        threads=threads,
    )
    return open_broden(folder, subset="", categories=list(categories))


def reduced(numbers, size=8):
    rows, columns = (((np.arange(size) + 0.5) * side // size).astype(int) for side in numbers.shape)
    return numbers[np.ix_(rows, columns)]


def test_index_pngs(tmp_path):
    dataset = convert(index_png(tmp_path / "in", names=("b/x.jpg", "a.png", "a b/y.jpg")), "index_png")
    assert [name.split("/given/")[1] for name in dataset.images] == ["a.png", "a b/y.jpg", "b/x.jpg"]
    assert dataset.concepts["name"].tolist() == ["sky", "car", "tree"] and dataset.mask_shape == (8, 8)
    for i in range(3):
        [(category, numbers)] = dataset.annotations(i)
        assert category == "object"
        np.testing.assert_array_equal(numbers, reduced(MAP))


def test_16_bits_tabs_categories_and_equal_names(tmp_path):
    labels = "Idx\tRatio\tName\tcategory\n1\t.5\tbark\tmaterial\n40000\t.1\tbark\tobject\n3\t.1\ta, b\t\n2\t.2\t\t\n"
    numbers = np.where(MAP == 0, 40000, MAP)
    source = index_png(tmp_path / "in", labels=labels, numbers=numbers, kind=np.uint16)
    dataset = convert(source, "index_png", categories=["material", "object"])
    assert dataset.concepts["name"].tolist() == ["bark-material", "a, b", "bark-object"]
    joined = sum(numbers for _, numbers in dataset.annotations(0))
    np.testing.assert_array_equal(joined, np.where(reduced(numbers) == 2, 0, reduced(numbers)))


def test_a_table_may_begin_with_zero(tmp_path):
    source = index_png(tmp_path / "in", labels="0,wall\n1,sky\n2,car\n3,tree\n")
    dataset = convert(source, "index_png")
    assert dataset.concepts["name"].tolist() == ["wall", "sky", "car", "tree"]
    np.testing.assert_array_equal(dataset.annotations(0)[0][1], reduced(MAP) + 1)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_maps_turn_with_their_image(tmp_path, orientation, stored):
    source = index_png(tmp_path / "in")
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.asarray(_upright(MAP.astype(np.uint8), orientation))
    photograph(source / "images/a.jpg", exif=exif)
    if not stored and orientation >= 5:
        Image.fromarray(upright).save(source / "annotations/a.png")
    np.testing.assert_array_equal(convert(source, "index_png").annotations(0)[0][1], reduced(upright))


def _upright(pixels, orientation):
    turns = Image.Transpose
    how = [None, turns.FLIP_LEFT_RIGHT, turns.ROTATE_180, turns.FLIP_TOP_BOTTOM, turns.TRANSPOSE, turns.ROTATE_270]
    how += [turns.TRANSVERSE, turns.ROTATE_90]
    picture = Image.fromarray(pixels)
    return picture if orientation == 1 else picture.transpose(how[orientation - 1])


def coco(root):
    photograph(root / "val2017/1.jpg")
    (root / "panoptic_val2017").mkdir()
    segments = {1: 7, 2: 300, 3: 70000}  # value of MAP -> segment id
    ids = np.vectorize(lambda value: segments.get(value, 0))(MAP)
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(root / "panoptic_val2017/1.png")
    info = [{"id": 7, "category_id": 1}, {"id": 300, "category_id": 200}, {"id": 70000, "category_id": 1}]
    content = {
        "images": [{"id": 5, "file_name": "1.jpg"}],
        "categories": [{"id": 1, "name": "person"}, {"id": 200, "name": "rug-merged"}],
        "annotations": [{"image_id": 5, "file_name": "1.png", "segments_info": info}],
    }
    (root / "panoptic_val2017.json").write_text(json.dumps(content))
    return root, content


def test_coco_panoptic(tmp_path):
    dataset = convert(coco(tmp_path / "in")[0], "coco_panoptic")
    assert dataset.concepts["name"].tolist() == ["person", "rug-merged"]
    np.testing.assert_array_equal(dataset.annotations(0)[0][1], np.array([0, 1, 200, 1])[reduced(MAP)])


def test_broken_coco(tmp_path):
    source, content = coco(tmp_path / "in")
    path = source / "panoptic_val2017.json"
    path.write_text(path.read_text()[:50])
    with pytest.raises(ValueError, match=r"panoptic_val2017\.json is no COCO panoptic annotation"):
        convert(source, "coco_panoptic")
    del content["annotations"][0]["segments_info"][1]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"1\.png cannot be read: it holds segment 300"):
        convert(source, "coco_panoptic")
    content["images"][0]["file_name"] = "../../1.jpg"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="leads out of its folder"):
        convert(source, "coco_panoptic")


@pytest.mark.parametrize(
    ("part", "extra", "message"),
    [
        ("categories", {"id": "01", "name": "again"}, "the category 1 stands there twice"),
        ("images", {"id": 5, "file_name": "2.jpg"}, "the image 5 stands there twice"),
        ("segments_info", {"id": "0300", "category_id": 1}, "the segment 300 stands there twice"),
        ("segments_info", {"id": 8, "category_id": 9}, "a segment has the category 9, which `categories` lacks"),
        ("segments_info", {"id": 8, "category_id": float("inf")}, "OverflowError"),
        ("categories", {"id": "9" * 5000, "name": "many"}, "ValueError"),
    ],
)
def test_coco_with_numbers_that_are_not_its_own(tmp_path, part, extra, message):
    source, content = coco(tmp_path / "in")
    (content["annotations"][0] if part == "segments_info" else content)[part].append(extra)
    (source / "panoptic_val2017.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"panoptic_val2017\.json.*{message}"):
        convert(source, "coco_panoptic")


def test_coco_with_pictures_that_are_no_segments(tmp_path):
    source, _ = coco(tmp_path / "in")
    for mode in ("L", "LA"):
        Image.new(mode, (24, 16)).save(source / "panoptic_val2017/1.png")
        with pytest.raises(ValueError, match=r"1\.png cannot be read: it is no colour picture"):
            convert(source, "coco_panoptic")


def test_cityscapes(tmp_path):
    photograph(tmp_path / "in/leftImg8bit/val/ulm/ulm_0_leftImg8bit.png")
    path = tmp_path / "in/gtFine/val/ulm/ulm_0_gtFine_labelIds.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.array([1, 7, 23, 33], np.uint8)[MAP]).save(path)
    dataset = convert(tmp_path / "in", "cityscapes")
    assert len(CITYSCAPES) == 34 and len(dataset.concepts) == 30
    named = dataset.concepts.set_index("number")["name"]
    assert [named[number] for number in (7, 23, 26, 33)] == ["road", "sky", "car", "bicycle"]
    np.testing.assert_array_equal(dataset.annotations(0)[0][1], np.array([0, 7, 23, 33])[reduced(MAP)])


def test_tags(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        photograph(tmp_path / "in/images" / name)
    (tmp_path / "in/tags.csv").write_text("image,tags\nb.jpg,night; rain\na.jpg,rain\n")
    dataset = convert(tmp_path / "in", "tags", categories=["scene"])
    assert dataset.annotations(0) == [("scene", 1), ("scene", 2)] and dataset.annotations(1) == [("scene", 2)]
    (tmp_path / "in/tags.csv").write_text("image,tags\n../b.jpg,night\n")
    with pytest.raises(ValueError, match=r"'\.\./b\.jpg' leads out"):
        convert(tmp_path / "in", "tags")
    (tmp_path / "in/tags.csv").write_text("file,tags\nb.jpg,night\n")
    with pytest.raises(ValueError, match="columns `image` and `tags`"):
        convert(tmp_path / "in", "tags")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": "1,sky\n2,car\n"}, r"a\.png cannot be read: it holds the value 3, which has no line"),
        ({"labels": "0,wall\n1,sky\n2,car\n"}, r"a\.png cannot be read: it holds the value 3, which"),
        ({"labels": "1,sky\n1,car\n"}, "number of its own"),
        ({"labels": "2,sky\n02,car\n"}, r"\['02', 'car'\] needs a number of its own"),
        ({"labels": f"{'9' * 5000},sky\n"}, "number of its own"),
        ({"labels": "number,name\n²,sky\n"}, "number of its own"),
        ({"labels": f"1,{'x' * 200_000}\n"}, r"labels\.csv is no table of labels.*field larger than"),
        ({"labels": "x,sky\n"}, "needs `number` and `name`"),
        ({"labels": ""}, "holds no label"),
        ({"labels": "1,sky,a;b\n2,car\n3,x\n"}, "category 'a;b' cannot be used"),
        ({"labels": "1,sky,split\n2,car\n3,x\n"}, "category 'split' cannot be used"),
        ({"labels": f"1,sky,{'x' * 300}\n2,car\n3,x\n"}, "category 'x{100}' cannot be used"),
        ({"numbers": MAP[:, :20]}, r"a\.png cannot be read: it has 16 x 20 pixels, but the image .*a\.jpg 16 x 24"),
        ({"numbers": np.zeros((16, 24, 3))}, r"a\.png cannot be read: it is a colour picture"),
    ],
)
def test_wrong_index_pngs(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        convert(index_png(tmp_path / "in", **change), "index_png")


def test_missing_and_broken_maps(tmp_path):
    source = index_png(tmp_path / "in", names=("a.jpg", "b.jpg"))
    (source / "annotations/b.png").write_bytes((source / "annotations/b.png").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"label map .*b\.png cannot be read"):
        convert(source, "index_png")
    (source / "annotations/b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 2 images have no label map; b\.jpg needs .*b\.png"):
        convert(source, "index_png")
    with pytest.raises(FileNotFoundError, match="`masks` of a concept set"):
        convert(source, "index_png", places={"masks": "nowhere"})


def test_unreadable_images_are_left_out_and_listed(tmp_path):
    source = index_png(tmp_path / "in", names=("a.jpg", "b.jpg", "c.jpg"))
    (source / "images/b.jpg").write_bytes(b"no image")
    dataset = convert(source, "index_png")
    assert [path[-5:] for path in dataset.images] == ["a.jpg", "c.jpg"]
    skipped = read_table(tmp_path / "converted/skipped_images.csv", "skipped_images")
    assert skipped["path"].tolist() == [str(source / "images/b.jpg")] and "cannot be read" in skipped["reason"][0]
