"""Beam searches that score candidates best estimate first: with any estimate, and as the paper of 2026 does.

For comparison only: `kernels.search.beam` scores every candidate exactly in less time than the estimates take.
"""

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numba import njit

from ..search.beam import Scored
from ..search.formula import AND, AND_NOT, OR, Formula, canonical
from .estimator import Estimator
from .intervals import is_disjoint
from .occurrences import Occurrences


class _Front:
    """The n best formulas offered so far, of equivalent ones the first in rank."""

    def __init__(self, n_best: int) -> None:
        self._n_best, self._entries = n_best, []

    @property
    def floor(self) -> float:
        """The IoU below which no formula enters."""
        return self._entries[-1][2].iou if len(self._entries) == self._n_best else 0.0

    def offer(self, scored: Scored, *, strictly: bool = False) -> None:
        """Take a formula in if it is among the best; `strictly` only if its IoU exceeds that of the one it displaces."""
        if strictly and scored.iou <= self.floor:
            return
        rank = -scored.iou, scored.formula.length, scored.formula.concepts, scored.formula.operators
        if len(self._entries) == self._n_best and rank > self._entries[-1][0]:
            return
        key = canonical(scored.formula)
        twin = next((i for i, entry in enumerate(self._entries) if entry[1] == key), None)
        if twin is not None:
            if self._entries[twin][0] <= rank:
                return
            del self._entries[twin]
        bisect.insort(self._entries, (rank, key, scored), key=lambda entry: entry[0])
        del self._entries[self._n_best :]

    def ranked(self) -> list[Scored]:
        return [scored for _, _, scored in self._entries]


@njit(cache=True, nogil=True)
def _shared(values, sizes, holds, member):
    """Count pixels in the bitmap and all pixels of the sets that belong to the formula and to the concept."""
    inside, size = 0, 0
    for k in range(member.size):
        if holds[member[k]]:
            inside += values[member[k]]
            size += sizes[member[k]]
    return inside, size


@dataclass(frozen=True)
class Visit:
    """The outcome of a search by estimates.

    Attributes
    ----------
    scored : Scored or None
    visited : int
        Candidates scored exactly. The first scoring of all concepts counts only if the length is 1.
    expanded : int
        Formulas whose extensions were estimated.
    estimated : int
        Extensions that were estimated.

    References
    ----------
    Guaranteed Optimal Compositional Explanations (La Rosa and Gilpin 2026), whose tables count so.
    """

    scored: Scored | None
    visited: int
    expanded: int
    estimated: int


class _Candidates:
    """The single concepts and the extensions of one bitmap, with their exact counts."""

    def __init__(self, per_atom: np.ndarray, occurrences: Occurrences) -> None:
        self._counts, atoms = occurrences.counts, occurrences.atoms
        self._values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
        self._n_bitmap, self._members = int(self._values.sum()), occurrences.members
        everywhere = np.ones(atoms.n_sets, dtype=bool)
        self._totals = [_shared(self._values, self._counts.sizes, everywhere, member) for member in self._members]

    def _scored(self, formula: Formula, inside: int, size: int) -> Scored:
        return Scored(formula, inside, size, inside / (self._n_bitmap + size - inside))

    def singles(self) -> list[Scored]:
        """Return the concepts that share pixels with the bitmap, best first."""
        found = [self._scored(Formula((c,)), *total) for c, total in enumerate(self._totals) if total[0]]
        return sorted(found, key=lambda single: (-single.iou, single.formula.concepts))

    def by_bound(self, parents: list[Scored], bounds: np.ndarray) -> Iterator[tuple[float, Callable[[], Scored]]]:
        """Yield (bound, callable) of the extensions, largest bound first, as long as it is above 0.

        Parameters
        ----------
        parents : list of Scored
        bounds : numpy.ndarray of shape (n_parents, 3, n_concepts), float64

        Yields
        ------
        tuple of (float, callable)
            The callable returns the extension with its exact counts.
        """
        holds = [self._counts.holds(parent.formula) for parent in parents]
        for candidate in np.argsort(-bounds, axis=None, kind="stable"):
            n, operator, concept = (int(part) for part in np.unravel_index(candidate, bounds.shape))
            if bounds[n, operator, concept] <= 0:
                return
            yield bounds[n, operator, concept], partial(self._extend, parents[n], holds[n], operator, concept)

    def _extend(self, parent: Scored, holds: np.ndarray, operator: int, concept: int) -> Scored:
        inside, size = _shared(self._values, self._counts.sizes, holds, self._members[concept])
        if operator == OR:
            total = self._totals[concept]
            inside, size = parent.inside + total[0] - inside, parent.size + total[1] - size
        elif operator == AND_NOT:
            inside, size = parent.inside - inside, parent.size - size
        return self._scored(parent.formula.extend(operator, concept), inside, size)


