"""Tests of listing a data set's images: every source in its order, and hostile files in the report, never a crash."""

import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.config.entries import image_folder
from lib.data.images.photographs import Geometry, load_batch
from lib.data.stores.tables import read_table
from lib.stages.exemplars.list_images import list_images
from lib.stages.exemplars.unpack_images import unpack_images

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def listed(data, folder, *, subset="", column="path", threads=3):
    paths = str(folder / "out" / "images.csv"), str(folder / "out" / "skipped.csv")
    list_images(data=str(data), images=paths[0], skipped=paths[1], subset=subset, column=column, threads=threads)
    return read_table(paths[0], "images")["path"].tolist(), read_table(paths[1], "skipped_images")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def png_bomb(side):
    """Make a PNG of a few kilobytes that claims side x side black pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 10**5))
        + chunk(b"IEND", b"")
    )


def test_odd_images_are_read_or_reported(folder, tmp_path):
    picture = Image.fromarray(PIXELS)
    for mode, suffix in (("L", "jpg"), ("CMYK", "jpg"), ("RGBA", "png"), ("P", "png"), ("1", "png"), ("LA", "png")):
        picture.convert(mode).save(folder / f"good_{mode}.{suffix}")
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 200).save(folder / "good_16.png")
    Image.fromarray(PIXELS[:1, :1]).save(folder / "good_tiny.png")
    Image.fromarray(PIXELS).save(folder / "good_=1+1.png")
    picture.save(folder / "x.jpg", quality=95)
    whole = (folder / "x.jpg").read_bytes()
    (folder / "x.jpg").unlink()
    (folder / "bad_truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "bad_empty.png").write_bytes(b"")
    (folder / "bad_text.jpg").write_text("<script>alert(1)</script>")
    (folder / "bad_bomb.png").write_bytes(png_bomb(30000))
    size = whole.index(b"\xff\xc0") + 5  # height and width in a JPEG's frame header
    (folder / "bad_bomb.jpg").write_bytes(whole[:size] + b"\xff\xff\xff\xff" + whole[size + 4 :])
    Image.fromarray(np.zeros((1, 3000), np.uint8)).save(folder / "bad_line.png")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(folder / "bad_float.tif")
    (folder / "bad_link.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "bad_folder.png").symlink_to(tmp_path)
    images, skipped = listed(folder, tmp_path)
    assert {path.split("/")[-1][:4] for path in images} == {"good"} and len(images) == 9
    reasons = {path.split("/")[-1]: reason for path, reason in zip(skipped["path"], skipped["reason"], strict=True)}
    assert {name[:3] for name in reasons} == {"bad"}
    assert {"bad_truncated.jpg", "bad_empty.png", "bad_text.jpg", "bad_float.tif", "bad_link.png"} <= set(reasons)
    assert "exceeds limit" in reasons["bad_bomb.png"] and "exceeds limit" in reasons["bad_bomb.jpg"]
    assert "1 x 3000 pixels; no side may exceed 100 times" in reasons["bad_line.png"]
    assert load_batch(images, Geometry(resize=32, crop=32)).shape == (9, 32, 32, 3)


def test_the_report_does_not_depend_on_threads(folder, tmp_path):
    for i in range(12):
        Image.fromarray(PIXELS).save(folder / f"{i}.png")
    (folder / "5.png").write_bytes(b"x")
    results = [listed(folder, tmp_path, threads=threads) for threads in (1, 4)]
    assert results[0][0] == results[1][0] and results[0][1].equals(results[1][1])


def test_nothing_readable(folder, tmp_path):
    (folder / "a.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"None of the 1 images .*a\.png cannot be read"):
        listed(folder, tmp_path)
    assert len(read_table(tmp_path / "out/skipped.csv", "skipped_images")) == 1


def test_a_name_that_is_no_text(folder, tmp_path):
    Image.fromarray(PIXELS).save(folder / "a.png")
    try:
        Image.fromarray(PIXELS).save(str(folder) + "/\udcff.png")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    images, skipped = listed(folder, tmp_path)
    assert len(images) == 1 and "not valid UTF-8" in skipped["reason"][0]


def test_tables_of_paths(folder, tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(PIXELS).save(folder / name)
    table = folder / "list.csv"
    pd.DataFrame({"file": ["b.png", str(folder / "a.png"), "b.png", "c.png"]}).to_csv(table, index=False)
    images, skipped = listed(table, tmp_path, column="file")
    assert images == [str(folder / name) for name in ("b.png", "a.png", "b.png")]
    assert skipped["path"].tolist() == [str(folder / "c.png")]
    with pytest.raises(ValueError, match="no column 'path'; its columns are file"):
        listed(table, tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        listed(folder / "other.csv", tmp_path)
    (folder / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="cannot be read"):
        listed(folder / "empty.csv", tmp_path)


def test_parquet(folder, tmp_path):
    Image.fromarray(PIXELS).save(folder / "a.png")
    try:
        pd.DataFrame({"path": ["a.png"]}).to_parquet(folder / "list.parquet")
    except ImportError:
        (folder / "list.parquet").write_bytes(b"PAR1")
        with pytest.raises(ValueError, match="install it, or save a CSV"):
            listed(folder / "list.parquet", tmp_path)
    else:
        assert listed(folder / "list.parquet", tmp_path)[0] == [str(folder / "a.png")]


def test_an_index_of_broden_stays_in_its_folder(folder, tmp_path):
    (folder / "index.csv").write_text("image,split\n../../etc/x.png,val\n")
    with pytest.raises(ValueError, match="leads out of"):
        listed(folder, tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archives(folder, tmp_path, kind):
    Image.fromarray(PIXELS).save(folder / "a.png")
    archive = tmp_path / f"my.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as opened:
            opened.write(folder / "a.png", "class/a.png")
    else:
        with tarfile.open(archive, "w") as opened:
            opened.add(folder / "a.png", "class/a.png")
    target = image_folder("mine", config={"datasets": {"mine": {"images": str(archive)}}})
    assert target == "resources/data/images/mine"
    unpack_images(archive=str(archive), folder=str(tmp_path / target))
    assert len(listed(tmp_path / target, tmp_path)[0]) == 1


def test_torchvisions_layout_of_imagenet(folder, tmp_path):
    for name in ("val/n02/b.JPEG", "val/n01/z.JPEG", "train/n01/a.JPEG"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(folder / name)
    images, _ = listed(folder, tmp_path, subset="val/")
    assert images == [str(folder / "val" / name) for name in ("n01/z.JPEG", "n02/b.JPEG")]
