"""Planted units: activation maps whose cause is known."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import ndimage

from .atoms import Atoms
from .beam import ConceptCounts
from .formula import AND, AND_NOT, OPERATOR_NAMES, OR, Formula

CASES = ("plain", "together", "outside", "none")
SMALLEST_SHARE = 0.002
LARGEST_SHARE = 0.4
LEAST_EFFECT = 0.1
REDUCTION = 4
"""How many pixels of the mask grid a position of a planted map is high and wide."""
SECOND_WEIGHT = 0.5
"""Height of the second formula of a unit; the first has 1."""
N_PAIRS = 10
"""Number of pairs of concepts of which the case `together` draws."""
SHARE_TAKEN_OUT = 0.1
MOST_ALIKE = 0.25
"""A concept that is taken out has a smaller IoU than this with every other concept."""


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


def operator_patterns(lengths: Iterable[int]) -> list[tuple[int, ...]]:
    """Return every sequence of operators of formulas with the given lengths, in order."""
    return [pattern for length in lengths for pattern in itertools.product((OR, AND, AND_NOT), repeat=length - 1)]


def operators_text(operators: Iterable[int]) -> str:
    """Return operators as text, such as `OR, AND NOT`; a single concept has none."""
    return ", ".join(OPERATOR_NAMES[operator] for operator in operators)


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


def draw_formula(
    operators: tuple[int, ...],
    counts: ConceptCounts,
    *,
    rng: np.random.Generator,
    tries: int,
    first: Sequence[int] | None = None,
) -> Formula:
    """Draw a formula with given operators in which every concept matters on the data set.

    Its mask covers between 0.2 % and 40 % of all pixels, and each step changes the mask by at least a tenth of the
    larger of the masks before and after.

    Parameters
    ----------
    operators : tuple of int
    counts : ConceptCounts
    rng : numpy.random.Generator
    tries : int
    first : sequence of int or None
        The concepts of which one is the first of the formula; None for all.

    Returns
    -------
    Formula

    Raises
    ------
    ValueError
        If no such formula is found.
    """
    sizes = counts.sizes
    total = sizes.sum()
    for _ in range(tries):
        concepts = rng.choice(counts.n_concepts, size=len(operators) + 1, replace=False)
        if first is not None:
            concepts[0] = rng.choice(first)
            if concepts[0] in concepts[1:]:
                continue
        formula = Formula((int(concepts[0]),))
        before = counts.holds(formula)
        for operator, concept in zip(operators, concepts[1:]):
            formula = formula.extend(operator, int(concept))
            after = counts.holds(formula)
            changed, larger = sizes[before ^ after].sum(), max(sizes[before].sum(), sizes[after].sum())
            if changed < LEAST_EFFECT * larger:
                break
            before = after
        else:
            if SMALLEST_SHARE <= sizes[before].sum() / total <= LARGEST_SHARE:
                return formula
    raise ValueError(
        f"no formula with the operators ({operators_text(operators)}) found in {tries} tries; use more images"
    )


def concepts_together(atoms: Atoms) -> list[int]:
    """Return the concepts of the `N_PAIRS` pairs of concepts with the largest IoU, without those of the same pixels.

    Concepts that cover too little or too much for a formula are left out.

    Parameters
    ----------
    atoms : Atoms
    """
    alike, shares = concept_ious(atoms)
    fit = (shares >= SMALLEST_SHARE) & (shares <= LARGEST_SHARE)
    first, second = np.triu_indices(len(shares), 1)
    values = alike[first, second] * (fit[first] & fit[second])
    order = np.argsort(-np.where(values < 1, values, 0), kind="stable")[:N_PAIRS]
    return sorted({*first[order].tolist(), *second[order].tolist()})


def concept_ious(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Return the IoU of every two concepts, and the share of all pixels that each covers, as float64.

    Parameters
    ----------
    atoms : Atoms

    Returns
    -------
    ious : numpy.ndarray of shape (n_concepts, n_concepts), float64
        0 on the diagonal.
    shares : numpy.ndarray of shape (n_concepts,), float64
    """
    sizes, held = atoms.set_sizes(), atoms.incidence()
    both = (held.T @ held.multiply(sizes[:, None])).toarray()
    own = both.diagonal()
    ious = both / np.maximum(own[:, None] + own - both, 1)
    np.fill_diagonal(ious, 0)
    return ious, own / max(sizes.sum(), 1)


