"""Stage: measure how well the units, latents or directions of a layer stand for single concepts."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from ...data.stores.activations import Activations, UnitMaps, iterate_units, open_activations
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import write_table
from ...kernels.activations.pooling import pool_maps
from ...kernels.activations.unit_pass import count_per_atom
from ...kernels.activations.unit_values import collect_values
from ...kernels.evidence.latent_quality import ConceptOverlaps, image_vectors, match_concepts, monosemanticity
from ...kernels.evidence.resampling import split_images
from ...kernels.metrics.formulas import EXPLAINED_ABOVE
from ...kernels.sparse.maps import SparseMaps, SparseUnit
from ...models.latents.latents import Latents, read_latents
from ...models.recording.layer_names import base_of
from ...runtime.blocks import on_rows
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress

BLOCK_BYTES = 64 * 2**20
# dense maps of some directions on all images
GROUP_BYTES = 256 * 2**20
Z95 = 1.959963984540054


def measure_latents(
    *,
    activations: list[str],
    latents: str | list[str],
    concept_set: str,
    sae_quality: str,
    sae_concepts: str,
    network: str,
    layer: str,
    entry: dict,
    quantile: float,
    seed: int,
    threads: int,
) -> None:
    """Write how well one set of units of a layer stands for single concepts: a row of all, and a row for each concept.

    Parameters
    ----------
    activations : list of str
        Folders of the shards of the activations of the layer itself.
    latents : str or list of str
        File of the latents; an empty list for the layer's own units.
    concept_set : str
        Store of the atoms.
    sae_quality, sae_concepts : str
        Output tables.
    network : str
    layer : str
        `{layer}` or `{layer}#{name}`.
    entry : dict
        sae (name of the autoencoder that the set belongs to), kind and seed, for the tables.
    quantile : float
        Upper tail of activations that is the bitmap of a unit.
    seed : int
        Of the halves of the images.
    threads : int
        No result depends on it.

    Raises
    ------
    ValueError
        If the latents are of another width.
    """
    atoms, concepts = read_atoms(concept_set)
    store = open_activations(activations, base_of(layer))
    overlaps, vectors = ConceptOverlaps(atoms, split_images(atoms.n_images, seed=seed)), image_vectors(atoms)
    explained, units, n_units = np.nan, iterate_units(store, range(store.shape[1])), store.shape[1]
    if latents:
        own = read_latents(latents if isinstance(latents, str) else latents[0])
        n_units = own.n_latents
        if own.is_sparse:
            maps, explained = _encode(store, own, layer=layer)
            units = _units_of(maps)
        else:
            units = _project(store, own, layer=layer)

    def measure(item: tuple[int, UnitMaps | SparseUnit]) -> tuple:
        _, maps = item
        values = collect_values(maps, quantile=quantile)
        shared, totals = np.zeros((2, atoms.n_concepts), np.int64), np.zeros(2, np.int64)
        if values.status != "ok":
            return values.status, shared, totals, np.nan, _count_active(maps)
        lower, upper, _, status = values.top_range(quantile)
        if status == "ok":
            (per_atom,) = count_per_atom(maps, atoms, lower=np.array([lower]), upper=np.array([upper]))
            shared, totals = overlaps.of(per_atom)
        score = monosemanticity(pool_maps(maps, "mean"), vectors)
        return values.status, shared, totals, score, _count_active(maps)

    done = Progress(map_in_order(measure, units, threads=threads), total=n_units, unit="unit")
    statuses, shared, totals, scores, n_active = zip(*done, strict=True)
    found = match_concepts(np.stack(shared), np.stack(totals), overlaps.sizes)
    scores = np.array(scores)[np.isfinite(scores)]
    mean = scores.mean() if len(scores) else np.nan
    margin = Z95 * scores.std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else np.nan
    head = {"network": network, "layer": base_of(layer), **entry}
    row = head | {
        "n_latents": n_units,
        "n_images": atoms.n_images,
        "explained": explained,
        "l0": sum(n_active) / (store.shape[0] * store.shape[2] * store.shape[3]),
        "dead": statuses.count("dead") / n_units,
        "monosemanticity": mean,
        "monosemanticity_low": mean - margin,
        "monosemanticity_high": mean + margin,
        "n_scored": len(scores),
        "n_concepts": atoms.n_concepts,
        "iou": found.iou.mean(),
        "iou_single": found.single_iou.mean(),
        "iou_unseen": found.iou_unseen.mean(),
        "n_found": int((found.iou_unseen > EXPLAINED_ABOVE).sum()),
    }
    write_table(pd.DataFrame([row])[list(COLUMNS["sae_quality"])], sae_quality, "sae_quality")
    columns = {
        "concept": concepts["name"].to_numpy(),
        "unit": found.unit,
        "iou": found.iou,
        "iou_unseen": found.iou_unseen,
        "unit_single": found.single_unit,
        "iou_single": found.single_iou,
    }
    table = pd.DataFrame(columns).assign(**head)[list(COLUMNS["sae_concepts"])]
    write_table(table, sae_concepts, "sae_concepts")


def _encode(store: Activations, latents: Latents, *, layer: str) -> tuple[SparseMaps, float]:
    """Encode a layer, and return the latents without their zeros and the share of the variance that they explain.

    Sums are made image by image, so that they do not depend on how the images are stored.
    """
    parts, of_images = [], []
    for block in store.blocks(slice(None), most_bytes=BLOCK_BYTES):
        maps, start = torch.from_numpy(np.ascontiguousarray(block)), 0
        for codes in latents.parts_of(maps, layer=layer):
            own = maps[start : start + len(codes)]
            start += len(codes)
            made = on_rows(latents.decode, codes.permute(0, 2, 3, 1).flatten(0, 2))
            rows = own.permute(0, 2, 3, 1).reshape(len(own), -1, own.shape[1]).numpy().astype(np.float64)
            lost = np.square(rows - made.view(rows.shape).numpy()).sum((1, 2))
            of_images.append(np.column_stack([lost, np.square(rows).sum((1, 2)), rows.sum(1)]))
            parts.append(SparseMaps.of_dense(codes.numpy()))
    sums = np.concatenate(of_images)
    n_samples = store.shape[0] * store.shape[2] * store.shape[3]
    lost, squares, *means = sums.sum(0)
    variance = squares - np.square(means).sum() / n_samples
    return SparseMaps.join(parts), 1 - lost / variance if variance > 0 else np.nan


def _units_of(maps: SparseMaps) -> Iterator[tuple[int, SparseUnit]]:
    """Yield each unit with its maps."""
    shape = (maps.shape[0], *maps.shape[2:])
    for unit, (first, last) in enumerate(zip(maps.start[:-1], maps.start[1:], strict=True)):
        own = slice(int(first), int(last))
        yield unit, SparseUnit(shape, maps.images[own], maps.positions[own], maps.values[own])


def _project(store: Activations, latents: Latents, *, layer: str) -> Iterator[tuple[int, UnitMaps]]:
    """Yield each direction with the projections on it, some directions at a time."""
    step = max(1, GROUP_BYTES // store.bytes_per_unit)
    for first in range(0, latents.n_latents, step):
        chosen = slice(first, min(first + step, latents.n_latents))
        own = latents.tensors
        tensors = {name: own[name][chosen] for name in ("encoder_bias", "decoder", "threshold")}
        tensors |= {"encoder": own["encoder"][:, chosen], "decoder_bias": own["decoder_bias"]}
        part = Latents(tensors, latents.about)
        blocks = store.blocks(slice(None), most_bytes=BLOCK_BYTES)
        maps = [
            part.encode_maps(torch.from_numpy(np.ascontiguousarray(block)), layer=layer).numpy() for block in blocks
        ]
        whole = np.concatenate(maps)
        for place in range(whole.shape[1]):
            yield first + place, UnitMaps(store, first + place, np.ascontiguousarray(whole[:, place]))


def _count_active(maps: UnitMaps | SparseUnit) -> int:
    """Return how many values of a unit are not 0."""
    return len(maps.values) if isinstance(maps, SparseUnit) else sum(np.count_nonzero(block) for block in maps)
