"""Files of the user's that are none, or far too large: each is refused in moments and with little memory, by its name."""

import json
import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from bounded import run_bounded
from PIL import Image

from lib.data.downloads.archives import unpack
from lib.data.downloads.download import verify_file
from lib.data.formats.annotations import read_annotations
from lib.data.formats.broden import open_broden
from lib.data.formats.exemplars import create_exemplars, read_exemplars
from lib.data.formats.label_maps import LARGEST_MAP, open_label_map
from lib.data.images.lists import list_dataset_images
from lib.data.images.photographs import check_image, load_image
from lib.data.milannotations.pictures import list_source_images, open_pictures, read_ids, read_units
from lib.data.stores.arrays import open_array
from lib.data.stores.tables import read_table
from lib.runtime.fingerprints import fingerprint_inputs
from lib.stages.concepts.convert_concepts import convert_concepts
from lib.stages.exemplars.draw_samples import draw_samples

QUICK = {"seconds": 3, "mib": 100}


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def listening(path):
    """Make a socket; its path may have 100 characters, so that it is made from within its folder."""
    back = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(back)


KINDS = {"a pipe": pipe, "a device": device, "a folder": folder, "a socket": listening}


def convert(root, format):
    convert_concepts(
        source=str(root),
        folder=str(root.parent / "converted"),
        format=format,
        places={},
        choice={},
        mask_size=8,
        threads=1,
    )


def broden(root):
    dataset = open_broden(root, subset="", categories=["object"])
    return [dataset.annotations(i) for i in range(len(dataset))]


def broden_folder(root, side=8, label_side=8):
    (root / "images").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(root / "images/a.jpg")
    sizes = f"16,16,{side},{side}"
    (root / "index.csv").write_text(f"image,split,ih,iw,sh,sw,object\na.jpg,val,{sizes},a.png\n")
    (root / "label.csv").write_text("number,name,category\n1,sky,object(1)\n")
    if label_side:
        write_png(root / "images/a.png", label_side, channels=3)
    return root


def labelled_folder(root, *, side=16, channels=1):
    """Lay out an image with its label map, for `index_png`."""
    for name in ("images", "annotations"):
        (root / name).mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(root / "images/a.jpg")
    write_png(root / "annotations/a.png", side, channels=channels)
    (root / "labels.csv").write_text("number,name\n0,sky\n")
    return root


def coco_folder(root, *, side=16):
    for name in ("val2017", "panoptic_val2017"):
        (root / name).mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(root / "val2017/a.jpg")
    write_png(root / "panoptic_val2017/a.png", side, channels=3)
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "sky"}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": []}],
    }
    (root / "panoptic_val2017.json").write_text(json.dumps(content))
    return root


def tags_folder(root):
    (root / "images").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(root / "images/a.jpg")
    (root / "tags.csv").write_text("image,tags\na.jpg,night\n")
    return root


def exemplar_folder(root):
    values = np.zeros((2, 3))
    create_exemplars(root, "a", units=np.arange(2), ids=values.astype(int), activations=values, size=4)
    return root


def places_folder(root):
    (root / "images").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(root / "images/a.jpg")
    (root / "places365_val.txt").write_text("a.jpg 1\n")
    return root


