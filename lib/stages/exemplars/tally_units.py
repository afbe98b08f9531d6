"""Stage: tally the units of a network on a shard of the images: candidates for exemplars, and values for thresholds."""

import logging
import shutil
import time
from pathlib import Path

import numpy as np

from ...data.images.inputs import Samples, open_inputs
from ...data.images.photographs import Geometry
from ...data.stores.tallies import read_tally, write_tally
from ...kernels.activations.tally import UnitTally
from ...kernels.sparse.maps import SparseMaps
from ...models.build.loading import open_network
from ...models.device import prepare_device, processor
from ...models.recording.generating import generate
from ...models.recording.recorder import as_arrays, open_recorder
from ...runtime.blocks import whole_blocks
from ...runtime.checksums import digest_of
from ...runtime.fingerprints import fingerprint, fingerprint_inputs
from ...runtime.parallel import map_in_order
from ...runtime.parts import Part
from ...runtime.progress import Progress
from ...runtime.unfinished import UnfinishedFolder

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_SAVES = 300


def tally_units(
    *,
    images: str,
    weights: str | list[str],
    tally: str,
    layers: list[str],
    shard: str,
    network: dict,
    geometry: dict | None,
    k: int,
    quantile: float,
    max_units: int | None,
    version: str,
    trusted_sha256: list[str],
    device: str,
    batch_size: int,
    threads: int,
) -> None:
    """Write the tally of each layer over the images of a shard, from one forward pass.

    The tally is saved to `<tally>.part` every few minutes, from which the next run resumes after an interruption if the
    inputs are unchanged.

    Parameters
    ----------
    images : str
        Table of the images, whose ids are the numbers of the rows; or the samples of a generator.
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    tally : str
        Output folder: one file per layer, see `UnitTally`.
    layers : list of str
    shard : str
        Part of the images, such as `0-of-4` for the first quarter.
    network : dict
        Settings for `open_network`.
    geometry : dict or None
        Arguments of `Geometry`; None for samples.
    k : int
        Images per unit.
    quantile : float
        The mask of an exemplar shows where a unit exceeds this quantile of all its activations.
    max_units : int or None
        Maximum number of units per layer, evenly spaced.
    version : str
        Fingerprint of the code, so that partial results of other code are discarded.
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
    batch_size, threads : int
        They do not change results.

    Raises
    ------
    ValueError
        If there are more shards than images, or if a generator makes no images of its samples.

    References
    ----------
    MILAN (Hernandez et al. 2022), section 3.
    """
    source = open_inputs(images, geometry and Geometry(**geometry))
    n_images = len(source)
    part = Part.parse(shard)
    if part.count > n_images:
        raise ValueError(f"exemplars.shards={part.count} must be at most {n_images}, the number of images in {images}")
    here = part.span(n_images)
    first, last = here.start, here.stop
    if k > n_images:
        logger.warning(
            "each unit gets %d exemplars, one per image, instead of %d; config key datasets.*.k", n_images, k
        )
    counting = {"k": min(k, n_images), "quantile": quantile, "max_units": max_units}
    facts = {"version": version, "layers": layers, "shard": shard, "network": network, "geometry": geometry, **counting}
    latents = [digest_of(path) for path in network.get("latents", {}).values()]
    own_processor = processor(prepare_device(device))
    facts |= {"samples": source.digest, "processor": own_processor, "latents": latents}
    key = fingerprint(facts, fingerprint_inputs(source.files, weights))
    saved = _Saved(Path(tally), layers, key, processor=own_processor)
    tallies = saved.restore(n_here=last - first)
    n_done = tallies[layers[0]].n_done if tallies else 0
    model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    if isinstance(source, Samples):
        generate(model, source.load([first]))  # raises if the network is no generator of these samples

    per_batch = whole_blocks(batch_size)
    with open_recorder(model, layers, sparse=True) as recorder:

        def record(start: int) -> dict[str, np.ndarray | SparseMaps]:
            batch = source.load(range(start, min(start + per_batch, last)))
            return as_arrays(recorder(*model.to_inputs(batch)))

        starts = range(first + n_done, last, per_batch)
        with Progress(total=last - first, initial=n_done, unit="image") as progress:
            for outputs in map_in_order(record, starts, threads=threads):
                for layer, maps in outputs.items():
                    if layer not in tallies:
                        tallies[layer] = _new_tally(maps, first, last, n_images=n_images, **counting)
                    tallies[layer].add(maps)
                progress.update(len(maps))
                saved.save_now_and_then(tallies)
    for layer in layers:
        if not tallies[layer].is_exact:
            logger.info("layer %s: too many activations to keep; thresholds come from histograms", layer)
    saved.finish(tallies)


def _new_tally(
    maps: np.ndarray | SparseMaps,
    first: int,
    last: int,
    *,
    n_images: int,
    k: int,
    quantile: float,
    max_units: int | None,
) -> UnitTally:
    n_units, sparse = maps.shape[1], isinstance(maps, SparseMaps)
    n_taken = min(n_units, max_units or n_units)
    units = np.arange(n_taken) * n_units // n_taken
    facts = {"n_images": n_images, "k": k, "quantile": quantile, "first": first, "n_here": last - first}
    return UnitTally(units, maps.shape[2:], sparse=sparse, **facts)


class _Saved:
    """Saved states of unfinished tallies: one folder per save, of which the last is marked."""

    def __init__(self, target: Path, layers: list[str], fingerprint: str, *, processor: str) -> None:
        self._folder, self._layers = UnfinishedFolder(target, fingerprint), layers
        self._processor = processor
        self._last = time.monotonic()

    def restore(self, *, n_here: int) -> dict[str, UnitTally]:
        """Return {layer: tally} as last saved, empty if there is no matching state."""
        if not self._folder.n_done:
            return {}
        saved = self._folder.path / str(self._folder.n_done)
        return {layer: UnitTally.restore(read_tally(saved, layer), n_here=n_here) for layer in self._layers}

    def save_now_and_then(self, tallies: dict[str, UnitTally]) -> None:
        """Save if the last time was some minutes ago."""
        if time.monotonic() - self._last < SECONDS_BETWEEN_SAVES:
            return
        name = self._write(tallies)
        self._folder.mark(int(name))
        for other in self._folder.path.iterdir():
            if other.is_dir() and other.name != name:
                shutil.rmtree(other)
        self._last = time.monotonic()

    def _write(self, tallies: dict[str, UnitTally]) -> str:
        name = str(tallies[self._layers[0]].n_done)
        for layer in self._layers:
            arrays = tallies[layer].arrays() | {"processor": np.array(self._processor)}
            write_tally(self._folder.path / name, layer, arrays)
        return name

    def finish(self, tallies: dict[str, UnitTally]) -> None:
        """Write the complete tallies and rename the folder."""
        self._folder.finish(self._write(tallies))
