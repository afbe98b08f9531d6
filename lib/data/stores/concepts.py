"""The sparse segmentation cache of a concept set: its atoms and concepts, in a Zarr store."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from ...kernels.search.atoms import Atoms
from ...runtime.atomic import new_folder
from ...runtime.checksums import check_folder, seal_folder
from .activations import CHUNK_BYTES, WRITE_ALL, check_chunks

TABLES = ("pixel_atoms", "image_start", "atom_size", "atom_set", "set_start", "set_concepts")


def write_atoms(
    path: str | Path,
    tables: Callable[[], dict[str, np.ndarray]],
    *,
    pixel_blocks: Iterator[np.ndarray],
    shape: Sequence[int],
    concepts: pd.DataFrame,
) -> None:
    """Write the sparse segmentation cache of a concept set; the store is written atomically.

    Parameters
    ----------
    path : str
    tables : callable
        Such as `AtomCollector.tables`: returns a dict of arrays; called when all pixel blocks are consumed.
    pixel_blocks : iterator of numpy.ndarray of shape (n, H, W), uint16
        Atom of each pixel within its image, in the order of images.
    shape : tuple of int
        (n_images, H, W).
    concepts : pandas.DataFrame
        Columns concept, number, name, category.
    """
    with new_folder(path) as draft:
        group = zarr.open_group(store=str(draft), mode="w")
        per_chunk = max(1, min(shape[0], CHUNK_BYTES // (2 * shape[1] * shape[2])))
        pixels = group.create_array(
            "pixel_atoms",
            shape=tuple(shape),
            chunks=(per_chunk, *shape[1:]),
            dtype="uint16",
            compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()],
            config=WRITE_ALL,
        )
        first = 0
        for block in _whole_chunks(pixel_blocks, per_chunk):
            pixels[first : first + len(block)] = block
            first += len(block)
        compressors = [BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()]
        for name, values in tables().items():
            group.create_array(name, data=values, compressors=compressors, config=WRITE_ALL)
        group.attrs["concepts"] = concepts.to_dict(orient="list")
        seal_folder(draft, "zarr.json")


def _whole_chunks(blocks: Iterator[np.ndarray], per_chunk: int) -> Iterator[np.ndarray]:
    """Yield the images of the blocks again, chunk by chunk: a chunk written in parts would be packed again for each of them."""
    waiting = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= per_chunk:
            joined = np.concatenate(waiting)
            whole = len(joined) // per_chunk * per_chunk
            yield from np.split(joined[:whole], whole // per_chunk)
            waiting = [joined[whole:]]
    if any(map(len, waiting)):
        yield np.concatenate(waiting)


def read_concepts(path: str | Path) -> pd.DataFrame:
    """Read only the concepts of the sparse segmentation cache.

    Returns
    -------
    pandas.DataFrame
        Columns concept, number, name, category; row i is concept i.

    Raises
    ------
    ValueError
        If the store is damaged.
    """
    try:
        check_folder(path)
        return pd.DataFrame(zarr.open_group(store=str(path), mode="r").attrs["concepts"])
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"{path} is no complete concept set ({error}); delete it and run again") from error


def read_atoms(path: str | Path) -> tuple[Atoms, pd.DataFrame]:
    """Read the sparse segmentation cache of a concept set.

    Returns
    -------
    atoms : Atoms
    concepts : pandas.DataFrame
        Columns concept, number, name, category; row i is concept i.

    Raises
    ------
    ValueError
        If the store is damaged or incomplete.
    """
    concepts = read_concepts(path)
    try:
        group = zarr.open_group(store=str(path), mode="r")
        for name in TABLES:
            check_chunks(Path(path, name), group[name])
        tables = {name: group[name][:] for name in TABLES}
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        raise ValueError(f"{path} is no complete concept set ({error}); delete it and run again") from error
    return Atoms(**tables, n_concepts=len(concepts)), concepts
