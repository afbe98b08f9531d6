"""Tests of the exemplar pictures of the catalog."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.data.formats.exemplars import Exemplars
from lib.reporting.catalog.pictures import LARGEST_SIDE, PictureWriter, encode_image, encode_veil


def smooth_images(n: int, size: int) -> np.ndarray:
    """Images without edges, which JPEG keeps within a few levels; shape (n, 3, size, size)."""
    y, x = np.mgrid[:size, :size] / size
    images = [np.stack([60 + 150 * x, 60 + 150 * y, 90 + 100 * x * y + 5 * i]) for i in range(n)]
    return np.stack(images).astype(np.uint8)


def exemplars(images: np.ndarray, masks: np.ndarray, layer: str = "layer1") -> Exemplars:
    """Exemplars of one layer, units numbered 3, 4, ..."""
    shape = images.shape[:2]
    return Exemplars(layer, images, masks, 3 + np.arange(shape[0]), np.zeros(shape, np.int64), np.zeros(shape))


@pytest.mark.parametrize("opacity", [0.0, 0.5, 0.75, 0.9, 1.0])
def test_veil_dims_outside_the_mask_and_only_there(opacity):
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 20, 30), dtype=np.uint8)
    masks = np.random.default_rng(1).integers(0, 2, (3, 1, 20, 30), dtype=np.uint8)
    veil = Image.open(io.BytesIO(encode_veil(masks, opacity=opacity))).convert("RGBA")
    strip = Image.fromarray(np.concatenate(list(images.transpose(0, 2, 3, 1)), axis=1)).convert("RGBA")
    shown = np.asarray(Image.alpha_composite(strip, veil).convert("RGB")).astype(int)
    inside = np.concatenate(list(masks[:, 0] > 0), axis=1)
    whole = np.asarray(strip.convert("RGB")).astype(int)
    assert np.array_equal(shown[inside], whole[inside])
    assert np.abs(shown[~inside] - np.floor((1 - opacity) * whole[~inside])).max() <= 1


def test_image_keeps_its_pixels_and_size():
    image = smooth_images(1, 112)[0]
    picture = np.asarray(Image.open(io.BytesIO(encode_image(image)))).transpose(2, 0, 1)
    assert picture.shape == image.shape
    assert np.abs(picture.astype(int) - image).mean() < 3


def test_large_image_is_reduced_in_proportion():
    image = np.zeros((3, 2 * LARGEST_SIDE, LARGEST_SIDE), np.uint8)
    assert Image.open(io.BytesIO(encode_image(image))).size == (LARGEST_SIDE // 2, LARGEST_SIDE)


def test_shared_images_are_written_once(tmp_path):
    pool = smooth_images(4, 16)
    masks = np.ones((2, 3, 1, 16, 16), np.uint8)
    writer = PictureWriter(tmp_path, opacity=0.75, k_shown=3)
    first = writer.write(exemplars(pool[[[0, 1, 2], [2, 1, 3]]], masks), 0)
    second = writer.write(exemplars(pool[[[3, 3, 0], [1, 2, 0]]], masks), 1)
    assert first == [[0, 1, 2], [2, 1, 3]]
    assert second == [[3, 3, 0], [1, 2, 0]]
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    veils = [f"veils/{layer}/{unit}.png" for layer in (0, 1) for unit in (3, 4)]
    assert written == [f"images/{number}.jpg" for number in range(4)] + veils


def test_no_more_exemplars_than_wanted_or_there(tmp_path):
    images, masks = smooth_images(4, 16)[None], np.ones((1, 4, 1, 16, 16), np.uint8)
    for k_shown, expected in ((2, 2), (9, 4)):
        numbers = PictureWriter(tmp_path, opacity=0.75, k_shown=k_shown).write(exemplars(images, masks), 0)
        assert len(numbers[0]) == expected
        assert Image.open(tmp_path / "veils/0/3.png").size == (16 * expected, 16)


def test_bytes_are_deterministic():
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8)
    masks = np.random.default_rng(1).integers(0, 2, (2, 1, 40, 40), dtype=np.uint8)
    assert encode_image(image) == encode_image(image.copy(order="F"))
    assert encode_veil(masks, opacity=0.75) == encode_veil(masks.copy(order="F"), opacity=0.75)


def test_bad_settings_name_the_config_key(tmp_path):
    with pytest.raises(ValueError, match=r"opacity=1\.5 .*catalog\.opacity"):
        encode_veil(np.ones((1, 1, 4, 4), np.uint8), opacity=1.5)
    with pytest.raises(ValueError, match=r"k_shown=0 .*catalog\.k_shown"):
        PictureWriter(tmp_path, opacity=0.75, k_shown=0)
    with pytest.raises(ValueError, match=r"masks of shape \(4, 4\)"):
        encode_veil(np.ones((4, 4), np.uint8), opacity=0.5)
    with pytest.raises(ValueError, match=r"image of shape \(1, 4, 4\)"):
        encode_image(np.ones((1, 4, 4), np.uint8))
