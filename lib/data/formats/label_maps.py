"""Read and write label maps: PNG or TIFF images of label numbers, checked by their header before decoding."""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ...runtime.regular_files import check_regular_file
from ..images.photographs import DAMAGE

LARGEST_MAP = 2**26  # pixels, such as 8192 x 8192; street and aerial photographs have fewer
TIFF_ENDINGS = (".tif", ".tiff")
# those that keep every number
TIFF_COMPRESSIONS = ("raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "lzma", "zstd")


@contextmanager
def open_label_map(path: str | Path, *, check_size: Callable[[tuple[int, int]], None]) -> Iterator[Image.Image]:
    """Open a label map for decoding in the context.

    Parameters
    ----------
    path : str or pathlib.Path
        A PNG file, or TIFF if its name ends in .tif or .tiff; other formats, such as JPEG, may change the numbers.
    check_size : callable
        Takes (height, width), in pixels, and raises ValueError if the map cannot have this size.

    Yields
    ------
    PIL.Image.Image
        The picture.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        With the path: if the file is no such picture or damaged, if it is too large, or any error raised in the context.
    """
    check_regular_file(path, name="label map")
    kind = "TIFF" if str(path).lower().endswith(TIFF_ENDINGS) else "PNG"
    try:
        with Image.open(path, formats=[kind]) as picture:
            compression = picture.info.get("compression", "raw")
            if kind == "TIFF" and compression not in TIFF_COMPRESSIONS:
                raise ValueError(f"it is compressed by {compression}, which changes the numbers; save it without loss")
            if picture.height * picture.width > LARGEST_MAP:
                raise ValueError(
                    f"it has {picture.height} x {picture.width} pixels, but {LARGEST_MAP} at most are read; reduce it"
                )
            check_size((picture.height, picture.width))
            yield picture
    except UnidentifiedImageError:
        raise ValueError(
            f"The label map {path} cannot be read: it is no {kind} picture, or its beginning is damaged. Save label maps "
            "as PNG: other formats, such as JPEG, change the numbers."
        ) from None
    except DAMAGE as error:
        raise ValueError(f"The label map {path} cannot be read: {error}") from error


def decode_labels(picture: Image.Image) -> np.ndarray:
    """Decode a label map in Broden's format, label = R + 256 * G.

    Parameters
    ----------
    picture : PIL.Image.Image
        As `open_label_map` yields it.

    Returns
    -------
    numpy.ndarray of shape (H, W), int32
        The label numbers.

    Raises
    ------
    ValueError
        If the picture has no colours.
    """
    if picture.mode not in ("RGB", "RGBA", "P"):
        raise ValueError(f"it is a picture of mode {picture.mode}, but label = R + 256 * G needs RGB")
    channels = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    return channels[..., 0].astype(np.int32) | (channels[..., 1].astype(np.int32) << 8)


def encode_map(numbers: np.ndarray) -> bytes:
    """Encode a label map as Broden does: an RGB PNG with label = R + 256 G.

    Label maps are flat areas, for which rows without PNG's prediction filters are as small and many times faster to
    write than what an image library chooses; drawing the data set writes seven maps an image.

    Parameters
    ----------
    numbers : numpy.ndarray
        Label numbers, uint16 of shape (height, width).

    References
    ----------
    PNG specification, third edition, sections 5 (chunks) and 9 (filtering).
    """
    height, width = numbers.shape
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1::3], rows[:, 2::3] = numbers & 255, numbers >> 8
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b"")):
        png += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))]
    return b"".join(png)
