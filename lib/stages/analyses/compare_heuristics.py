"""Stage: compare the published estimates with the exact searches: scored candidates and run time."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from ...data.stores.activations import iterate_units, open_activations
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.activations.unit_pass import count_per_atom
from ...kernels.search.atoms import Atoms
from ...kernels.search.beam import ConceptCounts, Scored, search_beam
from ...kernels.search.estimates import ESTIMATES, Occurrences, search_by_estimate
from ...kernels.search.formula import format_formula
from ...kernels.search.optimal import search_optimal
from ...runtime.progress import Progress


def compare_heuristics(
    *,
    activations: str | list[str],
    ranges: str,
    concept_set: str,
    heuristics: str,
    units: int,
    length: int,
    beam: int,
    seconds: float | None,
) -> None:
    """Write the number of exactly scored candidates and the run time of each search, for some units of each layer.

    The searches are the four estimates, the exact beam, which finds the same formula by scoring all candidates at once,
    and the optimal search. `visited` counts candidates scored exactly; it is empty for the optimal search, which
    excludes formulas in groups. Work that serves the whole concept set (areas and rectangles of concepts, joint counts)
    is done before and left out of `seconds`, as is the pass over the activations. Times differ from run to run, so this
    table, unlike all others, is not reproducible.

    Parameters
    ----------
    activations : str or list of str
        Folders of the shards of the activations.
    ranges : str
        Table of the ranges of all units.
    concept_set : str
        Store of the atoms.
    heuristics : str
        Output table, one row per unit, range and search.
    units : int
        Units per layer, evenly spaced among those of the table.
    length : int
        Largest number of concepts in a formula.
    beam : int
        Formulas kept per step.
    seconds : float or None
        Time budget of the optimal search for one range; None for no limit.
    """
    atoms, concepts = read_atoms(concept_set)
    counts = ConceptCounts(atoms)
    occurrences = Occurrences(atoms, counts)
    names = concepts["name"].tolist()
    searches = _searches(occurrences, length=length, beam=beam, seconds=seconds)
    # warm-up: compiles the kernels and prepares the shared index
    warm_up = atoms.atom_size * (np.arange(len(atoms.atom_size)) % 2)
    for search in _searches(occurrences, length=length, beam=1, seconds=seconds).values():
        search(warm_up)
    results = []
    for row, per_atom in Progress(_bitmaps(activations, read_table(ranges, "ranges"), atoms, units), unit="range"):
        for name, search in searches.items():
            started = time.perf_counter()
            best, visited = search(per_atom)
            elapsed = time.perf_counter() - started
            text, iou = (format_formula(best.formula, names), best.iou) if best else ("", None)
            results.append((row.layer, row.unit, row.range, name, visited, elapsed, iou, text))
    columns = ["layer", "unit", "range", "search", "visited", "seconds", "iou", "formula"]
    table = pd.DataFrame(results, columns=columns)
    table["visited"] = table["visited"].astype("Int64")
    table["iou"] = table["iou"].astype(float)
    write_table(table, heuristics, "heuristics")


def _searches(occurrences: Occurrences, *, length: int, beam: int, seconds: float | None) -> dict[str, Callable]:
    """Return the searches by name; each takes the bitmap pixels per atom and returns a formula and the number of visited candidates."""
    atoms, counts = occurrences.atoms, occurrences.counts
    n_all = {}

    def by_estimate(estimate: str) -> Callable:
        def search(per_atom: np.ndarray) -> tuple[Scored | None, int]:
            visit = search_by_estimate(per_atom, occurrences, estimate=estimate, length=length, beam=beam)
            n_all[estimate] = visit.visited
            return visit.scored, visit.visited

        return search

    def exactly(per_atom: np.ndarray) -> tuple[Scored | None, int]:
        best = search_beam(_per_set(per_atom, atoms), counts, length=length, beam=beam)
        return best, n_all["none"]  # the same candidates

    def optimally(per_atom: np.ndarray) -> tuple[Scored | None, None]:
        values = _per_set(per_atom, atoms)
        return search_optimal(values, counts, length=length, beam=beam, seconds=seconds).scored, None

    return {estimate: by_estimate(estimate) for estimate in ESTIMATES} | {"beam": exactly, "optimal": optimally}


def _per_set(per_atom: np.ndarray, atoms: Atoms) -> np.ndarray:
    return np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)


def _bitmaps(activations: str | list[str], table: pd.DataFrame, atoms: Atoms, n_units: int) -> Iterator[tuple]:
    """Yield each range of the chosen units with its bitmap pixels per atom."""
    for layer, rows in table.groupby("layer", sort=False):
        units = np.unique(rows["unit"])
        chosen = units[np.arange(min(n_units, len(units))) * len(units) // min(n_units, len(units))]
        for unit, maps in iterate_units(open_activations(activations, layer), chosen.tolist()):
            usable = rows[(rows["unit"] == unit) & (rows["status"] == "ok")]
            bounds = {"lower": usable["lower"].to_numpy(), "upper": usable["upper"].to_numpy()}
            yield from zip(usable.itertuples(), count_per_atom(maps, atoms, **bounds))
