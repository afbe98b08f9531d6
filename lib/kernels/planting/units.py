"""Planted units: which there are, what causes them, and their activations."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ..search.atoms import Atoms
from ..search.beam import ConceptCounts
from ..search.formula import Formula
from .formulas import concepts_together, draw_formula, operator_patterns
from .maps import draw_shapes, formula_means, mask_means, planted_maps

PLAIN, TOGETHER, OUTSIDE, NONE = CASES = ("plain", "together", "outside", "none")


@dataclasses.dataclass(frozen=True)
class PlantedUnit:
    """What is planted in one unit.

    Attributes
    ----------
    case : str
        One of `CASES`.
    noise : float
        Share of the variance of the activations that is noise.
    n_images : int
        Number of images that the unit sees.
    operators : tuple of int or None
        Of the formula; None if the cause has no formula, as an unlabelled shape has none.
    second : bool
        Whether a second formula raises the activations half as high.
    """

    case: str
    noise: float
    n_images: int
    operators: tuple[int, ...] | None
    second: bool = False

    @property
    def length(self) -> int:
        """Number of concepts of the formula; 0 if there is none."""
        return 0 if self.operators is None else len(self.operators) + 1


def plan_units(
    *, lengths: Sequence[int], noises: Sequence[float], sizes: Sequence[int], repeats: int
) -> list[PlantedUnit]:
    """Return the planted units in order: by number of images, then by case.

    Each combination of number of images, noise and length has `repeats` units of the case `plain`, of which every other
    one has a second formula. Each combination of number of images and noise has `repeats` units of the case `together`,
    with all lengths in turn, and `repeats` of the case `outside`: concepts taken out of the vocabulary and unlabelled
    shapes in turn. For each number of images there are as many units of the case `none` as of `together`. Operators
    take turns, so that every sequence of them comes.

    Parameters
    ----------
    lengths, noises, sizes
        Lengths of formulas, shares of noise, numbers of images.
    repeats : int
    """
    patterns = {length: itertools.cycle(operator_patterns([length])) for length in lengths}
    in_turn = itertools.cycle(lengths)
    units = []
    for size in sizes:
        for noise, length, repeat in itertools.product(noises, lengths, range(repeats)):
            units.append(PlantedUnit("plain", noise, size, next(patterns[length]), second=repeat % 2 == 1))
        for noise, _ in itertools.product(noises, range(repeats)):
            units.append(PlantedUnit("together", noise, size, next(patterns[next(in_turn)])))
        for noise, repeat in itertools.product(noises, range(repeats)):
            units.append(PlantedUnit("outside", noise, size, None if repeat % 2 else ()))
        units += [PlantedUnit("none", 1.0, size, None)] * (len(noises) * repeats)
    return units


@dataclasses.dataclass(frozen=True)
class Cause:
    """Activations of a planted unit, and why they are what they are.

    Attributes
    ----------
    maps : numpy.ndarray of shape (n_images, h, w), float32
    share : float
        Share of all pixels that the cause covers; for a unit without one, that of a concept drawn at random.
    formula : Formula or None
        The cause of the highest activations, if it has a name.
    second : Formula or None
        What raises the activations half as high.
    """

    maps: np.ndarray
    share: float
    formula: Formula | None = None
    second: Formula | None = None


def plant(
    unit: PlantedUnit, atoms: Atoms, counts: ConceptCounts, *, outsiders: Sequence[int], rng: np.random.Generator
) -> Cause:
    """Draw the cause of a unit, and its activations.

    Parameters
    ----------
    unit : PlantedUnit
    atoms : Atoms
        Of the images that the unit sees, with the whole vocabulary.
    counts : ConceptCounts
        Of the same atoms.
    outsiders : sequence of int
        The concepts that are taken out of the vocabulary for the case `outside`.
    rng : numpy.random.Generator
    """

    def covered(formula: Formula) -> float:
        return float(counts.sizes[counts.holds(formula)].sum() / counts.sizes.sum())

    def means(formula: Formula) -> np.ndarray:
        return formula_means(counts.holds(formula), atoms)

    if unit.case == NONE:
        anything = draw_formula((), counts, rng=rng)
        return Cause(planted_maps([means(anything)], noise=1.0, rng=rng), covered(anything))
    if unit.operators is None:
        shapes = draw_shapes(atoms.pixel_atoms.shape, rng)
        return Cause(planted_maps([mask_means(shapes)], noise=unit.noise, rng=rng), float(shapes.mean()))
    first = concepts_together(atoms) if unit.case == TOGETHER else outsiders if unit.case == OUTSIDE else None
    formula, second = draw_formula(unit.operators, counts, rng=rng, first=first), None
    signals = [means(formula)]
    if unit.second:
        second = draw_formula((), counts, rng=rng)
        signals.append(means(second))
    return Cause(planted_maps(signals, noise=unit.noise, rng=rng), covered(formula), formula, second)
