"""Stage: record the activations of some layers on a shard of the images of a concept set, in one forward pass."""

from pathlib import Path

import numpy as np
import zarr

from ...data.formats.broden import open_broden
from ...data.images.photographs import Geometry, load_batch
from ...data.stores.activations import WRITE_ALL, create_activations, images_per_block, seal_activations
from ...data.stores.sparse_activations import IMAGES_PER_BLOCK, is_sparse_store, seal_sparse, write_block
from ...kernels.sparse.maps import SparseMaps
from ...models.build.loading import open_network
from ...models.device import processor
from ...models.recording.recorder import as_arrays, open_recorder
from ...runtime.blocks import whole_blocks
from ...runtime.checksums import digest_of
from ...runtime.fingerprints import fingerprint, fingerprint_inputs
from ...runtime.parallel import map_in_order
from ...runtime.parts import Part
from ...runtime.progress import Progress
from ...runtime.unfinished import UnfinishedFolder


def record_activations(
    *,
    data: str,
    weights: str | list[str],
    activations: str,
    layers: list[str],
    shard: str,
    network: dict,
    concepts: dict,
    input_size: list[int],
    version: str,
    trusted_sha256: list[str],
    device: str,
    batch_size: int,
    threads: int,
) -> None:
    """Write one Zarr store per layer with the activations of the images of a shard.

    An interrupted job leaves its output in `<activations>.part`, from which the next run resumes if its inputs are
    unchanged.

    Parameters
    ----------
    data : str
        Folder of the concept data set, in Broden's format.
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    activations : str
        Output folder: `<layer>.zarr`, float32 of shape (n_images of the shard, n_units, h, w); of sparse latents without
        their zeros, see `data.stores.sparse_activations`.
    layers : list of str
    shard : str
        Part of the images, such as `0-of-4` for the first quarter.
    network : dict
        Settings for `open_network`.
    concepts : dict
        subset, categories: arguments of `open_broden`.
    input_size : list of int
        Height and width of the network's input, in pixels.
    version : str
        Fingerprint of the code, so that partial results of other code are discarded.
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
    batch_size : int
        Images per batch, rounded up to whole blocks (`runtime.blocks`); it does not change results.
    threads : int

    Raises
    ------
    ValueError
        If there are more shards than images.
    """
    images = open_broden(data, **concepts).images
    n_images = len(images)
    part = Part.parse(shard)
    if part.count > n_images:
        raise ValueError(f"activations.shards={part.count} must be at most {n_images}, the number of images of {data}")
    largest = -(-n_images // part.count)
    here = part.span(n_images)
    images = images[here.start : here.stop]
    model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    geometry = Geometry(resize=tuple(input_size), crop=None)
    facts = {"version": version, "layers": layers, "network": network, "concepts": concepts, "input_size": input_size}
    facts["processor"] = processor(model.device)
    facts["latents"] = [digest_of(path) for path in network.get("latents", {}).values()]
    key = fingerprint(facts, fingerprint_inputs(images, weights))
    made = {"images_per_chunk": largest, "n_images": n_images, "processor": facts["processor"]}
    store = _PartialStore(Path(activations), layers, key, **made)

    per_batch = whole_blocks(batch_size)
    with open_recorder(model, layers, sparse=True) as recorder:

        def record(first: int) -> dict[str, np.ndarray | SparseMaps]:
            batch = load_batch(images[first : first + per_batch], geometry, threads=1)
            return as_arrays(recorder(model.to_input(batch)))

        starts = range(store.n_done, len(images), per_batch)
        with Progress(total=len(images), initial=store.n_done, unit="image") as progress:
            for outputs in map_in_order(record, starts, threads=threads):
                n_here = len(outputs[layers[0]])
                store.add(outputs, len(images))
                progress.update(n_here)
    store.finish(len(images))


class _PartialStore:
    """The stores of an unfinished job, written block by block."""

    def __init__(
        self, target: Path, layers: list[str], fingerprint: str, *, images_per_chunk: int, n_images: int, processor: str
    ) -> None:
        self._folder, self._processor = UnfinishedFolder(target, fingerprint), processor
        self._layers, self._images_per_chunk, self._n_images = layers, images_per_chunk, n_images
        self._waiting, self._n_waiting = [], 0
        self._arrays, self._per_block = {}, 0
        if self.n_done:
            dense = [layer for layer in layers if not is_sparse_store(self._path_of(layer))]
            paths = {layer: str(self._path_of(layer)) for layer in dense}
            self._arrays = {layer: zarr.open_array(path, mode="r+", config=WRITE_ALL) for layer, path in paths.items()}
            self._per_block = self._arrays[dense[0]].chunks[0] if dense else IMAGES_PER_BLOCK

    @property
    def n_done(self) -> int:
        """Number of images written."""
        return self._folder.n_done

    def _path_of(self, layer: str) -> Path:
        return self._folder.path / f"{layer}.zarr"

    def add(self, outputs: dict[str, np.ndarray | SparseMaps], n_images: int) -> None:
        """Add the activations of the next images; full blocks are written."""
        if not self._per_block:
            shapes = {layer: maps.shape[1:] for layer, maps in outputs.items() if not isinstance(maps, SparseMaps)}
            self._per_block = images_per_block(list(shapes.values())) if shapes else IMAGES_PER_BLOCK
            self._per_block = min(self._per_block, self._images_per_chunk)
            self._arrays = {
                layer: create_activations(
                    self._path_of(layer),
                    (n_images, *shape),
                    images_per_chunk=self._per_block,
                    n_images=self._n_images,
                    processor=self._processor,
                )
                for layer, shape in shapes.items()
            }
        self._waiting.append(outputs)
        self._n_waiting += len(outputs[self._layers[0]])
        while self._n_waiting >= self._per_block:
            self._write(self._per_block)

    def _write(self, n: int) -> None:
        # layer by layer, so that only one of them is in memory twice
        rest = {}
        for layer in self._layers:
            parts = [outputs.pop(layer) for outputs in self._waiting]
            if layer in self._arrays:
                joined = np.concatenate(parts)
                self._arrays[layer][self.n_done : self.n_done + n] = joined[:n]
                rest[layer] = joined[n:].copy()
            else:
                joined = SparseMaps.join(parts)
                write_block(self._path_of(layer), self.n_done // self._per_block, joined.of_images(0, n))
                rest[layer] = joined.of_images(n, len(joined))
        self._n_waiting -= n
        self._waiting = [rest]
        self._folder.mark(self.n_done + n)

    def finish(self, n_images: int) -> None:
        """Write the rest and rename the folder."""
        if self._n_waiting:
            self._write(self._n_waiting)
        if self.n_done != n_images:
            raise ValueError(f"{self.n_done} of {n_images} images were recorded")
        for layer in self._layers:
            if layer in self._arrays:
                seal_activations(self._path_of(layer))
            else:
                seal_sparse(self._path_of(layer), processor=self._processor)
        self._folder.finish()