def write_png(path, side, *, channels=1, bits=8):
    """Write a square PNG of zeros, whatever its size."""
    row = bytes(1 + side * channels * bits // 8)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    kind = {1: 0, 3: 2}[channels]
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        parts = (b"IHDR", struct.pack(">IIBBBBB", side, side, bits, kind, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")
        for name, data in parts:
            file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


READERS = {
    "image": (None, "file.jpg", load_image),
    "image, checked": (None, "file.jpg", check_image),
    "label map": (None, "file.png", lambda path: open_label_map(path, check_size=print).__enter__()),
    "array": (None, "file.npy", open_array),
    "pictures of exemplars": (None, "masks.npy", lambda path: open_pictures(path, n_channels=1)),
    "units of exemplars": (None, "units.npy", lambda path: read_units(path, 3)),
    "ids of exemplars": (None, "ids.csv", lambda path: read_ids(path, (1, 1), n_images=None)),
    "table": (None, "file.csv", lambda path: read_table(path, "units")),
    "annotations": (None, "file.csv", read_annotations),
    "list of images": (None, "file.csv", lambda path: list_dataset_images(path, subset="", column="path")),
    "list of images, Parquet": (
        None,
        "file.parquet",
        lambda path: list_dataset_images(path, subset="", column="path"),
    ),
    "archive": (None, "file.zip", lambda path: unpack(path, path.parent / "out", max_size=9, max_ratio=9.0)),
    "local copy": (None, "file", lambda path: verify_file(path, sha256="", md5="", size=None)),
    "weights": (None, "file.pth", lambda path: fingerprint_inputs([], str(path))),
    "latents": (
        None,
        "file.npy",
        lambda path: draw_samples(latents=str(path), classes=[], samples=f"{path.parent}/x.npz", draw={}, seed=0),
    ),
    "Broden's index": (broden_folder, "index.csv", lambda path: broden(path.parent)),
    "Broden's labels": (broden_folder, "label.csv", lambda path: broden(path.parent)),
    "Broden's map": (broden_folder, "images/a.png", lambda path: broden(path.parents[1])),
    "index PNG": (labelled_folder, "annotations/a.png", lambda path: convert(path.parents[1], "index_png")),
    "index PNG, labels": (labelled_folder, "labels.csv", lambda path: convert(path.parent, "index_png")),
    "COCO's map": (coco_folder, "panoptic_val2017/a.png", lambda path: convert(path.parents[1], "coco_panoptic")),
    "COCO's labels": (coco_folder, "panoptic_val2017.json", lambda path: convert(path.parent, "coco_panoptic")),
    "tags": (tags_folder, "tags.csv", lambda path: convert(path.parent, "tags")),
    "classes of Places365": (
        places_folder,
        "places365_val.txt",
        lambda path: list_source_images(path.parent / "images", "places365", class_list=path.parent),
    ),
    "exemplars": (exemplar_folder, "a/images.npy", lambda path: read_exemplars(path.parents[1], "a")),
    "exemplars, ids": (exemplar_folder, "a/ids.csv", lambda path: read_exemplars(path.parents[1], "a")),
    "exemplars, units": (exemplar_folder, "a/units.npy", lambda path: read_exemplars(path.parents[1], "a")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_regular_file_is_refused(tmp_path, reader, kind):
    make, name, read = READERS[reader]
    root = tmp_path / "in"
    make(root) if make else root.mkdir()
    path = root / name
    path.unlink(missing_ok=True)
    KINDS[kind](path)
    with pytest.raises((ValueError, FileNotFoundError), match=f"{path.name}.*{kind}, but must be"):
        run_bounded(lambda: read(path), **QUICK)


@pytest.mark.parametrize("reader", [name for name, (make, *_) in READERS.items() if make])
def test_the_readers_read_what_is_right(tmp_path, reader):
    """So that the test above can fail for one reason only."""
    make, name, read = READERS[reader]
    make(tmp_path / "in")
    read(tmp_path / "in" / name)


SIDE = 13_000


@pytest.fixture(scope="module", params=[(1, 8), (1, 16), (3, 8)], ids=["grey", "16 bits", "colour"])
def huge(request, tmp_path_factory):
    """A label map of a few kB that takes 170 MB to 1 GB to decode."""
    path = tmp_path_factory.mktemp("huge") / "huge.png"
    write_png(path, SIDE, channels=request.param[0], bits=request.param[1])
    return path


def test_a_huge_map_of_broden_is_refused_by_its_header(tmp_path, huge):
    root = broden_folder(tmp_path / "in", label_side=None)
    (root / "images/a.png").symlink_to(huge)
    with pytest.raises(ValueError, match=r"row 2 .*a\.png cannot be read: it has 13000 x 13000 pixels, but"):
        run_bounded(lambda: broden(root), **QUICK)
    (root / "index.csv").write_text((root / "index.csv").read_text().replace("8,8", f"{SIDE},{SIDE}"))
    with pytest.raises(ValueError, match=rf"index\.csv have 13000 x 13000 pixels .* {LARGEST_MAP} at most"):
        run_bounded(lambda: broden(root), **QUICK)


@pytest.mark.parametrize("format", ["index_png", "coco_panoptic"])
def test_a_huge_map_is_refused_by_its_header(tmp_path, huge, format):
    """Also where its proportions are those of the image."""
    root = (labelled_folder if format == "index_png" else coco_folder)(tmp_path / "in")
    [path] = root.rglob("a.png")
    path.unlink()
    path.symlink_to(huge)
    with pytest.raises(ValueError, match=rf"a\.png cannot be read: it has 13000 x 13000 pixels, but {LARGEST_MAP} at"):
        run_bounded(lambda: convert(root, format), **QUICK)


@pytest.mark.parametrize("format", ["index_png", "coco_panoptic"])
def test_a_map_of_other_proportions_is_refused_by_its_header(tmp_path, format):
    root = (labelled_folder if format == "index_png" else coco_folder)(tmp_path / "in", side=8000)
    [photograph] = root.rglob("a.jpg")
    Image.new("RGB", (16, 24)).save(photograph)
    with pytest.raises(ValueError, match=r"a\.png cannot be read: it has 8000 x 8000 pixels, but the image .* 24 x 16"):
        run_bounded(lambda: convert(root, format), **QUICK)


@pytest.mark.parametrize(("format", "mib"), [("index_png", 800), ("coco_panoptic", 1500)])
def test_the_largest_maps_take_bounded_memory(tmp_path, format, mib):
    side = int(LARGEST_MAP**0.5)
    root = (labelled_folder if format == "index_png" else coco_folder)(tmp_path / "in", side=side)
    run_bounded(lambda: convert(root, format), seconds=60, mib=mib)


def test_a_large_photograph_is_not_copied_again_and_again(tmp_path):
    write_png(tmp_path / "a.png", 6000, channels=3)
    size = (
        6000 * 6000 / 2**20
    )  # millions of pixels; Pillow holds 4 bytes of each, an array 3, and what it is made from 3
    run_bounded(lambda: load_image(tmp_path / "a.png"), seconds=20, mib=12 * size)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_other_pictures_than_png_are_no_label_maps(tmp_path, kind):
    """A JPEG's numbers are not those that were saved."""
    for root, read in (
        (broden_folder(tmp_path / "b"), broden),
        (labelled_folder(tmp_path / "in"), lambda root: convert(root, "index_png")),
        (coco_folder(tmp_path / "c"), lambda root: convert(root, "coco_panoptic")),
    ):
        [path] = root.rglob("a.png")
        Image.new("RGB", (8, 8)).save(path, format=kind)
        with pytest.raises(ValueError, match=r"a\.png cannot be read: it is no PNG picture.*JPEG, change the numbers"):
            read(root)


def test_a_pipe_among_photographs_is_left_out(tmp_path):
    root = labelled_folder(tmp_path / "in")
    pipe(root / "images/b.jpg")
    (root / "annotations/b.png").write_bytes((root / "annotations/a.png").read_bytes())
    run_bounded(lambda: convert(root, "index_png"), seconds=5, mib=100)
    assert "b.jpg is a pipe" in Path(tmp_path, "converted/skipped_images.csv").read_text()
