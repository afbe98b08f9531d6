"""Network inputs by index: images from files, or latents of a generator's samples."""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...runtime.atomic import new_file
from ..stores.tables import read_table
from .photographs import Geometry, load_batch

SAMPLES = ".npz"


class Photographs:
    """Images in files.

    Parameters
    ----------
    table : str
        Table `images`.
    geometry : Geometry
        Scaling and cropping of the images.
    """

    digest = ""

    def __init__(self, table: str, geometry: Geometry) -> None:
        self.files = read_table(table, "images")["path"].tolist()
        self._geometry = geometry

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.files)

    def load(self, chosen: Sequence[int]) -> tuple[np.ndarray]:
        """Return some images, uint8 of shape (n, H, W, 3)."""
        return (load_batch([self.files[number] for number in chosen], self._geometry, threads=1),)


class Samples:
    """Latents, and classes if any, from which a generator makes images.

    Parameters
    ----------
    path : str
        File that `write_samples` wrote.

    Attributes
    ----------
    files : list of str
        Empty: there are no images in files.
    digest : str
        Digest of all samples.

    Raises
    ------
    ValueError
        If the file is damaged.
    """

    def __init__(self, path: str) -> None:
        self.files: list[str] = []
        try:
            self.digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            with np.load(path, allow_pickle=False) as stored:
                self._arrays = [stored[name] for name in ("latents", "classes") if name in stored]
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it and run again to draw new samples") from error

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self._arrays[0])

    def load(self, chosen: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Return some latents, float32 of shape (n, ...), and their classes, int64 of shape (n,), if there are any."""
        return tuple(array[list(chosen)] for array in self._arrays)


def open_inputs(path: str, geometry: Geometry | None) -> Photographs | Samples:
    """Open the network inputs of a data set.

    Parameters
    ----------
    path : str
        Table `images`, or file of samples.
    geometry : Geometry or None
        Geometry of images; None for samples.
    """
    return Samples(path) if path.endswith(SAMPLES) else Photographs(path, geometry)


def write_samples(path: str, *, latents: np.ndarray, classes: np.ndarray | None) -> None:
    """Write the samples of a generator.

    Parameters
    ----------
    path : str
        A file that ends in .npz.
    latents : numpy.ndarray of shape (n, ...)
        Latents of the samples.
    classes : numpy.ndarray of shape (n,) or None
        Class of each sample, from 0.

    Raises
    ------
    ValueError
        If the arrays have a wrong type, shape or value.
    """
    if latents.ndim < 2 or not len(latents) or latents.dtype.kind not in "fiu" or not np.isfinite(latents).all():
        raise ValueError(
            f"latents of type {latents.dtype} and shape {latents.shape} must be finite numbers, one row per sample; see "
            "`samples` of the data set in the config"
        )
    arrays = {"latents": latents.astype(np.float32)}
    if classes is not None:
        if classes.shape != (len(latents),) or classes.dtype.kind not in "iu" or classes.min() < 0:
            raise ValueError(
                f"classes of type {classes.dtype} and shape {classes.shape} must be {len(latents)} whole numbers from 0, "
                "one per latent; see `samples` of the data set in the config"
            )
        arrays["classes"] = classes.astype(np.int64)
    with new_file(path) as draft, draft.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **arrays)
