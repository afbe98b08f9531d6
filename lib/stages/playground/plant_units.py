"""Stage: plant units with known causes, and gather the evidence for the formulas that the search finds for them."""

import zlib

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.columns_evidence import GATHERED
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import write_table
from ...kernels.evidence.resampling import select_images
from ...kernels.planting.evidence import Probe, gather
from ...kernels.planting.formulas import draw_outsiders, operators_text, take_out
from ...kernels.planting.units import OUTSIDE, plan_units, plant
from ...kernels.search.formula import Formula, format_formula
from ...runtime.parts import Part
from ...runtime.progress import Progress

KEY = zlib.crc32(b"planted")
N_UNSEEN = 200


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
    planted : str
        Output table of the kind `planted_parts`.
    nulls : str
        Output table of the kind `nulls`; its layer is the number of images.
    chunk : str
        Such as `1-of-4`: every fourth unit, from unit 1.
    lengths, noises, repeats
        As for `plan_units`; formulas longer than those of the search are not planted.
    images : list of int
        Numbers of images that units see, besides all; larger ones than there are are left out.
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
            "can be found: add a smaller one."
        )
    atoms, concepts = read_atoms(concept_set)
    names = concepts["name"].tolist()
    order = _generator(seed, 0).permutation(atoms.n_images)
    outsiders = draw_outsiders(atoms, _generator(seed, 1))
    sizes = [*sorted(size for size in images if size < atoms.n_images), atoms.n_images]
    units = plan_units(lengths=fitting, noises=noises, sizes=sizes, repeats=repeats)
    options = {"search": search, "seconds": seconds, "length": length, "beam": beam}
    resampling = {"n_bootstraps": n_bootstraps, "n_unseen": N_UNSEEN, "seed": seed}

    def text(formula: Formula | None) -> str:
        return format_formula(formula, names) if formula else ""

    part, size = Part.parse(chunk), None
    rows, drawn = [], []
    for number in Progress(range(part.number, len(units), part.count), unit="unit"):
        unit = units[number]
        if unit.n_images != size:
            size = unit.n_images
            seen = select_images(atoms, np.sort(order[:size]))
            whole, partial = Probe(seen, **resampling), Probe(take_out(seen, outsiders), **resampling)
        cause = plant(unit, seen, whole.counts, outsiders=outsiders, rng=_generator(seed, 2, number))
        outside = unit.case == OUTSIDE
        found, measures, ious = gather(
            cause.maps,
            cause.share,
            partial if outside else whole,
            truth=None if outside else cause.formula,
            shuffles={"n_shuffles": n_shuffles, "seed": seed, "key": (KEY, 3, number)},
            search=options,
        )
        operators = operators_text(unit.operators or ())
        texts = text(cause.formula), text(cause.second), text(found)
        measured = [measures.get(name, np.nan) for name in GATHERED]
        rows.append((number, unit.case, unit.noise, size, unit.length, operators, cause.share, *texts, *measured))
        drawn += [(str(size), number, "top", shuffle, iou) for shuffle, iou in enumerate(ious)]
    write_table(pd.DataFrame(rows, columns=list(COLUMNS["planted_parts"])), planted, "planted_parts")
    write_table(pd.DataFrame(drawn, columns=list(COLUMNS["nulls"])), nulls, "nulls")


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(KEY, *key)))
