"""Chance: how large the IoU of the best formula is when a unit's maps are moved to other images."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from scipy import stats

from ..activations.range_codes import RangeCodes
from ..search.atoms import Atoms
from ..search.beam import ConceptCounts
from ..search.explaining import explain_bitmap
from ..search.formula import Formula
from ..search.optimal import EXACT_LENGTH

FEW = 10
"""With fewer nulls at or above the observed value than this, a generalised Pareto tail is fitted (Knijnenburg 2009)."""

TAIL = 250
"""Largest number of nulls to which the tail is fitted; a quarter of them if that is less."""

REACH = 1000
"""How many times less than 1 / (number of nulls) a p-value of a fitted tail may be: further out a fit says nothing."""

POOR_FIT = 0.05
"""A tail is not used if a Kolmogorov-Smirnov test rejects it at this level."""


def shuffle_images(n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random order of images in which none stays in its place, int64 of shape (n_images,).

    Raises
    ------
    ValueError
        If there are fewer than two images.
    """
    if n_images < 2:
        raise ValueError(f"{n_images} images cannot be shuffled; a test against chance needs at least 2")
    while True:
        order = rng.permutation(n_images)
        if (order != np.arange(n_images)).all():
            return order


def search_nulls(
    codes: RangeCodes,
    atoms: Atoms,
    counts: ConceptCounts,
    *,
    n_shuffles: int,
    seed: int,
    key: tuple[int, ...],
    starts: Sequence[Formula] | None = None,
    **search: Any,
) -> np.ndarray:
    """Repeat the search for the formula of each range after a unit's maps are moved to other images.

    Parameters
    ----------
    codes : RangeCodes
        Of the unit.
    atoms : Atoms
    counts : ConceptCounts
        Of the same atoms.
    n_shuffles, seed : int
    key : tuple of int
        Names the unit; with the seed and the number of the shuffle it decides the order of the images.
    starts : sequence of Formula, optional
        For each range a formula to start from, such as the best one of the unit's own images; later searches start from
        the best one of the shuffle before. Only a search whose result is proved uses them, so that no null depends on them.
    **search
        Settings of `explain_bitmap`.

    Returns
    -------
    numpy.ndarray of shape (n_shuffles, n_ranges), float64
        The largest IoU of a formula; 0 if no concept shares a pixel with the range.
    """
    is_proved = search["search"] == "optimal" and search["length"] <= EXACT_LENGTH and search["seconds"] is None
    nulls, best = [], starts or ()
    for shuffle in range(n_shuffles):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*key, shuffle)))
        moved = codes.count(shuffle_images(atoms.n_images, rng))
        found = [
            explain_bitmap(per_atom, atoms, counts, start=start, **search)
            for per_atom, start in zip_longest(moved, best if is_proved else ())
        ]
        best = [one.formula for one in found]
        nulls.append([one.iou or 0.0 for one in found])
    return np.array(nulls)


def standardise(observed: np.ndarray, nulls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide observed values and nulls by the mean and spread of the nulls of their unit.

    A null is compared with the other nulls of its unit, as the observed value is compared with all of them, so that both
    are alike if the unit has no cause.

    Parameters
    ----------
    observed : numpy.ndarray of shape (n_units,), float64
    nulls : numpy.ndarray of shape (n_units, n_shuffles), float64

    Returns
    -------
    observed : numpy.ndarray of shape (n_units,), float64
        NaN where the nulls do not vary.
    nulls : numpy.ndarray of shape (n,), float64
        Those of all units whose nulls vary.
    """
    n = nulls.shape[1]
    mean, spread = nulls.mean(1), nulls.std(1, ddof=1)
    varies = spread > 0
    safe = np.where(varies, spread, 1)
    scores = np.where(varies, (observed - mean) / safe, np.nan)
    rest = nulls[varies]
    others = (rest.sum(1, keepdims=True) - rest) / (n - 1)
    squares = ((rest**2).sum(1, keepdims=True) - rest**2) / (n - 1) - others**2
    spreads = np.sqrt(np.maximum(squares, 0) * (n - 1) / (n - 2))
    fine = spreads > 1e-12 * np.abs(others)
    return scores, ((rest - others) / np.where(fine, spreads, 1))[fine]


def p_values(observed: np.ndarray, nulls: np.ndarray) -> np.ndarray:
    """Return how probable values at least as large as the observed ones are among nulls.

    Parameters
    ----------
    observed : numpy.ndarray of shape (n,), float64
    nulls : numpy.ndarray of shape (m,), float64

    Returns
    -------
    numpy.ndarray of shape (n,), float64
        (1 + number of nulls at least as large) / (1 + m). With fewer than `FEW` of those, the share in a generalised
        Pareto tail that is fitted to the largest nulls, if it fits them; at least 1 / (`REACH` (1 + m)).

    References
    ----------
    Knijnenburg et al. 2009, Fewer permutations, more accurate P-values; Phipson and Smyth 2010 for the count.
    """
    ordered = np.sort(nulls)
    n_larger = len(ordered) - np.searchsorted(ordered, observed, side="left")
    found = (1 + n_larger) / (1 + len(ordered))
    rare = n_larger < FEW
    n_tail = min(TAIL, len(ordered) // 4)
    if not rare.any() or n_tail < FEW:
        return found
    start = (ordered[-n_tail] + ordered[-n_tail - 1]) / 2
    tail = ordered[-n_tail:] - start
    shape, _, scale = stats.genpareto.fit(tail, floc=0)
    if stats.kstest(tail, "genpareto", args=(shape, 0, scale)).pvalue < POOR_FIT:
        return found
    share = n_tail / len(ordered) * stats.genpareto.sf(observed[rare] - start, shape, 0, scale)
    found[rare] = np.clip(share, 1 / (REACH * (1 + len(ordered))), found[rare])
    return found


def pooled_p_values(observed: np.ndarray, nulls: np.ndarray) -> np.ndarray:
    """Return p-values of units whose nulls are pooled after division by the mean and spread of their unit.

    Parameters
    ----------
    observed : numpy.ndarray of shape (n_units,), float64
    nulls : numpy.ndarray of shape (n_units, n_shuffles), float64

    Returns
    -------
    numpy.ndarray of shape (n_units,), float64
        NaN where the nulls do not vary.
    """
    scores, pooled = standardise(observed, nulls)
    known = ~np.isnan(scores)
    found = np.full(len(scores), np.nan)
    found[known] = p_values(scores[known], pooled)
    return found


def q_values(p: np.ndarray) -> np.ndarray:
    """Return the false discovery rates of Benjamini and Hochberg (1995); NaN stays."""
    found = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        found[known] = stats.false_discovery_control(p[known])
    return found
