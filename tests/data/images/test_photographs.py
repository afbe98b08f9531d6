"""Tests of image reading."""

import os

import numpy as np
import pytest
from PIL import Image

from lib.data.images.lists import list_images
from lib.data.images.photographs import Geometry, check_image, load_batch, load_image

RGB = np.zeros((4, 6, 3), np.uint8)
RGB[0, 0] = (200, 100, 50)
KEEP = Geometry(resize=None, crop=None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ä b.png"


def test_rgb(path):
    Image.fromarray(RGB).save(path)
    image = load_image(path)
    assert image.dtype == np.uint8 and image.flags.writeable
    np.testing.assert_array_equal(image, RGB)


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey(path, mode):
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode).save(path)
    np.testing.assert_array_equal(load_image(path), [[[0] * 3, [255] * 3]])


def test_16_bit_grey_is_scaled(path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(path)
    np.testing.assert_array_equal(load_image(path)[0, :, 0], [0, 100, 255])


def test_32_bit_is_refused(tmp_path):
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match="more than 16 bits"):
        load_image(tmp_path / "x.tif")


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparency_and_palettes(path, mode):
    Image.fromarray(RGB).convert(mode, palette=Image.Palette.ADAPTIVE).save(path)
    np.testing.assert_array_equal(load_image(path), RGB)


def test_cmyk_jpeg(tmp_path):
    Image.new("RGB", (8, 8), (255, 0, 0)).convert("CMYK").save(tmp_path / "x.jpg", quality=100)
    red = load_image(tmp_path / "x.jpg").reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(red, [255, 0, 0], atol=6)


def test_rotation_of_the_camera(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(RGB).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(load_image(tmp_path / "x.png"), np.rot90(RGB, -1))


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"0" * 50])
def test_unreadable(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="ä b.png cannot be read"):
        load_image(path)


