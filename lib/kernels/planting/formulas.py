"""Formulas that are planted, and concepts that are taken out of the vocabulary."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from ..search.atoms import Atoms
from ..search.beam import ConceptCounts
from ..search.formula import AND, AND_NOT, OPERATOR_NAMES, OR, Formula

SMALLEST_SHARE = 0.002
LARGEST_SHARE = 0.4
LEAST_EFFECT = 0.1
TRIES = 20_000
N_PAIRS = 10
"""Number of pairs of concepts of which `concepts_together` consist."""
SHARE_TAKEN_OUT = 0.1
MOST_ALIKE = 0.25
"""A concept that is taken out has a smaller IoU than this with every other concept."""


def operator_patterns(lengths: Iterable[int]) -> list[tuple[int, ...]]:
    """Return every sequence of operators of formulas with the given lengths, in order."""
    return [pattern for length in lengths for pattern in itertools.product((OR, AND, AND_NOT), repeat=length - 1)]


def operators_text(operators: Iterable[int]) -> str:
    """Return operators as text, such as `OR, AND NOT`; a single concept has none."""
    return ", ".join(OPERATOR_NAMES[operator] for operator in operators)


def draw_formula(
    operators: tuple[int, ...],
    counts: ConceptCounts,
    *,
    rng: np.random.Generator,
    tries: int = TRIES,
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
