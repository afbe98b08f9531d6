"""Read images of any format that Pillow supports into RGB arrays of one size."""

import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ...runtime.regular_files import check_regular_file

LARGEST_PROPORTION = 100  # long to short side; resizing a line of pixels by its short side would fill the memory
REDUCING_GAP = 2
"""How much larger than the result a JPEG must stay that is decoded at a part of its size: resizing hides the difference."""
# exceptions of Pillow on damaged and hostile files
DAMAGE = (
    *(ArithmeticError, EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


def load_image(path: str | Path, *, least: int | None = None) -> np.ndarray:
    """Read an image as upright RGB.

    Grey, CMYK, palette and 16-bit images are converted, transparency is dropped, the rotation noted by a camera is
    applied, and of an animation the first picture is taken.

    Parameters
    ----------
    path : str or pathlib.Path
        The image file.
    least : int or None
        A JPEG is decoded at a half, a quarter or an eighth of its size, where that divides both sides and leaves them so many
        pixels; None for its size.

    Returns
    -------
    numpy.ndarray of shape (H, W, 3), uint8
        The pixels.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no image, is damaged, or is suspiciously large.
    """
    return _read(path, lambda width, height: 1 if least is None else _factor(width, height, least))


def check_image(path: str | Path) -> None:
    """Check that `load_image` can read an image, as cheaply as its format allows.

    All of the file is decoded, a JPEG at an eighth of its size, so that a truncated one is found.

    Parameters
    ----------
    path : str or pathlib.Path
        The image file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no image, is damaged, or is suspiciously large or thin.
    """
    _read(path, lambda width, height: 8 if min(width, height) >= 8 else 1)


def _factor(width: int, height: int, least: int) -> int:
    """Return the largest factor by which a JPEG can be reduced so that both sides keep so many pixels."""
    # other sizes would be rounded up, with padding in the picture
    fits = (f for f in (8, 4, 2) if min(width, height) >= least * f and width % f == height % f == 0)
    return next(fits, 1)


def _read(path: str | Path, factor_of: Callable[[int, int], int]) -> np.ndarray:
    check_regular_file(path, name="image")
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            if max(width, height) > LARGEST_PROPORTION * min(width, height):
                raise ValueError(
                    f"it has {height} x {width} pixels; no side may exceed {LARGEST_PROPORTION} times the other"
                )
            if picture.format in ("JPEG", "MPO"):  # MPO: with a second picture inside
                factor = factor_of(width, height)
                if factor > 1:
                    picture.draft(picture.mode, (width // factor, height // factor))
            ImageOps.exif_transpose(picture, in_place=True)
            return np.array(_as_rgb(picture))
    except DAMAGE as error:
        raise ValueError(f"The image {path} cannot be read: {error}") from error


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255 instead of scaling
        grey = np.asarray(picture).astype(np.int64)
        if grey.min() < 0 or grey.max() > 0xFFFF:
            raise ValueError(f"its values go from {grey.min()} to {grey.max()}, which is more than 16 bits")
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        raise ValueError("it holds floating-point numbers; save it as 8-bit or 16-bit")
    if picture.mode == "P":
        picture = picture.convert("RGBA")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


@dataclass(frozen=True)
class Geometry:
    """Preprocessing of images to the input size of a network: resize, then center crop.

    Attributes
    ----------
    resize : int or tuple of int or None
        Length of the shorter side, keeping the proportions, or exact (height, width), in pixels; None to keep the size.
    crop : int or None
        Side of the square cut out of the centre, in pixels; None to keep all.
    reduced_jpeg : bool
        Whether `load_batch` decodes JPEG files at a part of their size, if that is at least `REDUCING_GAP` times the size they
        are resized to.
    """

    resize: int | tuple[int, int] | None
    crop: int | None
    reduced_jpeg: bool = False

    def __post_init__(self) -> None:
        """Convert lists, as in configuration files, to tuples, and check that sizes are positive."""
        if isinstance(self.resize, list):
            object.__setattr__(self, "resize", tuple(self.resize))
        sides = [*(self.resize if isinstance(self.resize, tuple) else [self.resize]), self.crop]
        if any(side is not None and side < 1 for side in sides):
            raise ValueError(f"{self}: all sizes must be at least 1 pixel.")

    @property
    def least(self) -> int | None:
        """Height and width that decoding must keep, in pixels; None for those of the file."""
        if self.resize is None or not self.reduced_jpeg:
            return None
        return REDUCING_GAP * (max(self.resize) if isinstance(self.resize, tuple) else self.resize)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Scale and cut an image as torchvision's Resize and CenterCrop do.

        Parameters
        ----------
        image : numpy.ndarray of shape (H, W, 3), uint8
            The image.

        Returns
        -------
        numpy.ndarray of shape (h, w, 3), uint8
            The image scaled (bilinear, with antialiasing) and cut.

        Raises
        ------
        ValueError
            If the scaled image is smaller than the cut.
        """
        height, width = self._scaled_size(*image.shape[:2])
        if (height, width) != image.shape[:2]:
            image = np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        if self.crop is None:
            return image
        if min(height, width) < self.crop:
            raise ValueError(f"{height} x {width} pixels are too few for a cut of {self.crop}: set `resize` larger.")
        top, left = round((height - self.crop) / 2), round((width - self.crop) / 2)
        return image[top : top + self.crop, left : left + self.crop]

    def _scaled_size(self, height: int, width: int) -> tuple[int, int]:
        if self.resize is None:
            return height, width
        if isinstance(self.resize, tuple):
            return self.resize
        short, long = min(height, width), max(height, width)
        long = int(self.resize * long / short)
        return (self.resize, long) if height <= width else (long, self.resize)


def load_batch(paths: Sequence[str | Path], geometry: Geometry, *, threads: int = 4) -> np.ndarray:
    """Read several images and resize them to one size.

    Parameters
    ----------
    paths : sequence of str or pathlib.Path
        The n image files, at least one.
    geometry : Geometry
        Scaling and cropping of the images.
    threads : int
        Number of images read in parallel; it does not change the result.

    Returns
    -------
    numpy.ndarray of shape (n, H, W, 3), uint8
        The images.

    Raises
    ------
    ValueError
        If an image cannot be read, is too small, or has another size than the first one.
    """

    def load(path: str | Path) -> np.ndarray:
        image = load_image(path, least=geometry.least)
        try:
            return geometry.apply(image)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    if not paths:
        raise ValueError("A batch needs at least one image.")
    with ThreadPoolExecutor(max_workers=threads) as pool:
        images = list(pool.map(load, paths))
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(
                f"{path} has {image.shape[0]} x {image.shape[1]} pixels, but {paths[0]} has {images[0].shape[0]} x "
                f"{images[0].shape[1]}. Give a size (`resize` with two numbers, or `crop`)."
            )
    return np.stack(images)