def search_by_estimate(
    per_atom: np.ndarray, occurrences: Occurrences, *, estimate: str, length: int, beam: int
) -> Visit:
    """Find the formula of `search_beam`, scoring candidates best estimate first until none can enter the beam.

    Parameters
    ----------
    per_atom : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom.
    occurrences : Occurrences
    estimate : str
        One of `ESTIMATES`.
    length : int
        Largest number of concepts.
    beam : int

    Returns
    -------
    Visit
        With the formula that `search_beam` finds.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), the MMESH heuristic and its simpler relatives; the
    bounds differ, because published ones can fall below the IoU.
    """
    estimator = Estimator(per_atom, occurrences, estimate=estimate)

    def bounds_of(parent: Scored) -> tuple[np.ndarray, int]:
        bounds, spent = estimator.bounds(parent.formula), list(parent.formula.spent)
        bounds[:, spent] = -1
        return bounds, bounds.size - 3 * len(spent)

    return _search(per_atom, occurrences, bounds_of, length=length, beam=beam, newest_only=False)


def search_beam_optimal(per_atom: np.ndarray, occurrences: Occurrences, *, length: int, beam: int) -> Visit:
    """Run the beam search of the paper of 2026, `beam_optimal`, guided by `diou_sample`.

    It differs from `search_beam`: only the longest formulas of the beam are extended, only by concepts that they do not
    name, and a new formula must have a larger IoU than the last one of a full beam. It leaves out what its authors
    discard: AND and AND NOT of what shares no pixel, and OR of a concept outside the bitmap.

    Parameters
    ----------
    per_atom, occurrences, length, beam
        As for `search_by_estimate`.

    Returns
    -------
    Visit

    References
    ----------
    Guaranteed Optimal Compositional Explanations (La Rosa and Gilpin 2026), the beam search by dIoU. Whether two
    concepts share a pixel is judged on the mask grid, there on the annotation in full size.
    """
    estimator = Estimator(per_atom, occurrences, estimate="diou_sample")
    outside = np.setdiff1d(np.arange(occurrences.atoms.n_concepts), _inside(per_atom, occurrences))

    def bounds_of(parent: Scored) -> tuple[np.ndarray, int]:
        bounds, named = estimator.bounds(parent.formula), list(parent.formula.concepts)
        bounds[OR, outside] = -1
        disjoint = is_disjoint(parent.formula, occurrences.disjoint)
        bounds[AND, disjoint], bounds[AND_NOT, disjoint] = -1, -1
        bounds[:, named] = -1
        return bounds, bounds.size - 3 * len(named)

    return _search(per_atom, occurrences, bounds_of, length=length, beam=beam, newest_only=True)


def _inside(per_atom: np.ndarray, occurrences: Occurrences) -> np.ndarray:
    """Return the concepts that share pixels with the bitmap."""
    concept = np.repeat(np.arange(occurrences.atoms.n_concepts), np.diff(occurrences.start))
    return np.unique(concept[occurrences.per_occurrence(per_atom) > 0])


def _search(
    per_atom: np.ndarray,
    occurrences: Occurrences,
    bounds_of: Callable[[Scored], tuple[np.ndarray, int]],
    *,
    length: int,
    beam: int,
    newest_only: bool,
) -> Visit:
    """Search with bounds (3, n_concepts) of the extensions of a formula, and their number; -1 leaves one out.

    With `newest_only` just the longest formulas are extended, and of two formulas of one IoU the earlier one stays.
    """
    candidates = _Candidates(per_atom, occurrences)
    kept = candidates.singles()[: 2 * beam if length > 1 else 1]
    visited, expanded, estimated = 0 if length > 1 else occurrences.atoms.n_concepts, 0, 0
    for step in range(2, length + 1 if kept else 2):
        front = _Front(beam if step < length else 1)
        for parent in kept:
            front.offer(parent)
        parents = [parent for parent in kept if parent.formula.length == step - 1] if newest_only else kept
        if not parents:
            break
        found = [bounds_of(parent) for parent in parents]
        expanded, estimated = expanded + len(parents), estimated + sum(n for _, n in found)
        for bound, score in candidates.by_bound(parents, np.stack([bounds for bounds, _ in found])):
            if bound < front.floor:
                break
            visited += 1
            extension = score()
            if extension.inside:
                front.offer(extension, strictly=newest_only)
        kept = front.ranked()
    return Visit(kept[0] if kept else None, visited, expanded, estimated)
