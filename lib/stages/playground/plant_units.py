"""Stage: plant units with known causes, and gather the evidence for the formulas that the search finds for them."""

import zlib
from functools import cached_property

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import write_table
from ...kernels.activations.range_codes import RangeCodes
from ...kernels.activations.ranges import top_range
from ...kernels.evidence.chance import search_nulls
from ...kernels.evidence.resampling import bootstrap_weights, select_images, split_images
from ...kernels.evidence.stability import Replicates, search_replicates
from ...kernels.evidence.unseen import N_REPLICATES, Halves, cross_fit
from ...kernels.search import planting
from ...kernels.search.atoms import Atoms
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.explaining import explain_bitmap
from ...kernels.search.formula import Formula, canonical, evaluate, format_formula
from ...runtime.parts import Part
from ...runtime.progress import Progress

KEY = zlib.crc32(b"planted")
TRIES = 20_000


class Probe:
    """Images and a vocabulary, with what all units that see them share.

    Parameters
    ----------
    atoms : Atoms
    n_bootstraps, seed : int
        For `bootstrap_weights`; the seed also for `split_images`.
    """

    def __init__(self, atoms: Atoms, *, n_bootstraps: int, seed: int) -> None:
        self.atoms, self.counts = atoms, ConceptCounts(atoms)
        self._n_bootstraps, self._seed = n_bootstraps, seed

    @cached_property
    def halves(self) -> Halves:
        """The halves of the images."""
        return Halves(self.atoms, split_images(self.atoms.n_images, seed=self._seed))

    @cached_property
    def weights(self) -> np.ndarray:
        """The bootstrap weights for intervals of the IoU on unseen images."""
        return bootstrap_weights(self.atoms.n_images, N_REPLICATES, seed=self._seed)

    @cached_property
    def replicates(self) -> Replicates:
        """The bootstrap replicates for stability."""
        weights = bootstrap_weights(self.atoms.n_images, self._n_bootstraps, seed=self._seed)
        return Replicates(self.atoms, self.counts, weights)

    @cached_property
    def together(self) -> list[int]:
        """The concepts that nearly always occur together with another one."""
        return planting.concepts_together(self.atoms)

    def share(self, formula: Formula) -> float:
        """Return the share of all pixels that a formula covers."""
        return float(self.counts.sizes[self.counts.holds(formula)].sum() / self.counts.sizes.sum())

    def mask(self, formula: Formula) -> np.ndarray:
        """Return where a formula holds, bool of shape (n_images, H, W)."""
        return planting.formula_mask(self.counts.holds(formula), self.atoms)


def plant_units(
    *,
    concept_set: str,
    planted: str,
    nulls: str,
    chunk: str,
    lengths: list[int],
    noises: list[float],
    images: list[int],
    repeats: int,
    n_shuffles: int,
    n_bootstraps: int,
    seed: int,
    search: str,
    seconds: float | None,
    length: int,
    beam: int,
) -> None:
    """Write what is planted in each unit of a chunk, and the evidence for the formula that is found.

    Parameters
    ----------
    concept_set : str
        Store of the atoms.
    planted, nulls : str
        Output tables, as `planted_parts` and `nulls`.
    chunk : str
        Such as `0-of-4`: every fourth unit, from the first.
    lengths, noises, repeats
        As for `plan_units`; formulas longer than those of the search are not planted.
    images : list of int
        Numbers of images that units see, besides all; those that the concept set does not have are left out.
    n_shuffles, n_bootstraps, seed : int
    search, seconds, length, beam
        As for `explain_units`.

    Raises
    ------
    ValueError
        If all formulas are longer than those of the search.
    """
    fitting = [one for one in lengths if one <= length]
    if not fitting:
        raise ValueError(
            f"playground.planted.lengths={lengths} are all above explanations.length={length}, so that no planted formula "
            "could be found: give a smaller length."
        )
    options = {"search": search, "seconds": seconds, "length": length, "beam": beam}
    atoms, concepts = read_atoms(concept_set)
    names = concepts["name"].tolist()
    sizes = [*sorted(size for size in images if size < atoms.n_images), atoms.n_images]
    units = planting.plan_units(lengths=fitting, noises=noises, sizes=sizes, repeats=repeats)
    part = Part.parse(chunk)
    chosen = range(part.number, len(units), part.count)
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(KEY,))).permutation(atoms.n_images)
    outsiders = planting.draw_outsiders(atoms, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(KEY, 0))))
    rows, drawn, size = [], [], None
    for number in Progress(chosen, unit="unit"):
        unit = units[number]
        if unit.n_images != size:
            size = unit.n_images
            seen = select_images(atoms, np.sort(order[:size]))
            whole = Probe(seen, n_bootstraps=n_bootstraps, seed=seed)
            partial = Probe(planting.take_out(seen, outsiders), n_bootstraps=n_bootstraps, seed=seed)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(KEY, 1, number)))
        maps, share, cause, second = _plant(unit, whole, outsiders, rng=rng)
        probe = partial if unit.case == "outside" else whole
        truth = cause if unit.case in planting.IN_VOCABULARY else None
        texts = ["" if formula is None else format_formula(formula, names) for formula in (cause, second)]
        found, ious = _evidence(maps, share, probe, truth=truth, names=names, number=number, **shuffles, **options)
        rows.append({...})
    write_table(pd.DataFrame(rows, columns=list(COLUMNS["planted_parts"])), planted, "planted_parts")
    write_table(pd.DataFrame(drawn, columns=list(COLUMNS["nulls"])), nulls, "nulls")
