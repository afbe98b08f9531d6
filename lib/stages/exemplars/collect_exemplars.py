"""Stage: merge the tallies of all images and write the exemplars of each unit, with masks of its activation."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ...data.formats.exemplars import create_exemplars
from ...data.images.inputs import open_inputs
from ...data.images.photographs import Geometry
from ...data.stores.tables import write_table
from ...data.stores.tallies import iterate_tallies
from ...kernels.activations.selection import choose_units
from ...kernels.activations.tally import UnitTally
from ...kernels.activations.upsampling import exemplar_masks
from ...models.build.loading import open_network
from ...models.recording.generating import generate
from ...runtime.atomic import new_folder
from ...runtime.blocks import whole_blocks
from ...runtime.checksums import seal_folder
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def collect_exemplars(
    *,
    images: str,
    weights: str | list[str],
    tallies: list[str],
    exemplars: str,
    units: str,
    layers: list[str],
    chosen: Mapping[str, list[int] | int | None],
    seed: int,
    network: dict | None,
    geometry: dict | None,
    output_size: int,
    trusted_sha256: list[str],
    device: str,
    batch_size: int,
    threads: int,
) -> None:
    """Write the exemplar folder of all layers in MILAN's layout; the chosen images are read, or generated, again.

    Parameters
    ----------
    images : str
        Table of the images, whose ids are the numbers of the rows; or the samples of a generator.
    weights : str or list of str
        Checkpoint of the generator; an empty list for random weights or images in files.
    tallies : list of str
        Folders of `tally_units`, which cover all images for each layer.
    exemplars : str
        Output folder, one folder per layer.
    units : str
        Output table: status and activation bounds of every unit, and the threshold of its masks.
    layers : list of str
    chosen : mapping of str to (list of int, int or None)
        Which of the tallied units of each layer, as for `choose_units`; all of those of other layers.
    seed : int
    network : dict or None
        The generator, as for `tally_units`; None for images in files.
    geometry : dict or None
        Arguments of `Geometry`; None for samples.
    output_size : int
        Height and width of the stored images and masks. Images show the network's input, or output, at this resolution.
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
    batch_size, threads : int
        They do not change results.

    References
    ----------
    MILAN (Hernandez et al. 2022), section 3.
    """
    source = open_inputs(images, geometry and _shown(Geometry(**geometry), output_size))
    if network:
        model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    tables, albums = [], []
    with new_folder(exemplars) as draft:
        for layer in layers:
            tally = _merge(iterate_tallies(tallies, layer, n_images=len(source)), n_images=len(source))
            kept = choose_units(len(tally.units), chosen.get(layer), layer=layer, seed=seed)
            thresholds = tally.thresholds()
            tables.append(_table(layer, tally, thresholds).iloc[kept])
            ids, activations = (values[kept] for values in tally.best())
            pictures, masks = create_exemplars(
                draft, layer, units=tally.units[kept], ids=ids, activations=activations, size=output_size
            )
            _write_masks(masks, tally.maps()[kept], thresholds[kept], threads)
            albums.append(_Album(ids, pictures))

        def show(chosen: list[int]) -> tuple[list[int], np.ndarray]:
            loaded = source.load(chosen)
            if not network:
                return chosen, loaded[0]
            square = Geometry(resize=(output_size, output_size), crop=None)
            return chosen, np.stack([square.apply(picture) for picture in generate(model, loaded)])

        needed = np.unique(np.concatenate([album.ids.reshape(-1) for album in albums])).tolist()
        per_batch = whole_blocks(batch_size)
        batches = [needed[i : i + per_batch] for i in range(0, len(needed), per_batch)]
        with Progress(total=len(needed), desc="chosen images", unit="image") as progress:
            for chosen, loaded in map_in_order(show, batches, threads=threads):
                loaded = np.ascontiguousarray(loaded.transpose(0, 3, 1, 2))
                for album in albums:
                    album.add(chosen, loaded)
                progress.update(len(chosen))
        for album in albums:
            album.pictures.flush()
        for layer in layers:
            seal_folder(draft / layer)
        write_table(pd.concat(tables, ignore_index=True), units, "units")


def _shown(geometry: Geometry, size: int) -> Geometry:
    """Return the geometry of the network's input, scaled to another size."""
    if geometry.crop is None:
        return replace(geometry, resize=(size, size))
    if geometry.resize is None:
        if size != geometry.crop:
            raise ValueError(
                f"exemplars of {size} pixels cannot show a crop of {geometry.crop} pixels of images that are not "
                f"resized; set output_size={geometry.crop}, or give `resize`"
            )
        return geometry
    sides = geometry.resize if isinstance(geometry.resize, tuple) else (geometry.resize,)
    scaled = tuple(round(size / geometry.crop * side) for side in sides)
    return replace(geometry, resize=scaled if len(scaled) == 2 else scaled[0], crop=size)


def _merge(tallies: Iterator[dict[str, np.ndarray]], *, n_images: int) -> UnitTally:
    """Merge tallies in the order of their images."""
    tally = UnitTally.restore(next(tallies), n_here=n_images)
    for arrays in tallies:
        tally.merge(arrays)
    return tally


def _table(layer: str, tally: UnitTally, thresholds: np.ndarray) -> pd.DataFrame:
    """Return the rows of the table `units`."""
    low, high, status = tally.bounds()
    columns = {"layer": layer, "unit": tally.units, "status": status, "minimum": low, "maximum": high}
    return pd.DataFrame({**columns, "threshold": np.where(status == "nan", np.nan, thresholds)})


def _write_masks(masks: np.ndarray, maps: np.ndarray, thresholds: np.ndarray, threads: int) -> None:
    size = masks.shape[-1]

    def mask(row: int) -> np.ndarray:
        return exemplar_masks(maps[row], np.full(len(maps[row]), thresholds[row]), size=size)

    for row, found in enumerate(map_in_order(mask, range(len(maps)), threads=threads)):
        masks[row, :, 0] = found
    masks.flush()


class _Album:
    """The exemplar images of one layer, filled image by image."""

    def __init__(self, ids: np.ndarray, pictures: np.ndarray) -> None:
        self.ids, self.pictures = ids, pictures
        self._order = np.argsort(ids, axis=None, kind="stable")
        self._sorted = ids.reshape(-1)[self._order]

    def add(self, chosen: list[int], loaded: np.ndarray) -> None:
        """Write these images to their exemplars."""
        for index, picture in zip(chosen, loaded):
            first, last = np.searchsorted(self._sorted, [index, index + 1])
            rows, ranks = np.unravel_index(self._order[first:last], self.ids.shape)
            self.pictures[rows, ranks] = picture
