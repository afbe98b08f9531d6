"""Synthetic units: activation maps with a known formula."""

import itertools
from collections.abc import Iterable

import numpy as np

from .beam import ConceptCounts
from .formula import AND, AND_NOT, OPERATOR_NAMES, OR, Formula

SMALLEST_SHARE = 0.002
LARGEST_SHARE = 0.4
LEAST_EFFECT = 0.1
HEIGHT = 10.0


def operator_patterns(lengths: Iterable[int]) -> list[tuple[int, ...]]:
    """Return every sequence of operators of formulas with the given lengths, in order."""
    return [pattern for length in lengths for pattern in itertools.product((OR, AND, AND_NOT), repeat=length - 1)]


def operators_text(operators: Iterable[int]) -> str:
    """Return operators as text, such as `OR, AND NOT`; a single concept has none."""
    return ", ".join(OPERATOR_NAMES[operator] for operator in operators)


def draw_formula(operators: tuple[int, ...], counts: ConceptCounts, *, rng: np.random.Generator, tries: int) -> Formula:
    """Draw a formula with given operators in which every concept matters on the data set.

    Its mask covers between 0.2 % and 40 % of all pixels, and each step changes the mask by at least a tenth of the
    larger of the masks before and after.

    Parameters
    ----------
    operators : tuple of int
    counts : ConceptCounts
    rng : numpy.random.Generator
    tries : int

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


def planted_maps(mask: np.ndarray, *, noise: float, n_levels: int, rng: np.random.Generator) -> np.ndarray:
    """Return activation maps that are high where a formula holds.

    The formula's pixels have a value near 10 that varies slightly per image, so that one activation cluster is the
    formula's mask. The other clusters are rectangles of lower, different heights; the rest is zero. Noise moves a share
    of the formula's pixels to elsewhere.

    Parameters
    ----------
    mask : numpy.ndarray of shape (n_images, H, W), bool
    noise : float
        Share of the formula's pixels that are dropped; as many others are raised.
    n_levels : int
        Number of clusters.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (n_images, H, W), float32
    """
    n_images, height, width = mask.shape
    maps = np.zeros(mask.shape, dtype=np.float32)
    for level in range(1, n_levels):
        for image in rng.choice(n_images, size=max(1, n_images // 4), replace=False):
            top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
            maps[image, top : top + height // 3, left : left + width // 3] = level * HEIGHT / (2 * n_levels)
    if noise:
        chosen = mask.reshape(-1).copy()
        inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        n_moved = min(int(noise * inside.size), outside.size)
        chosen[rng.choice(inside, n_moved, replace=False)] = False
        chosen[rng.choice(outside, n_moved, replace=False)] = True
        mask = chosen.reshape(mask.shape)
    values = HEIGHT + 0.01 * np.arange(n_images, dtype=np.float32) / n_images
    maps = np.where(mask, values[:, None, None], maps)
    # the ends of a cluster lie outside its open range: two single pixels take that place
    ends = np.flatnonzero(mask)[[0, -1]]
    maps.reshape(-1)[ends] = HEIGHT - 0.01, HEIGHT + 0.02
    return maps
