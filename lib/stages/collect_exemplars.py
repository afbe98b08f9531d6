"""Stage: find the images that excite each unit most, and where in them it is active."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.exemplars import create_exemplars
from lib.data.images import Geometry, load_batch
from lib.data.tables import read_table, write_table
from lib.kernels.quantiles import UpperTail
from lib.kernels.topk import TopImages
from lib.kernels.upsampling import exemplar_masks
from lib.models.loading import open_network
from lib.models.recorder import Recorder
from lib.parallel import map_in_order
from lib.progress import Progress


def collect_exemplars(
    *,
    images,
    weights,
    exemplars,
    units,
    layers,
    network,
    geometry,
    k,
    quantile,
    output_size,
    max_units,
    device,
    batch_size,
    threads,
):
    """Write the exemplar folder of all layers in MILAN's layout, from one pass over all images and one over the chosen.

    Parameters
    ----------
    images : str
        Table of the images; an image's id is the number of its row.
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    exemplars : str
        Output folder, one folder per layer.
    units : str
        Output table: state and activation bounds of every unit, and the threshold of its masks.
    layers : list of str
    network : dict
        name, trusted_sha256, normalisation, seed: as `open_network` takes them.
    geometry : dict
        resize, crop: as `Geometry` takes them.
    k : int
        Images per unit.
    quantile : float
        The mask shows where a unit exceeds this quantile of all its activations.
    output_size : int
        Height and width of the stored images and masks. Images show what the network saw, at this resolution.
    max_units : int or None
        Take at most so many units per layer, evenly spaced.
    device : str
    batch_size, threads : int
        No result depends on them.

    References
    ----------
    MILAN (Hernandez et al. 2022), section 3.
    """
    paths = read_table(images, "images")["path"].tolist()
    k = min(k, len(paths))
    options = {key: value for key, value in network.items() if key != "name"}
    model = open_network(network["name"], weights=weights or None, device=device, **options)
    shape = Geometry(**geometry)
    scale = output_size / geometry["crop"]
    shown = Geometry(resize=round(scale * geometry["resize"]), crop=output_size)
    with Recorder(model.module, layers) as recorder:

        def record(chosen):
            batch = load_batch([paths[i] for i in chosen], shape, threads=1)
            return chosen, {layer: maps.cpu().numpy() for layer, maps in recorder(model.to_input(batch)).items()}

        def passes(indices, label):
            batches = [indices[i : i + batch_size] for i in range(0, len(indices), batch_size)]
            with Progress(total=len(indices), desc=label, unit="image") as progress:
                for chosen, outputs in map_in_order(record, batches, threads=threads):
                    yield chosen, outputs
                    progress.update(len(chosen))

        tallies = {}
        for chosen, outputs in passes(list(range(len(paths))), "all images"):
            for layer, maps in outputs.items():
                if layer not in tallies:
                    tallies[layer] = _Tally(maps.shape, len(paths), k, quantile, max_units)
                tallies[layer].add(chosen[0], maps)

        partial = Path(exemplars).with_name(Path(exemplars).name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        writers = {layer: _Writer(partial, layer, tallies[layer], output_size) for layer in layers}
        needed = np.unique(np.concatenate([tallies[layer].ids.reshape(-1) for layer in layers]))
        for chosen, outputs in passes(needed.tolist(), "chosen images"):
            pictures = load_batch([paths[i] for i in chosen], shown, threads=threads)
            for layer, maps in outputs.items():
                writers[layer].add(chosen, pictures, maps)
    for writer in writers.values():
        writer.close()
    write_table(pd.concat([tallies[layer].table(layer) for layer in layers], ignore_index=True), units, "units")
    shutil.rmtree(exemplars, ignore_errors=True)
    os.replace(partial, exemplars)


class _Tally:
    """What one layer's first pass keeps of each unit."""

    def __init__(self, shape, n_images, k, quantile, max_units):
        n_units = shape[1]
        n_taken = min(n_units, max_units or n_units)
        self.units = np.arange(n_taken) * n_units // n_taken
        self._top = TopImages(n_taken, k)
        self._tail = UpperTail(n_taken, n_images * shape[2] * shape[3], quantile)
        self._low = np.full(n_taken, np.inf)
        self._high = np.full(n_taken, -np.inf)
        self._broken = np.zeros(n_taken, dtype=bool)

    def add(self, first, maps):
        """Take the activations of the next images."""
        maps = maps[:, self.units]
        values = maps.transpose(1, 0, 2, 3).reshape(len(self.units), -1)
        self._broken |= ~np.isfinite(values).all(axis=1)
        values = np.nan_to_num(values, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        self._low = np.minimum(self._low, values.min(axis=1))
        self._high = np.maximum(self._high, values.max(axis=1))
        self._tail.add(values)
        self._top.add(first, maps.max(axis=(2, 3)))

    @property
    def ids(self):
        """Images of each unit, best first."""
        return self._top.result()[0]

    @property
    def activations(self):
        """Their pooled activations."""
        return self._top.result()[1]

    @property
    def thresholds(self):
        """Quantile of each unit."""
        return self._tail.quantile()

    def table(self, layer):
        """Return the rows of the table `units`."""
        constant = self._low == self._high
        status = np.select(
            [self._broken, constant & (self._high == 0), constant], ["nan", "dead", "constant"], default="ok"
        )
        bounds = {"minimum": self._low, "maximum": self._high, "threshold": self.thresholds}
        bounds = {name: np.where(self._broken, np.nan, values) for name, values in bounds.items()}
        return pd.DataFrame({"layer": layer, "unit": self.units, "status": status, **bounds})


class _Writer:
    """Fills the exemplar files of one layer while the chosen images pass."""

    def __init__(self, root, layer, tally, size):
        self._units, self._ids, self._thresholds, self._size = tally.units, tally.ids, tally.thresholds, size
        self._images, self._masks = create_exemplars(
            root, layer, units=tally.units, ids=tally.ids, activations=tally.activations, size=size
        )
        order = np.argsort(self._ids, axis=None, kind="stable")
        self._order, self._sorted = order, self._ids.reshape(-1)[order]

    def add(self, chosen, pictures, maps):
        """Write the exemplars that these images are."""
        for index, picture, outputs in zip(chosen, pictures, maps):
            first, last = np.searchsorted(self._sorted, [index, index + 1])
            if first == last:
                continue
            rows, ranks = np.unravel_index(self._order[first:last], self._ids.shape)
            masks = exemplar_masks(outputs[self._units[rows]], self._thresholds[rows], size=self._size)
            self._images[rows, ranks] = picture.transpose(2, 0, 1)
            self._masks[rows, ranks, 0] = masks

    def close(self):
        """Bring everything to the disk."""
        self._images.flush()
        self._masks.flush()