def draw_outsiders(atoms: Atoms, rng: np.random.Generator) -> np.ndarray:
    """Draw a tenth of the concepts that no other concept can stand for: their IoU with every other is below 0.25.

    Parameters
    ----------
    atoms : Atoms
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of int64
        Ascending.

    Raises
    ------
    ValueError
        If there is no such concept.
    """
    ious, shares = concept_ious(atoms)
    fit = (shares >= SMALLEST_SHARE) & (shares <= LARGEST_SHARE) & (ious.max(1) < MOST_ALIKE)
    if not fit.any():
        raise ValueError(
            f"every concept covers less than {SMALLEST_SHARE:g} or more than {LARGEST_SHARE:g} of all pixels, or has an "
            f"IoU of {MOST_ALIKE} or more with another one: none can be taken out of the vocabulary; use more images"
        )
    n_wanted = min(int(fit.sum()), max(1, round(SHARE_TAKEN_OUT * atoms.n_concepts)))
    return np.sort(rng.choice(np.flatnonzero(fit), n_wanted, replace=False))


def take_out(atoms: Atoms, concepts: Sequence[int] | np.ndarray) -> Atoms:
    """Return atoms in which some concepts hold nowhere; the numbers of all concepts stay.

    Parameters
    ----------
    atoms : Atoms
    concepts : sequence of int
    """
    kept = ~np.isin(atoms.set_concepts, concepts)
    ends = np.concatenate([[0], np.cumsum(kept)])
    return dataclasses.replace(atoms, set_start=ends[atoms.set_start], set_concepts=atoms.set_concepts[kept])


def draw_shapes(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw a disc on every other image, at random: its radius is a twelfth to a quarter of the height.

    Parameters
    ----------
    shape : tuple of int
        (n_images, H, W).
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (n_images, H, W), bool
    """
    n_images, height, width = shape
    chosen = rng.permutation(n_images)[: (n_images + 1) // 2]
    rows, columns = rng.uniform(0, height, n_images), rng.uniform(0, width, n_images)
    radii = rng.uniform(height / 12, height / 4, n_images)
    masks = np.zeros(shape, bool)
    y, x = np.ogrid[:height, :width]
    for image in chosen:
        masks[image] = (y + 0.5 - rows[image]) ** 2 + (x + 0.5 - columns[image]) ** 2 <= radii[image] ** 2
    return masks


def formula_mask(holds: np.ndarray, atoms: Atoms) -> np.ndarray:
    """Return where a formula holds, bool of shape (n_images, H, W); `holds` says for which concept sets it does."""
    return np.stack([atoms.image_mask(holds, image) for image in range(atoms.n_images)])


def planted_maps(masks: Sequence[np.ndarray], *, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return activation maps of a unit that is caused by masks, and by noise.

    A map is a quarter as high and wide as the masks. The signal at a position is the share of its pixels in the first
    mask, and half of that in the second one. Noise is white, blurred by one position. Both are scaled to the given
    shares of the variance.

    Parameters
    ----------
    masks : sequence of numpy.ndarray of shape (n_images, H, W), bool
        One or two; the first is the cause of the unit's highest activations.
    noise : float
        Share of the variance that is noise, from 0 to 1.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (n_images, h, w), float32
        Mean 0.
    """
    signal = sum(np.float32(weight) * _means(mask) for mask, weight in zip(masks, (1, SECOND_WEIGHT)))
    signal = signal.astype(np.float64)
    blurred = ndimage.gaussian_filter(rng.standard_normal(signal.shape), (0, 1, 1), mode="wrap")
    parts = [(1 - noise, signal), (noise, blurred)]
    total = sum(np.sqrt(share) * (values - values.mean()) / values.std() for share, values in parts if share > 0)
    return total.astype(np.float32)


def _means(mask: np.ndarray) -> np.ndarray:
    """Return the means of blocks of about `REDUCTION` x `REDUCTION` pixels, float32."""
    rows, columns = (_blocks(n_pixels) for n_pixels in mask.shape[1:])
    # counts of pixels are whole numbers, exact in any order of summation
    counts = rows @ (mask.astype(np.float32) @ columns.T)
    return counts / (rows.sum(1)[:, None] * columns.sum(1))


def _blocks(n_pixels: int) -> np.ndarray:
    """Return which pixels belong to each block along one axis, float32 of shape (n_blocks, n_pixels)."""
    n_blocks = max(1, n_pixels // REDUCTION)
    return (np.arange(n_pixels) * n_blocks // n_pixels == np.arange(n_blocks)[:, None]).astype(np.float32)
