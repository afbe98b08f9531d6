"""Explain one bitmap: the best formula of a search, and whether it is proved optimal."""

from dataclasses import dataclass

import numpy as np

from .atoms import Atoms
from .beam import ConceptCounts, search_beam
from .formula import Formula
from .optimal import search_optimal

SEARCHES = ("optimal", "beam")


@dataclass(frozen=True)
class Explained:
    """Result of a search for one bitmap.

    Attributes
    ----------
    formula : Formula or None
        None if the status is not `ok`.
    iou : float or None
    iou_upper_bound : float or None
        No formula of the length has a larger IoU; None for the beam search.
    optimal : bool
        Whether that is proved of this formula.
    status : str
        `ok`; `empty` for a bitmap without pixels; `no_concept` if no concept shares a pixel with it.
    """

    formula: Formula | None
    iou: float | None
    iou_upper_bound: float | None
    optimal: bool
    status: str


def explain_bitmap(
    per_atom: np.ndarray,
    atoms: Atoms,
    counts: ConceptCounts,
    *,
    search: str,
    length: int,
    beam: int,
    seconds: float | None,
    start: Formula | None = None,
) -> Explained:
    """Find the formula that best explains a bitmap.

    Parameters
    ----------
    per_atom : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom, as `count_per_atom` gives them.
    atoms : Atoms
    counts : ConceptCounts
        Of the same atoms.
    search : str
        `optimal` or `beam`.
    length, beam, seconds, start
        As for `search_optimal`; the beam search has no start.

    Returns
    -------
    Explained

    References
    ----------
    Compositional Explanations (Mu and Andreas 2020) for the task; `search_beam` and `search_optimal` for the methods.
    """
    values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
    return explain_sets(values, counts, search=search, length=length, beam=beam, seconds=seconds, start=start)


def explain_sets(
    values: np.ndarray,
    counts: ConceptCounts,
    *,
    search: str,
    length: int,
    beam: int,
    seconds: float | None,
    start: Formula | None = None,
) -> Explained:
    """Find the formula that best explains a bitmap whose pixels are counted per concept set.

    Parameters
    ----------
    values : numpy.ndarray of shape (n_sets,), int64
        Bitmap pixels in each concept set.
    counts, search, length, beam, seconds, start
        As for `explain_bitmap`.

    Returns
    -------
    Explained
    """
    bound, proved = None, False
    if search == "optimal":
        optimum = search_optimal(values, counts, length=length, beam=beam, seconds=seconds, start=start)
        best, bound, proved = optimum.scored, optimum.upper_bound, optimum.optimal
    else:
        best = search_beam(values, counts, length=length, beam=beam)
    if best is None:
        return Explained(None, None, None, False, "no_concept" if values.any() else "empty")
    return Explained(best.formula, best.iou, bound, proved, "ok")
