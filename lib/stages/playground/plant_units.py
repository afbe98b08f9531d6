"""Stage: create units with known formulas, to test the search."""

import numpy as np
import pandas as pd

from ...data.stores.activations import create_activations, seal_activations
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import write_table
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import evaluate, format_formula
from ...kernels.search.planting import draw_formula, operator_patterns, operators_text, planted_maps
from ...runtime.atomic import new_folder
from ...runtime.progress import Progress

LAYER = "planted"
TRIES = 20_000


def plant_units(
    *,
    concept_set: str,
    activations: str,
    planted: str,
    lengths: list[int],
    noises: list[float],
    repeats: int,
    n_levels: int,
    seed: int,
) -> None:
    """Write activations in the form of a recorded layer, one unit per formula and noise level.

    Parameters
    ----------
    concept_set : str
        Store of the atoms.
    activations : str
        Output folder with the store of the layer `planted`, maps at the size of the mask grid.
    planted : str
        Output table: the true formula of each unit.
    lengths : list of int
        Lengths of the formulas; each is planted with every sequence of operators.
    noises : list of float
        Shares of a formula's pixels that are moved elsewhere.
    repeats : int
        Formulas per sequence of operators.
    n_levels : int
        Activation clusters of each unit; the formula is the highest.
    seed : int

    Raises
    ------
    ValueError
        If there are fewer than two clusters.
    """
    if n_levels < 2:
        raise ValueError(f"ranges.clusters={n_levels} must be at least 2: a planted formula is the highest cluster")
    atoms, concepts = read_atoms(concept_set)
    counts = ConceptCounts(atoms)
    patterns = [pattern for pattern in operator_patterns(lengths) for _ in range(repeats)]
    rows = []
    with new_folder(activations) as draft:
        shape = (atoms.n_images, len(patterns) * len(noises), *atoms.pixel_atoms.shape[1:])
        store = create_activations(draft / f"{LAYER}.zarr", shape, images_per_chunk=atoms.n_images, by_unit=True)
        for number, pattern in enumerate(Progress(patterns, unit="formula")):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
            formula = draw_formula(pattern, counts, rng=rng, tries=TRIES)
            mask = evaluate(formula, atoms.concept_mask)
            for noise in noises:
                unit = len(rows)
                store[:, unit] = planted_maps(mask, noise=noise, n_levels=n_levels, rng=rng)
                text = format_formula(formula, concepts["name"].tolist())
                rows.append((LAYER, unit, text, operators_text(pattern), formula.length, noise))
        seal_activations(draft / f"{LAYER}.zarr")
        columns = ["layer", "unit", "formula", "operators", "length", "noise"]
        write_table(pd.DataFrame(rows, columns=columns), planted, "planted")
