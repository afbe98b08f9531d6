"""Reading of photographs: from any file that Pillow knows to RGB arrays of one size."""

import csv
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})


def load_image(path: str | Path) -> np.ndarray:
    """Read an image as upright RGB.

    Grey, CMYK, palette and 16-bit images are converted, transparency is dropped, the rotation noted by a camera is
    applied, and of an animation the first picture is taken.

    Parameters
    ----------
    path : str or pathlib.Path
        The image file.

    Returns
    -------
    numpy.ndarray, shape (H, W, 3), uint8
        The pixels.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no image, is damaged, or is too large to be harmless.
    """
    try:
        with Image.open(path) as picture:
            return np.array(_as_rgb(ImageOps.exif_transpose(picture)))
    except FileNotFoundError:
        raise FileNotFoundError(f"The image {path} does not exist.") from None
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
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
    return picture.convert("RGB")


@dataclass(frozen=True)
class Geometry:
    """How images are brought to the size that a network takes: scaled, then cut.

    Attributes
    ----------
    resize : int or tuple of int or None
        Length of the shorter side, keeping the proportions, or exact (height, width), in pixels; None to keep the size.
    crop : int or None
        Side of the square cut out of the centre, in pixels; None to keep all.
    """

    resize: int | tuple[int, int] | None
    crop: int | None

    def __post_init__(self) -> None:
        """Take lists, as configuration files give them, for tuples, and refuse sizes that are not positive."""
        if isinstance(self.resize, list):
            object.__setattr__(self, "resize", tuple(self.resize))
        sides = [*(self.resize if isinstance(self.resize, tuple) else [self.resize]), self.crop]
        if any(side is not None and side < 1 for side in sides):
            raise ValueError(f"{self}: all sizes must be at least 1 pixel.")

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Scale and cut an image as torchvision's Resize and CenterCrop do.

        Parameters
        ----------
        image : numpy.ndarray, shape (H, W, 3), uint8
            The image.

        Returns
        -------
        numpy.ndarray, shape (h, w, 3), uint8
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


def list_images(folder: str | Path) -> list[str]:
    """List the images of a folder and its sub-folders.

    Parameters
    ----------
    folder : str or pathlib.Path
        A folder of images, or of one sub-folder per class.

    Returns
    -------
    list of str
        Paths below `folder`, in the order of torchvision's ImageFolder: by class, then folder, then file name.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If it holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"The image folder {folder} does not exist.")
    found: list[PurePath] = []
    visited = set()
    for place, subfolders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in visited:  # a link to a folder above would never end
            subfolders.clear()
            continue
        visited.add(real)
        found += [
            PurePath(place, name).relative_to(folder)
            for name in names
            if not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES
        ]
    if not found:
        raise ValueError(f"The folder {folder} holds no image (file names that end in {', '.join(sorted(SUFFIXES))}).")
    return [str(folder / path) for path in sorted(found, key=_image_folder_order)]


def _image_folder_order(path: PurePath) -> tuple[str, str, str]:
    class_name = path.parts[0] if len(path.parts) > 1 else ""
    return class_name, str(path.parent), path.name


def load_batch(paths: Sequence[str | Path], geometry: Geometry, *, threads: int = 4) -> np.ndarray:
    """Read several images and bring them to one size.

    Parameters
    ----------
    paths : sequence of str or pathlib.Path
        The n image files, at least one.
    geometry : Geometry
        How they are scaled and cut.
    threads : int
        How many images are read at a time; it does not change the result.

    Returns
    -------
    numpy.ndarray, shape (n, H, W, 3), uint8
        The images.

    Raises
    ------
    ValueError
        If an image cannot be read, is too small, or has another size than the first one.
    """

    def load(path: str | Path) -> np.ndarray:
        image = load_image(path)
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


def list_dataset_images(folder: str | Path, *, subset: str) -> list[str]:
    """List the images of a data set: in the order of its index if it is in Broden's format, else as `list_images` does.

    Parameters
    ----------
    folder : str or pathlib.Path
        The data set.
    subset : str
        Only images whose path below the folder contains this text; empty for all.

    Returns
    -------
    list of str
        Paths of the images.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If it holds no image, or none of the subset.
    """
    root, index = Path(folder), Path(folder) / "index.csv"
    if index.is_file():
        root = root / "images"
        with index.open(newline="", encoding="utf-8") as handle:
            found = [str(root / row["image"]) for row in csv.DictReader(handle)]
    else:
        found = list_images(folder)
    chosen = [path for path in found if subset in Path(path).relative_to(root).as_posix()]
    if not chosen:
        raise ValueError(
            f"None of the {len(found)} images in {folder} has {subset!r} in its path, such as {found[:1]}; "
            "see `subset` of the data set in the config."
        )
    return chosen
