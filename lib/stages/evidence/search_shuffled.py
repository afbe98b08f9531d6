"""Stage: repeat the search for formulas after the maps of each unit are moved to other images."""

import zlib

import pandas as pd

from ...data.stores.activations import UnitMaps, iterate_units, open_activations
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.activations.range_codes import RangeCodes
from ...kernels.evidence.chance import search_nulls
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import parse_formula
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def search_shuffled(
    *,
    activations: str | list[str],
    explanations: str,
    concept_set: str,
    nulls: str,
    layer: str,
    n_shuffles: int,
    seed: int,
    search: str,
    seconds: float | None,
    length: int,
    beam: int,
    threads: int,
) -> None:
    """Write the largest IoU of a formula for each unit, range and shuffle of the images.

    Parameters
    ----------
    activations : str or list of str
        Folders of the shards of the activations.
    explanations : str
        Table of the formulas; rows whose status is `ok` are searched again, from their formula if that changes nothing.
    concept_set : str
        Store of the atoms.
    nulls : str
        Output table.
    layer : str
    n_shuffles : int
    seed : int
        With the layer, the unit and the number of the shuffle it decides the order of the images.
    search, seconds, length, beam
        As for `explain_units`.
    threads : int
        No result depends on it.
    """
    atoms, concepts = read_atoms(concept_set)
    counts, names = ConceptCounts(atoms), concepts["name"].tolist()
    table = read_table(explanations, "explanations")
    by_unit = {unit: rows[rows["status"] == "ok"] for unit, rows in table.groupby("unit", sort=True)}

    options = {"search": search, "seconds": seconds, "length": length, "beam": beam}

    def repeat(item: tuple[int, UnitMaps]) -> list[tuple]:
        unit, maps = item
        rows = by_unit[unit]
        if rows.empty:
            return []
        codes = RangeCodes(maps, atoms, lower=rows["lower"].to_numpy(), upper=rows["upper"].to_numpy())
        starts = [parse_formula(text, names) for text in rows["formula"]]
        shuffles = {"n_shuffles": n_shuffles, "seed": seed, "key": (zlib.crc32(layer.encode()), unit)}
        found = search_nulls(codes, atoms, counts, starts=starts, **shuffles, **options)
        return [
            (layer, unit, name, shuffle, iou)
            for shuffle, ious in enumerate(found)
            for name, iou in zip(rows["range"], ious)
        ]

    results = []
    items = iterate_units(open_activations(activations, layer), list(by_unit))
    for found in Progress(map_in_order(repeat, items, threads=threads), total=len(by_unit), unit="unit"):
        results.extend(found)
    write_table(pd.DataFrame(results, columns=list(COLUMNS["nulls"])), nulls, "nulls")
