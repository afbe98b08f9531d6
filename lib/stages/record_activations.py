"""Stage: record the activations of layers on a shard of the images of a concept set, in one forward pass."""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import zarr

from lib.data.broden import open_broden
from lib.data.images import Geometry, load_batch
from lib.data.stores import (
    WRITE_ALL,
    activation_store,
    create_activations,
    finish_activations,
    has_activations,
    images_per_block,
    write_mark,
)
from lib.models.loading import open_network
from lib.models.recorder import Recorder
from lib.parallel import map_in_order
from lib.progress import Progress

logger = logging.getLogger(__name__)


def record_activations(
    *, data, weights, mark, layers, shard, network, concepts, input_size, version, device, batch_size, threads
):
    """Record those layers that have no complete store yet, and mark the shard as complete.

    Stores are not removed with the mark: a store of the same network, weights, images and code stays. What is complete
    survives a killed job: it stays in `<shard>.partial` and the next run goes on from there.

    Parameters
    ----------
    data : str
        Folder of the concept data set, in Broden's format.
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    mark : str
        Output `<folder>/<shard>.json`; the stores are `<folder>/<layer>/<shard>.zarr`, float32 of shape
        (n_images of the shard, n_units, h, w).
    layers : list of str
    shard : str
        Which images, such as `0-of-4` for the first quarter.
    network : dict
        name, trusted_sha256, normalisation, seed: as `open_network` takes them.
    concepts : dict
        subset, categories: as `open_broden` takes them.
    input_size : int
        Height and width of the network's input, in pixels.
    version : str
        Changes with the code, so that a result of other code is not taken over.
    device : str
    batch_size : int
        Images per forward pass; no result depends on it.
    threads : int

    Raises
    ------
    ValueError
        If there are more shards than images.
    """
    images = open_broden(data, **concepts).images
    number, n_shards = map(int, shard.split("-of-"))
    if n_shards > len(images):
        raise ValueError(f"activations.shards={n_shards} must be at most {len(images)}, the number of images of {data}")
    per_shard = -(-len(images) // n_shards)
    images = images[number * len(images) // n_shards : (number + 1) * len(images) // n_shards]
    facts = [version, network, concepts, input_size, [Path(path).stat().st_size for path in images], images]
    facts.append(hashlib.sha256(Path(weights).read_bytes()).hexdigest() if weights else "random")
    fingerprint = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    new = [layer for layer in layers if not has_activations(activation_store(mark, layer), fingerprint)]
    logger.info("of %s, to be recorded: %s", ", ".join(layers), ", ".join(new) or "none")
    if new:
        model = open_network(network["name"], weights=weights or None, device=device, **_without_name(network))
        geometry = Geometry(resize=(input_size, input_size), crop=None)
        store = _PartialStore(mark, new, fingerprint, images_per_chunk=per_shard)
        with Recorder(model.module, new) as recorder:

            def record(first):
                batch = load_batch(images[first : first + batch_size], geometry, threads=1)
                return {layer: maps.cpu().numpy() for layer, maps in recorder(model.to_input(batch)).items()}

            starts = range(store.n_done, len(images), batch_size)
            with Progress(total=len(images), initial=store.n_done, unit="image") as progress:
                for outputs in map_in_order(record, starts, threads=threads):
                    store.add(outputs, len(images))
                    progress.update(len(outputs[new[0]]))
        store.finish(len(images))
    write_mark(mark, fingerprint=fingerprint)


def _without_name(network):
    return {key: value for key, value in network.items() if key != "name"}


class _PartialStore:
    """The stores being written, block by block, with a note of how far they are complete."""

    def __init__(self, mark, layers, fingerprint, *, images_per_chunk):
        self._target, self._layers, self._fingerprint = mark, layers, fingerprint
        self._images_per_chunk = images_per_chunk
        self._folder = Path(mark).with_suffix(".partial")
        self._note = self._folder / "progress.json"
        self._waiting, self._n_waiting, self.n_done = [], 0, 0
        self._arrays = {}
        if self._note.is_file():
            note = json.loads(self._note.read_text())
            # layers that are not among the new ones were finished before the run was interrupted
            if note["fingerprint"] == fingerprint and set(layers) <= set(note["layers"]):
                self.n_done = note["n_done"]
                self._arrays = {
                    layer: zarr.open_array(str(self._folder / f"{layer}.zarr"), mode="r+", config=WRITE_ALL)
                    for layer in layers
                }
                logger.info("going on after %d images of an interrupted run", self.n_done)
                return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    def add(self, outputs, n_images):
        """Take the activations of the next images and write whenever a block is full."""
        if not self._arrays:
            shapes = {layer: maps.shape[1:] for layer, maps in outputs.items()}
            per_chunk = min(images_per_block(list(shapes.values())), self._images_per_chunk)
            self._arrays = {
                layer: create_activations(
                    self._folder / f"{layer}.zarr", (n_images, *shape), images_per_chunk=per_chunk
                )
                for layer, shape in shapes.items()
            }
        self._waiting.append(outputs)
        self._n_waiting += len(outputs[self._layers[0]])
        per_block = self._arrays[self._layers[0]].chunks[0]
        while self._n_waiting >= per_block:
            self._write(per_block)

    def _write(self, n):
        joined = {layer: np.concatenate([outputs[layer] for outputs in self._waiting]) for layer in self._layers}
        for layer, maps in joined.items():
            self._arrays[layer][self.n_done : self.n_done + n] = maps[:n]
        self.n_done += n
        self._n_waiting -= n
        self._waiting = [{layer: maps[n:] for layer, maps in joined.items()}]
        note = self._note.with_suffix(".part")
        note.write_text(
            json.dumps({"fingerprint": self._fingerprint, "layers": list(self._arrays), "n_done": self.n_done})
        )
        os.replace(note, self._note)

    def finish(self, n_images):
        """Write the rest and give the stores their names."""
        if self._n_waiting:
            self._write(self._n_waiting)
        if self.n_done != n_images:
            raise ValueError(f"{self.n_done} of {n_images} images were recorded")
        for layer, array in self._arrays.items():
            finish_activations(array, activation_store(self._target, layer), fingerprint=self._fingerprint)
        shutil.rmtree(self._folder)
