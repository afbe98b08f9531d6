"""Zarr stores: the activations of a layer, and the sparse segmentation cache of a concept set."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

BUFFER_BYTES = 256 * 2**20
CHUNK_BYTES = 8 * 2**20
# chunks that hold only the fill value are written too, so that a chunk that is not there is known to be lost
WRITE_ALL = {"write_empty_chunks": True}


def images_per_block(shapes):
    """Return how many images of all layers together fill the write buffer.

    Parameters
    ----------
    shapes : list of tuple of int
        (n_units, h, w) of each layer.
    """
    bytes_per_image = 4 * sum(int(np.prod(shape)) for shape in shapes)
    return max(1, min(512, BUFFER_BYTES // bytes_per_image))


def create_activations(path, shape, *, images_per_chunk):
    """Create the empty store of one layer's activations.

    Parameters
    ----------
    path : str
    shape : tuple of int
        (n_images, n_units, h, w).
    images_per_chunk : int
        Chunks hold many images and few units, because readers take all images of some units.

    Returns
    -------
    zarr.Array
        float32.
    """
    n_images, n_units, height, width = shape
    units = max(1, min(n_units, CHUNK_BYTES // (4 * images_per_chunk * height * width)))
    return zarr.create_array(
        store=str(path),
        shape=shape,
        chunks=(max(1, min(images_per_chunk, n_images)), units, height, width),
        dtype="float32",
        compressors=[BloscCodec(cname="lz4", clevel=1, shuffle="shuffle"), Crc32cCodec()],
        fill_value=float("nan"),
        overwrite=True,
        config=WRITE_ALL,
    )


class Activations:
    """The activations of a layer on all images: one store per shard, read side by side.

    Parameters
    ----------
    paths : list of str
        Stores of the shards, in the order of images.

    Attributes
    ----------
    shape : tuple of int
        (n_images, n_units, h, w).
    units_per_chunk : int
    """

    def __init__(self, paths):
        self._arrays = {str(path): _open_array(path) for path in paths}
        arrays = list(self._arrays.values())
        if len({array.shape[1:] for array in arrays}) != 1:
            raise ValueError(
                f"the shards {', '.join(self._arrays)} have maps of different shapes; delete their folders"
            )
        self.shape = (sum(array.shape[0] for array in arrays), *arrays[0].shape[1:])
        self.units_per_chunk = max(array.chunks[1] for array in arrays)

    def read(self, units):
        """Return the maps of a slice of units.

        Parameters
        ----------
        units : slice

        Returns
        -------
        numpy.ndarray of shape (n_images, n, h, w), float32

        Raises
        ------
        ValueError
            If a chunk is damaged.
        """
        first, last, _ = units.indices(self.shape[1])
        block = np.empty((self.shape[0], last - first, *self.shape[2:]), np.float32)
        start = 0
        for path, array in self._arrays.items():
            try:
                block[start : start + array.shape[0]] = array[:, first:last]
            except (ValueError, RuntimeError, OSError) as error:
                raise ValueError(
                    f"{path}: units {first} to {last - 1} cannot be read ({error}); "
                    f"delete {Path(path).parent} and run again to record it anew"
                ) from error
            start += array.shape[0]
        return block


def open_activations(folders, layer):
    """Open the activations of one layer for reading.

    Parameters
    ----------
    folders : str or list of str
        Folders `<shard>` such as `0-of-2`, which hold a store for each of some layers.
    layer : str

    Returns
    -------
    Activations

    Raises
    ------
    FileNotFoundError
        If not every shard has a store for the layer.
    ValueError
        If a store is damaged.
    """
    folders = [Path(folder) for folder in ([folders] if isinstance(folders, (str, Path)) else folders)]
    found = [folder / f"{layer}.zarr" for folder in folders if (folder / f"{layer}.zarr").is_dir()]
    n_shards = int(folders[0].name.split("-of-")[1])
    if len(found) != n_shards:
        raise FileNotFoundError(
            f"{len(found)} of {n_shards} stores {layer}.zarr are there in {', '.join(map(str, folders))}; "
            "delete the folders that should have one and run again to record the activations"
        )
    return Activations(found)


def _open_array(path):
    try:
        array = zarr.open_array(store=str(path), mode="r")
        _check_chunks(array)
        return array
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete {Path(path).parent} and run again to record it anew"
        ) from error


def _check_chunks(array):
    if array.nchunks_initialized != array.nchunks:
        raise ValueError(f"{array.nchunks - array.nchunks_initialized} of its {array.nchunks} chunks are missing")


def units_of_chunk(activations, chunk):
    """Return the units of one of several equal chunks, such as `0-of-4` for the first quarter."""
    number, n_chunks = map(int, chunk.split("-of-"))
    n_units = activations.shape[1]
    return range(number * n_units // n_chunks, (number + 1) * n_units // n_chunks)


def iterate_units(activations, units):
    """Yield (unit, maps) with maps float32 of shape (n_images, h, w), reading each chunk of the stores once.

    Parameters
    ----------
    activations : Activations
    units : sequence of int
        Ascending.
    """
    per_chunk = activations.units_per_chunk
    wanted = {}
    for unit in units:
        wanted.setdefault(unit // per_chunk, []).append(unit)
    for chunk, members in wanted.items():
        first = chunk * per_chunk
        block = activations.read(slice(first, first + per_chunk))
        for unit in members:
            yield unit, np.ascontiguousarray(block[:, unit - first])


def write_atoms(path, tables, *, pixel_blocks, shape, concepts):
    """Write the sparse segmentation cache of a concept set; it appears under its name only when complete.

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
    target = Path(path)
    partial = target.with_name(target.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    group = zarr.open_group(store=str(partial), mode="w")
    per_chunk = max(1, min(shape[0], CHUNK_BYTES // (2 * shape[1] * shape[2])))
    pixels = group.create_array(
        "pixel_atoms",
        shape=shape,
        chunks=(per_chunk, *shape[1:]),
        dtype="uint16",
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()],
        config=WRITE_ALL,
    )
    first = 0
    for block in pixel_blocks:
        pixels[first : first + len(block)] = block
        first += len(block)
    for name, values in tables().items():
        group.create_array(name, data=values, config=WRITE_ALL)
    group.attrs["concepts"] = concepts.to_dict(orient="list")
    group.attrs["complete"] = True
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)


def read_concepts(path):
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
        return pd.DataFrame(zarr.open_group(store=str(path), mode="r").attrs["concepts"])
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"{path} is no complete concept set ({error}); delete it and run again") from error


def read_atoms(path):
    """Read the sparse segmentation cache of a concept set.

    Returns
    -------
    tables : dict of str to numpy.ndarray
        The fields of `lib.kernels.atoms.Atoms` but n_concepts, which is the number of rows of `concepts`.
    concepts : pandas.DataFrame
        Columns concept, number, name, category; row i is concept i.

    Raises
    ------
    ValueError
        If the store is damaged or incomplete.
    """
    try:
        group = zarr.open_group(store=str(path), mode="r")
        if not group.attrs.get("complete"):
            raise ValueError("it was not written to its end")
        concepts = pd.DataFrame(group.attrs["concepts"])
        names = ("pixel_atoms", "image_start", "atom_size", "atom_set", "set_start", "set_concepts")
        for name in names:
            _check_chunks(group[name])
        tables = {name: group[name][:] for name in names}
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        raise ValueError(f"{path} is no complete concept set ({error}); delete it and run again") from error
    return tables, concepts