def test_truncated(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.jpg")
    (tmp_path / "x.jpg").write_bytes((tmp_path / "x.jpg").read_bytes()[:1500])
    with pytest.raises(ValueError, match=r"x\.jpg cannot be read"):
        load_image(tmp_path / "x.jpg")


def test_missing(path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_image(path)


@pytest.mark.parametrize("shape", [(100, 151), (151, 100), (37, 37), (40, 300), (225, 224)])
@pytest.mark.parametrize(("resize", "crop"), [(64, 57), (64, None), (None, 31), ((50, 80), 45), ((50, 80), None)])
def test_geometry_is_that_of_torchvision(shape, resize, crop):
    transforms = pytest.importorskip("torchvision.transforms")
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    expected = Image.fromarray(image)
    if resize:
        expected = transforms.Resize(resize)(expected)
    if crop:
        expected = transforms.CenterCrop(crop)(expected)
    np.testing.assert_array_equal(Geometry(resize, crop).apply(image), np.asarray(expected))


def test_geometry_takes_a_list_from_a_configuration():
    assert Geometry(resize=[5, 7], crop=None) == Geometry(resize=(5, 7), crop=None)
    assert Geometry(resize=[5, 7], crop=None).apply(RGB).shape == (5, 7, 3)


def test_geometry_refuses():
    with pytest.raises(ValueError, match="4 x 6 pixels are too few for a cut of 5"):
        Geometry(resize=None, crop=5).apply(RGB)
    with pytest.raises(ValueError, match="at least 1"):
        Geometry(resize=0, crop=None)


def make_images(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RGB).save(root / name)


def test_list_images_of_classes_in_the_order_of_torchvision(tmp_path):
    make_images(tmp_path, "a-b/1.png", "a/10.png", "a/9.PNG", "a/sub/0.jpg", "a/sub-x/0.png", "B/x.JPEG")
    (tmp_path / "a" / "._9.png").write_bytes(b"x")
    (tmp_path / "a" / "notes.txt").write_bytes(b"x")
    os.symlink(tmp_path, tmp_path / "a" / "circle")
    expected = ["B/x.JPEG", "a/10.png", "a/9.PNG", "a/sub/0.jpg", "a/sub-x/0.png", "a-b/1.png"]
    assert sorted(list_images(tmp_path)) == sorted(str(tmp_path / name) for name in expected)
    os.unlink(tmp_path / "a" / "circle")
    (tmp_path / "a" / "._9.png").unlink()
    datasets = pytest.importorskip("torchvision.datasets")
    assert list_images(tmp_path) == [name for name, _ in datasets.ImageFolder(tmp_path).samples]


def test_list_images_of_a_flat_folder(tmp_path):
    make_images(tmp_path, "b.png", "a.png", "10.png")
    assert list_images(tmp_path) == [str(tmp_path / name) for name in ("10.png", "a.png", "b.png")]


def test_list_images_refuses(tmp_path):
    with pytest.raises(ValueError, match="holds no image"):
        list_images(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        list_images(tmp_path / "x")


@pytest.mark.parametrize("threads", [1, 5])
def test_load_batch(tmp_path, threads):
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    paths = [tmp_path / f"{n}.png" for n in range(9)]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image).save(path)
    np.testing.assert_array_equal(load_batch(paths, KEEP, threads=threads), images)


def test_load_batch_refuses(tmp_path):
    make_images(tmp_path, "a.png")
    Image.new("RGB", (3, 3)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"b\.png has 3 x 3 pixels, but .*a\.png has 4 x 6"):
        load_batch([tmp_path / "a.png", tmp_path / "b.png"], KEEP)
    with pytest.raises(ValueError, match=r"b\.png: 3 x 3 pixels are too few"):
        load_batch([tmp_path / "a.png", tmp_path / "b.png"], Geometry(resize=None, crop=4))
    with pytest.raises(ValueError, match="at least one"):
        load_batch([], KEEP)


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """A JPEG of 1600 x 1200 pixels that a camera took upright."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((1600, 1200))
    pixels = np.clip(np.asarray(coarse) + rng.normal(0, 8, (1200, 1600, 3)), 0, 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path_factory.mktemp("photographs") / "x.jpg"
    Image.fromarray(pixels).save(path, quality=90, exif=exif)
    return path


@pytest.mark.parametrize(
    ("resize", "crop", "side"), [(256, 224, 600), (64, 64, 150), ((48, 64), None, 150), (400, 300, 1200)]
)
def test_a_reduced_jpeg_is_nearly_the_same_after_resizing(photograph, resize, crop, side):
    geometry = Geometry(resize=resize, crop=crop, reduced_jpeg=True)
    assert min(load_image(photograph, least=geometry.least).shape[:2]) == side
    exact = load_batch([photograph], Geometry(resize=resize, crop=crop)).astype(int)
    found = load_batch([photograph], geometry).astype(int)
    assert found.shape == exact.shape
    assert np.abs(found - exact).mean() < 2 and np.array_equal(found, exact) == (side == 1200)


def test_a_jpeg_with_a_second_picture_is_reduced(photograph, tmp_path):
    picture = Image.open(photograph)
    picture.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[picture])
    assert Image.open(tmp_path / "x.jpg").format == "MPO"
    assert load_image(tmp_path / "x.jpg", least=300).shape == (300, 400, 3)


def test_other_images_are_never_reduced(photograph, tmp_path):
    """Those of no JPEG, small ones, and those whose size would be rounded up."""
    Image.open(photograph).save(tmp_path / "x.png")
    Image.open(photograph).resize((90, 70)).save(tmp_path / "small.jpg")
    Image.open(photograph).resize((1840, 1035)).save(tmp_path / "odd.jpg")
    for name in ("x.png", "small.jpg", "odd.jpg"):
        geometries = [Geometry(resize=64, crop=64, reduced_jpeg=reduced) for reduced in (False, True)]
        exact, found = (load_batch([tmp_path / name], geometry) for geometry in geometries)
        assert np.array_equal(found, exact)
    assert Geometry(resize=None, crop=None, reduced_jpeg=True).least is None


def test_a_narrow_jpeg_can_be_read(tmp_path):
    Image.fromarray(RGB.repeat(7, 1)).save(tmp_path / "x.jpg")
    check_image(tmp_path / "x.jpg")
