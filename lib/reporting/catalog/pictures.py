"""Pictures of the exemplars: every distinct image once, and per unit a veil that darkens the area outside its masks."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...data.formats.exemplars import Exemplars

LARGEST_SIDE = 160
"""Images with a longer side than this, in pixels, are reduced to it; smaller ones stay as they are."""

QUALITY = 85


def encode_image(image: np.ndarray) -> bytes:
    """Encode an exemplar as a JPEG whose bytes depend only on its pixels.

    Parameters
    ----------
    image : ndarray of shape (3, H, W), uint8
        Exemplar, RGB.

    Returns
    -------
    bytes
        The JPEG file, its longer side at most `LARGEST_SIDE` pixels.

    Raises
    ------
    ValueError
        If the image has another shape or type.
    """
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"image of shape {image.shape} and type {image.dtype} must be (3, H, W) and uint8; "
            "delete the exemplar folder to recompute it"
        )
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    side = max(picture.size)
    if side > LARGEST_SIDE:
        size = tuple(max(1, round(length * LARGEST_SIDE / side)) for length in picture.size)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def encode_veil(masks: np.ndarray, *, opacity: float) -> bytes:
    """Encode the masks of one unit as a strip that is transparent inside the masks and dark outside.

    Parameters
    ----------
    masks : ndarray of shape (k, 1, H, W), uint8
        1 where the unit is active, 0 elsewhere; best exemplar first.
    opacity : float
        Opacity of the veil in [0, 1]: laid over an image it leaves (1 - opacity) times the image.

    Returns
    -------
    bytes
        A PNG of one bit per pixel, H high and k * W wide.

    Raises
    ------
    ValueError
        If `opacity` is outside [0, 1] or the masks have another shape.

    References
    ----------
    Hernandez et al., Natural Language Descriptions of Deep Visual Features, ICLR 2022, Figure 1.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity={opacity} must be in [0, 1]; config key catalog.opacity")
    if masks.ndim != 4 or masks.shape[1] != 1:
        raise ValueError(
            f"masks of shape {masks.shape} must be (k, 1, H, W); delete the exemplar folder to recompute it"
        )
    inside = np.concatenate(list((masks[:, 0] > 0).astype(np.uint8)), axis=1)
    veil = Image.frombytes("P", inside.shape[::-1], inside.tobytes())
    veil.putpalette([0, 0, 0, 0, 0, 0])
    buffer = io.BytesIO()
    veil.save(buffer, "PNG", bits=1, transparency=bytes([round(255 * opacity), 0]), compress_level=4)
    return buffer.getvalue()


class PictureWriter:
    """Writes ``images/{number}.jpg`` and ``veils/{layer number}/{unit}.png`` below one folder.

    Units share many exemplars, so each image is written only once.

    Parameters
    ----------
    folder : Path
        Output folder; created if missing.
    opacity : float
        Opacity of the veil outside the masks, in [0, 1].
    k_shown : int
        Number of exemplars to show, at least 1; fewer if fewer exist.

    Raises
    ------
    ValueError
        If `k_shown` is below 1; see also `encode_veil`.
    """

    def __init__(self, folder: Path, *, opacity: float, k_shown: int) -> None:
        if k_shown < 1:
            raise ValueError(f"k_shown={k_shown} must be at least 1; config key catalog.k_shown")
        self._folder = folder
        self._opacity = opacity
        self._k_shown = k_shown
        self._numbers: dict[bytes, int] = {}
        (folder / "images").mkdir(parents=True, exist_ok=True)

    def write(self, exemplars: Exemplars, layer_number: int) -> Sequence[list[int]]:
        """Write the pictures of one layer.

        Parameters
        ----------
        exemplars : Exemplars
            Exemplars of the layer.
        layer_number : int
            Number of the layer in the catalog; names stay out of paths.

        Returns
        -------
        list of list of int
            Per unit the numbers of its images, best first.

        Raises
        ------
        ValueError
            See `encode_image` and `encode_veil`.
        """
        veils = self._folder / "veils" / str(layer_number)
        veils.mkdir(parents=True, exist_ok=True)
        result = []
        for unit, images, masks in zip(exemplars.units, exemplars.images, exemplars.masks, strict=True):
            veil = encode_veil(np.asarray(masks[: self._k_shown]), opacity=self._opacity)
            (veils / f"{int(unit)}.png").write_bytes(veil)
            result.append([self._number(np.asarray(image)) for image in images[: self._k_shown]])
        return result

    def _number(self, image: np.ndarray) -> int:
        """Return the number of an image, writing it if it is new."""
        # The key is the content, not the index in the data set, which does not identify generated images.
        key = hashlib.blake2b(image.tobytes() + repr(image.shape).encode(), digest_size=16).digest()
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            (self._folder / "images" / f"{self._numbers[key]}.jpg").write_bytes(encode_image(image))
        return self._numbers[key]
