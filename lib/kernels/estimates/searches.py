"""All searches for a formula under one name each, with what they visit."""

from dataclasses import dataclass
from math import comb

import numpy as np

from ..search.beam import Scored, beam_steps
from ..search.optimal import EXACT_LENGTH, search_optimal
from .estimator import ESTIMATES
from .guided import search_beam_optimal, search_by_estimate
from .occurrences import Occurrences

SEARCHES = (*ESTIMATES, "beam_optimal", "beam", "optimal")


@dataclass(frozen=True)
class Outcome:
    """What a search found, and what it did for it.

    Attributes
    ----------
    scored : Scored or None
        None if the bitmap is empty or shares no pixel with any concept.
    upper_bound : float or None
        No formula of the length has a larger IoU; None for the beams.
    optimal : bool
        Whether that is proved of this formula.
    visited, expanded, estimated : int or None
        As in `Visit`. The search `beam` uses no estimate: it scores every extension. Of `optimal`, `expanded` counts
        the rounds of Dinkelbach's method and `estimated` the weights of concepts, pairs and triples that the rounds
        compute, of which those of all formulas follow; `visited` counts the formulas whose IoU is computed, those of
        the beam from which it starts and the heaviest one of each round. None above length 3.
    """

    scored: Scored | None
    upper_bound: float | None
    optimal: bool
    visited: int | None
    expanded: int | None
    estimated: int | None


def run_search(
    search: str, per_atom: np.ndarray, occurrences: Occurrences, *, length: int, beam: int, seconds: float | None
) -> Outcome:
    """Run one search for one bitmap.

    Parameters
    ----------
    search : str
        One of `SEARCHES`.
    per_atom : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom.
    occurrences : Occurrences
    length, beam : int
    seconds : float or None
        Time budget of the optimal search.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If there is no such search.
    """
    if search not in SEARCHES:
        raise ValueError(f"no search {search!r}; there are {', '.join(SEARCHES)}")
    if search in ESTIMATES:
        visit = search_by_estimate(per_atom, occurrences, estimate=search, length=length, beam=beam)
        return Outcome(visit.scored, None, False, visit.visited, visit.expanded, visit.estimated)
    if search == "beam_optimal":
        visit = search_beam_optimal(per_atom, occurrences, length=length, beam=beam)
        return Outcome(visit.scored, None, False, visit.visited, visit.expanded, visit.estimated)
    atoms, counts = occurrences.atoms, occurrences.counts
    values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
    steps = list(beam_steps(values, counts, length=length, beam=beam))
    parents = [parent.formula for kept in steps[:-1] for parent in kept]
    n_scored = sum(3 * (counts.n_concepts - len(formula.spent)) for formula in parents)
    n_scored += counts.n_concepts if length == 1 else 0
    best = steps[-1][0] if steps else None
    if search == "beam" or best is None:
        found = Outcome(best, None, False, n_scored, len(parents), n_scored if length > 1 else 0)
        return found if search == "beam" else Outcome(None, 0.0, True, n_scored, 0, 0)
    optimum = search_optimal(values, counts, length=length, beam=beam, seconds=seconds, start=best.formula)
    if length > EXACT_LENGTH:
        return Outcome(optimum.scored, optimum.upper_bound, optimum.optimal, None, None, None)
    groups = (counts.n_concepts, comb(counts.n_concepts, 2), len(counts.index.triples))
    visited, estimated = n_scored + optimum.rounds, optimum.rounds * sum(groups[:length])
    return Outcome(optimum.scored, optimum.upper_bound, optimum.optimal, visited, optimum.rounds, estimated)
