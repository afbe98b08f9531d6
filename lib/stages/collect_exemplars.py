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
    """Write the exemplar folder of all layers in MILAN's layout, from one pass over all images; the chosen are read again.

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
        As `open_network` takes it, with the name.
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
    if shape.crop is None:
        shown = Geometry(resize=(output_size, output_size), crop=None)
    else:
        shown = Geometry(resize=round(output_size / shape.crop * shape.resize), crop=output_size)

    def passes(work, indices, label):
        batches = [indices[i : i + batch_size] for i in range(0, len(indices), batch_size)]
        with Progress(total=len(indices), desc=label, unit="image") as progress:
            for chosen, outputs in map_in_order(work, batches, threads=threads):
                yield chosen, outputs
                progress.update(len(chosen))

    with Recorder(model.module, layers) as recorder:

        def record(chosen):
            batch = load_batch([paths[i] for i in chosen], shape, threads=1)
            return chosen, {layer: maps.cpu().numpy() for layer, maps in recorder(model.to_input(batch)).items()}

        tallies = {}
        for chosen, outputs in passes(record, list(range(len(paths))), "all images"):
            for layer, maps in outputs.items():
                if layer not in tallies:
                    tallies[layer] = _Tally(maps.shape, len(paths), k, quantile, max_units)
                tallies[layer].add(chosen[0], maps)

    def show(chosen):
        return chosen, load_batch([paths[i] for i in chosen], shown, threads=1)

    partial = Path(exemplars).with_name(Path(exemplars).name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    writers = [_Writer(partial, layer, tallies[layer], output_size) for layer in layers]
    needed = np.unique(np.concatenate([tallies[layer].ids.reshape(-1) for layer in layers]))
    for chosen, pictures in passes(show, needed.tolist(), "chosen images"):
        pictures = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        for writer in writers:
            writer.add_images(chosen, pictures)
    for writer in writers:
        writer.add_masks(threads)
        writer.close()
    write_table(pd.concat([tallies[layer].table(layer) for layer in layers], ignore_index=True), units, "units")
    shutil.rmtree(exemplars, ignore_errors=True)
    os.replace(partial, exemplars)


class _Tally:
    """What the pass over all images keeps of each unit of a layer."""

    def __init__(self, shape, n_images, k, quantile, max_units):
        n_units = shape[1]
        n_taken = min(n_units, max_units or n_units)
        self.units = np.arange(n_taken) * n_units // n_taken
        self._top = TopImages(n_taken, k)
        self._maps = np.empty((n_taken, k, *shape[2:]), dtype=np.float32)
        self._tail = UpperTail(n_taken, n_images * shape[2] * shape[3], quantile)
        self._low = np.full(n_taken, np.inf)
        self._high = np.full(n_taken, -np.inf)
        self._broken = np.zeros(n_taken, dtype=bool)

    def add(self, first, maps):
        """Take the activations of the next images."""
        if len(self.units) < maps.shape[1]:
            maps = maps[:, self.units]
        values = maps.reshape(*maps.shape[:2], -1)
        # NaN passes through both, so that they tell whether all values are finite
        low, high = values.min(axis=2), values.max(axis=2)
        self._broken |= ~(np.isfinite(low) & np.isfinite(high)).all(axis=0)
        self._low = np.minimum(self._low, low.min(axis=0))
        self._high = np.maximum(self._high, high.max(axis=0))
        self._tail.add(values)
        units, places, images = self._top.add(first, high)
        self._maps[units, places] = maps[images, units]

    @property
    def ids(self):
        """Images of each unit, best first."""
        return self._top.result()[0]

    @property
    def activations(self):
        """Their pooled activations."""
        return self._top.result()[1]

    def maps(self, row):
        """Return the maps of one unit on its images, best first."""
        return self._maps[row, self._top.places()[row]]

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
    """Fills the exemplar files of one layer."""

    def __init__(self, root, layer, tally, size):
        self._tally, self._ids, self._size = tally, tally.ids, size
        self._images, self._masks = create_exemplars(
            root, layer, units=tally.units, ids=tally.ids, activations=tally.activations, size=size
        )
        order = np.argsort(self._ids, axis=None, kind="stable")
        self._order, self._sorted = order, self._ids.reshape(-1)[order]

    def add_images(self, chosen, pictures):
        """Write the exemplars that these images are."""
        for index, picture in zip(chosen, pictures):
            first, last = np.searchsorted(self._sorted, [index, index + 1])
            rows, ranks = np.unravel_index(self._order[first:last], self._ids.shape)
            self._images[rows, ranks] = picture

    def add_masks(self, threads):
        """Write all masks."""
        thresholds = self._tally.thresholds

        def mask(row):
            return exemplar_masks(self._tally.maps(row), np.full(self._ids.shape[1], thresholds[row]), size=self._size)

        for row, masks in enumerate(map_in_order(mask, range(len(self._ids)), threads=threads)):
            self._masks[row, :, 0] = masks

    def close(self):
        """Bring everything to the disk."""
        self._images.flush()
        self._masks.flush()
