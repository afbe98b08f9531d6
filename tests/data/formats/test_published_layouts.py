"""Common data sets in the layout in which they are published: every mask is recomputed densely from the files."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image
from places import ROOT

from lib.config.entries import chosen_concepts, conversion_settings
from lib.config.schema import complete, read_schema
from lib.data.stores.concepts import read_atoms
from lib.stages.concepts.build_concepts import build_concepts
from lib.stages.concepts.convert_concepts import convert_concepts

SIZE = 8
SHAPES = [(16, 24), (30, 20), (24, 24)]
READY = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
complete(READY, read_schema(ROOT / "rules/schemas/config.schema.yaml"))
TRAINED = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]


def draw(rng, values, shape):
    return rng.choice(values, size=shape)


def write(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def photograph(path, shape):
    write(path, np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))


def reduced(numbers):
    rows, columns = (((np.arange(SIZE) + 0.5) * side // SIZE).astype(int) for side in numbers.shape)
    return numbers[np.ix_(rows, columns)]


def build(source, entry, tmp_path):
    """Return {name: mask of all images}, and the table of the concepts, of an entry as the workflow makes them."""
    name = entry if isinstance(entry, str) else "mine"
    config = {"concepts": {name: dict(READY["concepts"][name]) if isinstance(entry, str) else {"subset": ""} | entry}}
    folder, store = tmp_path / "converted", tmp_path / "set.zarr"
    convert_concepts(
        source=str(source),
        folder=str(folder),
        threads=2,
        **conversion_settings(name, config=config) | {"mask_size": SIZE},
    )
    build_concepts(data=str(folder), concept_set=str(store), concepts=chosen_concepts(name, config=config), threads=1)
    atoms, concepts = read_atoms(store)
    return {name: atoms.concept_mask(i) for i, name in enumerate(concepts["name"])}, concepts.set_index("name")


def check(masks, expected):
    """Compare masks with those of {name: list of one full-size mask per image}; every concept with pixels has its mask."""
    dense = {name: np.stack([reduced(mask) for mask in found]) for name, found in expected.items()}
    assert {name for name, mask in masks.items() if mask.any()} == {name for name, mask in dense.items() if mask.any()}
    for name, mask in masks.items():
        np.testing.assert_array_equal(mask, dense.get(name, np.zeros_like(mask)), err_msg=name)


def colours(rng, numbers):
    """Encode object numbers as ADE20K does; blue counts instances."""
    blue = rng.integers(0, 256, numbers.shape)
    return np.stack([numbers // 256 * 10, numbers % 256, blue], axis=-1).astype(np.uint8)


NAMES = {312: "building, edifice", 2978: "wall", 3050: "window", 774: "door", 5: "wall", 900: "pane, pane of glass"}


@pytest.fixture
def ade20k(tmp_path):
    """Three images of two splits; one without parts, one with parts of parts, and folders of instances beside them."""
    rng = np.random.default_rng(1)
    maps = []
    for i, shape in enumerate(SHAPES):
        split, letter = ("validation", "val") if i else ("training", "train")
        stem = tmp_path / f"in/images/ADE/{split}/urban/street/ADE_{letter}_0000000{i}"
        photograph(stem.with_suffix(".jpg"), shape)
        levels = [draw(rng, [0, 312, 2978, 774], shape)]
        levels += [draw(rng, [0, 3050, 774], shape), draw(rng, [0, 5, 900], shape)][: (2, 0, 2)[i]]
        for level, numbers in enumerate(levels):
            name = "seg" if level == 0 else f"parts_{level}"
            write(stem.parent / f"{stem.name}_{name}.png", colours(rng, numbers))
        write(stem / f"instance_000_{stem.name}.png", np.zeros(shape, np.uint8))
        objects = [
            {"name": NAMES[int(number)], "name_ndx": int(number), "parts": {"part_level": level, "hasparts": []}}
            for level, numbers in enumerate(levels)
            for number in np.unique(numbers)
            if number
        ]
        content = {"annotation": {"filename": f"{stem.name}.jpg", "imsize": [*shape, 3], "object": objects}}
        stem.with_suffix(".json").write_text(json.dumps(content))
        maps.append(levels)
    return tmp_path / "in", maps


def test_full_ade20k(ade20k, tmp_path):
    source, maps = ade20k
    masks, concepts = build(source, "ade20k_full", tmp_path)
    names = {"building, edifice": 312, "wall-object": 2978, "wall-part": 5, "window": 3050, "door": 774}
    names |= {"pane, pane of glass": 900}
    check(masks, {name: [sum(m == n for m in levels) > 0 for levels in maps[1:]] for name, n in names.items()})
    # a door is the object of two images and the part of one
    assert concepts["category"].to_dict() == {
        **{"building, edifice": "object", "door": "object", "wall-object": "object"},
        **{"window": "part", "wall-part": "part", "pane, pane of glass": "part"},
    }
    assert concepts["number"].to_dict() == names


def test_full_ade20k_of_all_splits_with_chosen_concepts(ade20k, tmp_path):
    source, maps = ade20k
    entry = {"source": str(source), "format": "ade20k", "categories": ["object"], "ignore": [774], "exclude": ["wall"]}
    masks, _ = build(source, entry, tmp_path)
    check(masks, {"building, edifice": [levels[0] == 312 for levels in maps]})


def test_an_edition_of_ade20k_without_names_takes_a_table(ade20k, tmp_path):
    source, maps = ade20k
    for path in source.rglob("*.json"):
        path.unlink()
    entry = {"source": str(source), "format": "ade20k", "categories": ["object"]}
    with pytest.raises(FileNotFoundError, match=r"ADE_train_00000000\.json is missing: the names .* key `labels`"):
        build(source, entry, tmp_path)
    lines = [f'{number},"{name}"' for number, name in NAMES.items()]
    (source / "objects.csv").write_text("\n".join(["number,name", *lines]))
    masks, _ = build(source, entry | {"labels": "objects.csv"}, tmp_path)
    np.testing.assert_array_equal(masks["door"], np.stack([reduced(levels[0] == 774) for levels in maps]))


def test_wrong_ade20k(ade20k, tmp_path):
    source, _ = ade20k
    folder = source / "images/ADE/validation/urban/street"
    path = folder / "ADE_val_00000001.json"
    content = path.read_text()
    path.write_text(content.replace('"name_ndx": 312', '"name_ndx": 313'))
    other = folder / "ADE_val_00000002.json"
    kept = other.read_text()
    other.write_text(kept.replace('"name_ndx": 312', '"name_ndx": 313'))
    with pytest.raises(ValueError, match=r"_seg\.png cannot be read: it holds the value 312, which has no line"):
        build(source, "ade20k_full", tmp_path)
    other.write_text(kept)
    for wrong in ("[1]", '{"annotation": {"object": [{"name": "x"}]}}', content.replace("312", "99999"), "{" * 9999):
        path.write_text(wrong)
        with pytest.raises(ValueError, match=r"ADE_val_00000001\.json is no annotation of ADE20K"):
            build(source, "ade20k_full", tmp_path)
    path.write_text(content)
    write(folder / "ADE_val_00000001_seg.png", np.zeros(SHAPES[1], np.uint8))
    with pytest.raises(ValueError, match=r"_seg\.png cannot be read: it is a picture of mode L.* needs RGB"):
        build(source, "ade20k_full", tmp_path)
    (folder / "ADE_val_00000002.jpg").unlink()
    with pytest.raises(ValueError, match="1 of 2 label maps .* have no image; urban/street/ADE_val_00000002_seg.png"):
        build(source, "ade20k_full", tmp_path)
    (folder / "ADE_val_00000001_seg.png").unlink()
    (folder / "ADE_val_00000002_seg.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 1 images have no label map, such as .*00000001_seg.png"):
        build(source, "ade20k_full", tmp_path)


def test_ade20k_with_847_classes(tmp_path):
    rng, maps = np.random.default_rng(2), []
    source = tmp_path / "in"
    names = ["wall", "building, edifice", *(f"thing {i}" for i in range(2, 846)), "wall"]
    for i, shape in enumerate(SHAPES):
        photograph(source / f"images_detectron2/validation/ADE_val_{i}.jpg", shape)
        maps.append(draw(rng, [0, 1, 300, 846, 65535], shape).astype(np.uint16))
        compression = ["raw", "tiff_lzw", "tiff_adobe_deflate"][i]
        write(source / f"annotations_detectron2/validation/ADE_val_{i}.tif", maps[-1], compression=compression)
    (source / "labels847.csv").write_text("\n".join(f'{i},"{name}"' for i, name in enumerate(names)))
    masks, concepts = build(source, "ade20k_847", tmp_path)
    assert len(concepts) == 847
    numbers = {"wall-object-1": 0, "building, edifice": 1, "thing 300": 300, "wall-object-847": 846}
    check(masks, {name: [m == number for m in maps] for name, number in numbers.items()})


def test_tiffs_that_lose_numbers_are_refused(tmp_path):
    source = tmp_path / "in"
    entry = {"source": str(source), "format": "index_png", "mask_suffix": ".tif", "categories": ["object"]}
    photograph(source / "images/a.jpg", (16, 16))
    (source / "labels.csv").write_text("1,sky\n")
    write(source / "annotations/a.tif", np.ones((16, 16), np.uint8), compression="jpeg")
    with pytest.raises(ValueError, match=r"a\.tif cannot be read: it is compressed by jpeg, which changes the numbers"):
        build(source, entry, tmp_path)
    write(source / "annotations/a.tif", np.ones((16, 16), np.float32))
    with pytest.raises(
        ValueError, match=r"a\.tif cannot be read: it is a picture of mode F, but label numbers are whole"
    ):
        build(source, entry, tmp_path)
    write(source / "annotations/a.tif", np.full((16, 16), -7, np.int32))
    with pytest.raises(ValueError, match=r"a\.tif cannot be read: it holds the value -7, which has no line"):
        build(source, entry, tmp_path)
    write(source / "annotations/a.tif", np.full((16, 16), 1 + 65536, np.int32))
    with pytest.raises(ValueError, match=r"a\.tif cannot be read: it holds the value 65537, which has no line"):
        build(source, entry, tmp_path)


def test_ade20k_with_150_classes(tmp_path):
    rng, maps = np.random.default_rng(3), []
    source = tmp_path / "in"
    for i, shape in enumerate(SHAPES):
        split = "validation" if i else "training"
        photograph(source / f"images/{split}/ADE_{i}.jpg", shape)
        maps.append(draw(rng, [0, 1, 2, 150], shape).astype(np.uint8))
        write(source / f"annotations/{split}/ADE_{i}.png", maps[-1])
    with pytest.raises(FileNotFoundError, match=r"objectInfo150\.txt does not exist.*ADEChallengeData2016\.zip"):
        build(source, "ade20k_150", tmp_path)
    names = ["wall", "building, edifice", *(f"thing {i}" for i in range(3, 150)), "flag"]
    rows = [f"{i}\t0.1576    \t11664\t1172\t1\t{name}      " for i, name in enumerate(names, start=1)]
    (source / "objectInfo150.txt").write_text("\n".join(["Idx\tRatio\tTrain\tVal\tStuff\tName", *rows, ""]))
    write(source / "annotations/training/ADE_0.png", np.full(SHAPES[0], 151, np.uint8))  # of the split that is not read
    masks, concepts = build(source, "ade20k_150", tmp_path)
    assert len(concepts) == 150
    numbers = {"wall": 1, "building, edifice": 2, "flag": 150}
    check(masks, {name: [m == number for m in maps[1:]] for name, number in numbers.items()})
    entry = READY["concepts"]["ade20k_150"] | {"subset": "training/"}
    with pytest.raises(ValueError, match=r"ADE_0\.png cannot be read: it holds the value 151"):
        build(source, entry, tmp_path)
    with pytest.raises(ValueError, match="None of the 3 images .* has 'test/' in its path"):
        build(source, entry | {"subset": "test/"}, tmp_path)


@pytest.mark.parametrize("train_ids", [False, True])
@pytest.mark.parametrize("entry", ["cityscapes_19", "cityscapes_30"])
def test_cityscapes(tmp_path, entry, train_ids):
    rng, maps = np.random.default_rng(4), []
    source = tmp_path / "in"
    trained = np.full(34, 255)
    trained[TRAINED] = np.arange(19)
    for i, shape in enumerate(SHAPES):
        place = f"{'val' if i else 'train'}/ulm/ulm_00000{i}_000019"
        photograph(source / f"leftImg8bit/{place}_leftImg8bit.png", shape)
        maps.append(draw(rng, [0, 3, 4, 7, 9, 23, 33], shape).astype(np.uint8))
        write(source / f"gtFine/{place}_gtFine_labelIds.png", maps[-1])
        write(source / f"gtFine/{place}_gtFine_color.png", np.zeros((*shape, 3), np.uint8))
        write(source / f"gtFine/{place}_gtFine_instanceIds.png", maps[-1].astype(np.uint16) * 1000)
        if train_ids:
            write(source / f"gtFine/{place}_gtFine_labelTrainIds.png", trained[maps[-1]].astype(np.uint8))
    suffix = {"mask_suffix": "_gtFine_labelTrainIds.png"} if train_ids else {}
    masks, concepts = build(source, READY["concepts"][entry] | suffix, tmp_path)
    names = {"road": 7, "sky": 23, "bicycle": 33}
    if entry == "cityscapes_30" and not train_ids:
        assert len(concepts) == 30
        names |= {"static": 4, "parking": 9}
    else:
        assert len(concepts) == 19
    check(masks, {name: [m == number for m in maps[1:]] for name, number in names.items()})


def test_coco_stuff(tmp_path):
    rng, maps = np.random.default_rng(5), []
    source = tmp_path / "in"
    for i, shape in enumerate(SHAPES):
        photograph(source / f"images/val2017/00000{i}.jpg", shape)
        maps.append(draw(rng, [0, 11, 90, 181, 255], shape).astype(np.uint8))
        write(source / f"annotations/val2017/00000{i}.png", maps[-1])
    with pytest.raises(FileNotFoundError, match=r"labels\.txt does not exist.*nightrome/cocostuff"):
        build(source, "coco_stuff", tmp_path)
    names = {0: "unlabeled", 1: "person", 12: "street sign", 91: "hair brush", 182: "wood"}
    lines = [f"{i}: {names.get(i, f'thing {i}')}" for i in range(183)]
    (source / "labels.txt").write_text("\n".join(lines) + "\n")
    masks, concepts = build(source, "coco_stuff", tmp_path)
    assert len(concepts) == 182 and "unlabeled" not in concepts.index
    check(masks, {name: [m == number - 1 for m in maps] for number, name in names.items() if number})


def test_coco_panoptic_with_chosen_images_and_concepts(tmp_path):
    rng, source, maps, annotations = np.random.default_rng(6), tmp_path / "in", [], []
    numbers = np.array([0, 1, 200, 1, 64])
    for i, shape in enumerate(SHAPES):
        photograph(source / f"val2017/00000{i}.jpg", shape)
        segments = rng.permutation([7, 300, 70000, 5])
        drawn = draw(rng, range(5), shape)
        ids = np.concatenate([[0], segments])[drawn]
        pixels = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
        write(source / f"annotations/panoptic_val2017/00000{i}.png", pixels)
        info = [{"id": int(s), "category_id": int(n)} for s, n in zip(segments, numbers[1:], strict=True)]
        annotations.append({"image_id": i, "file_name": f"00000{i}.png", "segments_info": info})
        maps.append(numbers[drawn])
    content = {
        "images": [{"id": i, "file_name": f"00000{i}.jpg"} for i in range(3)],
        "categories": [{"id": n, "name": name} for n, name in ((1, "person"), (64, "plant"), (200, "rug-merged"))],
        "annotations": annotations,
    }
    (source / "annotations/panoptic_val2017.json").write_text(json.dumps(content))
    (source / "list.txt").write_text("000002\n000000.jpg\n")
    entry = READY["concepts"]["coco_panoptic"] | {"image_list": "list.txt", "ignore": [64]}
    masks, concepts = build(source, entry, tmp_path)
    assert concepts["number"].to_dict() == {"person": 1, "rug-merged": 200}
    check(masks, {name: [maps[i] == n for i in (0, 2)] for name, n in (("person", 1), ("rug-merged", 200))})
    (source / "val2017/000000.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"000000\.jpg does not exist, but it has labels"):
        build(source, entry, tmp_path / "again")


@pytest.fixture
def voc(tmp_path):
    """Three images of which two have maps with a palette, as in VOC2012; the list of the split names them."""
    rng, maps, source = np.random.default_rng(7), [], tmp_path / "in"
    palette = np.random.default_rng(0).integers(0, 256, 768).tolist()
    for i, shape in enumerate(SHAPES):
        photograph(source / f"JPEGImages/2007_00000{i}.jpg", shape)
        if i:
            maps.append(draw(rng, [0, 1, 15, 20, 255], shape).astype(np.uint8))
            picture = Image.fromarray(maps[-1])
            picture.putpalette(palette)
            assert picture.mode == "P"
            (source / "SegmentationClass").mkdir(exist_ok=True)
            picture.save(source / f"SegmentationClass/2007_00000{i}.png")
    split = source / "ImageSets/Segmentation/val.txt"
    split.parent.mkdir(parents=True)
    split.write_text("2007_000001\n2007_000002\n")
    return source, maps


def test_voc(voc, tmp_path):
    source, maps = voc
    masks, concepts = build(source, "voc2012", tmp_path)
    assert len(concepts) == 20
    names = {"aeroplane": 1, "person": 15, "tvmonitor": 20}
    check(masks, {name: [m == number for m in maps] for name, number in names.items()})


def test_wrong_voc(voc, tmp_path):
    source, _ = voc
    entry = {"source": str(source), "format": "voc", "categories": ["object"]}
    with pytest.raises(
        FileNotFoundError, match="1 of 3 images have no label map; 2007_000000.jpg needs .*`image_list`"
    ):
        build(source, entry, tmp_path)
    split = source / "ImageSets/Segmentation/val.txt"
    split.write_text("2007_000001\n2007_000009\n")
    with pytest.raises(
        ValueError, match=r"val\.txt lists '2007_000009' \(1 of 2 lines\), but .*JPEGImages has no such"
    ):
        build(source, "voc2012", tmp_path)
    split.write_text("\n")
    with pytest.raises(ValueError, match=r"val\.txt lists no image"):
        build(source, "voc2012", tmp_path)
    split.unlink()
    with pytest.raises(FileNotFoundError, match=r"val\.txt"):
        build(source, "voc2012", tmp_path)


@pytest.fixture
def parts(tmp_path):
    """Objects and parts in two folders with numbers of their own; parts of one image only."""
    rng, source = np.random.default_rng(8), tmp_path / "in"
    maps = {"objects": [], "parts": []}
    for i, shape in enumerate(SHAPES[:2]):
        photograph(source / f"JPEGImages/2008_{i}.jpg", shape)
        for name, values in (("objects", [0, 1, 2, 255]), ("parts", [0, 1, 2, 3])):
            maps[name].append(draw(rng, values, shape).astype(np.uint8) if name == "objects" or i else np.zeros(shape))
            if name == "objects" or i:
                write(source / f"{name}/2008_{i}.png", maps[name][-1])
    (source / "objects.csv").write_text("number,name\n1,cat\n2,dog\n")
    (source / "parts.csv").write_text("number,name,category\n0,,part\n1,cat head,part\n2,dog,part\n3,,part\n")
    (source / "val.txt").write_text("2008_0\n2008_1\n")
    return source, maps


def test_parts_in_a_folder_of_their_own(parts, tmp_path):
    source, maps = parts
    masks, concepts = build(source, "pascal_parts", tmp_path)
    assert concepts["category"].to_dict() == {
        "cat": "object",
        "dog-object": "object",
        "cat head": "part",
        "dog-part": "part",
    }
    objects = {name: [m == n for m in maps["objects"]] for name, n in (("cat", 1), ("dog-object", 2))}
    check(masks, objects | {name: [m == n for m in maps["parts"]] for name, n in (("cat head", 1), ("dog-part", 2))})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": "objects.csv"}, "has 2 folders of label maps, but 1 label tables; give `masks` and `labels`"),
        ({"ignore": []}, r"objects/2008_0\.png cannot be read: it holds the value 255, .* in `ignore`"),
        ({"include": ["cats"]}, r"'cats', in `include` .* is none of the 4 concepts .* such as cat"),
        ({"exclude": ["cat", "bird"]}, r"'bird', in `exclude` .* is none of the 4 concepts"),
        ({"include": ["cat"], "exclude": ["cat"]}, "None of the 4 concepts .* is left"),
    ],
)
def test_wrong_parts(parts, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        build(parts[0], READY["concepts"]["pascal_parts"] | change, tmp_path)


def test_a_folder_without_any_part_is_refused(parts, tmp_path):
    source, _ = parts
    (source / "parts/2008_1.png").rename(source / "parts/2008_7.png")
    with pytest.raises(FileNotFoundError, match="parts has no label map of any of the 2 images"):
        build(source, "pascal_parts", tmp_path)
    entry = {key: value for key, value in READY["concepts"]["pascal_parts"].items() if key != "image_list"}
    with pytest.raises(ValueError, match=r"1 of 1 label maps in .*parts have no image; 2008_7\.png has none"):
        build(source, entry, tmp_path)


def test_chosen_concepts_of_broden(tmp_path):
    """Numbers to ignore may be absent from the label table."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(9)
    numbers = draw(rng, [0, 1, 2, 3, 400], (SIZE, SIZE))
    pixels = np.stack([numbers % 256, numbers // 256, np.zeros_like(numbers)], axis=-1).astype(np.uint8)
    write(tmp_path / "images/a.png", pixels)
    sizes = f"16,16,{SIZE},{SIZE}"
    (tmp_path / "index.csv").write_text(f"image,split,ih,iw,sh,sw,object\na.jpg,val,{sizes},a.png\n")
    (tmp_path / "label.csv").write_text("number,name,category\n1,sky,object(1)\n2,car,object(1)\n3,tree,object(1)\n")

    def masks(**choice):
        settings = {"subset": "", "categories": ["object"]} | choice
        build_concepts(data=str(tmp_path), concept_set=str(tmp_path / "x.zarr"), concepts=settings, threads=1)
        atoms, concepts = read_atoms(tmp_path / "x.zarr")
        return {name: atoms.concept_mask(i)[0] for i, name in enumerate(concepts["name"])}

    with pytest.raises(ValueError, match=r"holds the label numbers \[400\]"):
        masks()
    found = masks(ignore=[400, 2])
    assert list(found) == ["sky", "tree"]
    np.testing.assert_array_equal(found["tree"], numbers == 3)
    found = masks(ignore=[400], include=["car", "tree"], exclude=["car"])
    assert list(found) == ["tree"]
    np.testing.assert_array_equal(found["tree"], numbers == 3)
