"""Stage: run several searches on the same bitmaps: formulas, scored candidates and run time."""

import time
import zlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.activations.unit_pass import count_per_atom
from ...kernels.estimates.occurrences import Occurrences
from ...kernels.estimates.searches import run_search
from ...kernels.search.atoms import Atoms
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import format_formula
from ...runtime.progress import Progress

COUNTS = ["visited", "expanded", "estimated"]


def compare_searches(
    *,
    activations: str | list[str],
    ranges: str,
    concept_set: str,
    compared: str,
    table: str,
    units: int,
    seed: int | None,
    chosen_ranges: list[str] | None,
    searches: list[str],
    lengths: list[int],
    beams: list[int],
    seconds: float | None,
) -> None:
    """Write what each search finds for some units of each layer, for every length and beam, and what it takes.

    Work that serves the whole concept set (areas and rectangles of concepts, joint counts) is done before and left out
    of `seconds`, as is the pass over the activations. Times differ from run to run, so these tables, unlike all others,
    are not reproducible.

    Parameters
    ----------
    activations : str or list of str
        Folders of the shards of the activations.
    ranges : str
        Table of the ranges of all units.
    concept_set : str
        Store of the atoms.
    compared : str
        Output table, one row per unit, range, search, length and beam.
    table : str
        `heuristics` (with what was visited, see `Visit` and `Outcome`) or `search_sweep`.
    units : int
        Units per layer.
    seed : int or None
        Of a random sample of the units; None for units evenly spaced among those of the table.
    chosen_ranges : list of str or None
        Names of the ranges; None for all.
    searches : list of str
        Among `SEARCHES`.
    lengths : list of int
        Largest numbers of concepts in a formula.
    beams : list of int
        Formulas kept per step.
    seconds : float or None
        Time budget of the optimal search for one range; None for no limit.
    """
    atoms, concepts = read_atoms(concept_set)
    occurrences = Occurrences(atoms, ConceptCounts(atoms))
    names = concepts["name"].tolist()
    runs = [(search, length, beam) for search in searches for length in lengths for beam in beams]
    # warm-up: compiles the kernels and prepares what serves all bitmaps
    warm_up = atoms.atom_size * (np.arange(len(atoms.atom_size)) % 2)
    for search in searches:
        run_search(search, warm_up, occurrences, length=min(3, max(lengths)), beam=1, seconds=seconds)
    rows = read_table(ranges, "ranges")
    rows = rows[rows["range"].isin(rows["range"] if chosen_ranges is None else chosen_ranges)]
    results = []
    for row, per_atom in Progress(_bitmaps(activations, rows, atoms, n_units=units, seed=seed), unit="range"):
        for search, length, beam in runs:
            started = time.perf_counter()
            found = run_search(search, per_atom, occurrences, length=length, beam=beam, seconds=seconds)
            elapsed = time.perf_counter() - started
            best = found.scored
            results.append(
                {
                    **{"layer": row.layer, "unit": row.unit, "range": row.range, "search": search},
                    **{
                        "length": length,
                        "beam": beam,
                        "seconds": elapsed,
                        **{name: getattr(found, name) for name in COUNTS},
                    },
                    "formula": format_formula(best.formula, names) if best else "",
                    "iou": best.iou if best else None,
                    "iou_upper_bound": found.upper_bound if best else None,
                    "optimal": bool(best) and found.optimal,
                }
            )
    found = pd.DataFrame(results, columns=list(COLUMNS["heuristics"] | COLUMNS["search_sweep"]))
    found[COUNTS] = found[COUNTS].astype("Int64")
    found[["iou", "iou_upper_bound"]] = found[["iou", "iou_upper_bound"]].astype(float)
    write_table(found[list(COLUMNS[table])], compared, table)


def _bitmaps(
    activations: str | list[str], table: pd.DataFrame, atoms: Atoms, *, n_units: int, seed: int | None
) -> Iterator[tuple]:
    """Yield each range of the chosen units with its bitmap pixels per atom."""
    for layer, rows in table.groupby("layer", sort=False):
        chosen = _choose(np.unique(rows["unit"]), n_units, None if seed is None else (seed, zlib.crc32(layer.encode())))
        for unit, maps in iterate_units(open_activations(activations, layer), chosen.tolist()):
            usable = rows[(rows["unit"] == unit) & (rows["status"] == "ok")]
            bounds = {"lower": usable["lower"].to_numpy(), "upper": usable["upper"].to_numpy()}
            yield from zip(usable.itertuples(), count_per_atom(maps, atoms, **bounds))


def _choose(units: np.ndarray, n_chosen: int, key: tuple[int, int] | None) -> np.ndarray:
    """Return some of the units, ascending: drawn at random by a key, or evenly spaced."""
    n_chosen = min(n_chosen, len(units))
    if key is None:
        return units[np.arange(n_chosen) * len(units) // n_chosen]
    generator = np.random.default_rng(np.random.SeedSequence(key[0], spawn_key=key[1:]))
    return np.sort(generator.choice(units, n_chosen, replace=False))
