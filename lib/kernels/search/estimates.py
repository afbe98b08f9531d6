"""The published estimates of a formula's IoU, made admissible, and the beam search that they guide.

For comparison only: `kernels.search.beam` scores every candidate exactly in less time than these estimates take.
"""

import bisect
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from .atoms import Atoms
from .beam import ConceptCounts, Scored
from .formula import AND, AND_NOT, OR, Formula, canonical
from .rectangles import measure_rectangles, overlap_limits

ESTIMATES = ("none", "areas", "cfh", "mmesh")
OPERATORS = (OR, AND, AND_NOT)


@njit(cache=True, nogil=True)
def _bound_by_areas(start, images, area, formula, bitmap, n_pixels):
    """Return the most pixels in the bitmap and the fewest outside, int64 (2, 3 operators, n_concepts)."""
    n_concepts = start.size - 1
    bounds = np.zeros((2, 3, n_concepts), np.int64)
    alone_inside, alone_outside = 0, 0
    for i in range(formula.size):
        alone_inside += min(formula[i], bitmap[i])
        alone_outside += max(0, formula[i] - bitmap[i])
    for concept in range(n_concepts):
        # In images without the concept, OR and AND NOT leave the formula as it is.
        for operator in (OR, AND_NOT):
            bounds[0, operator, concept], bounds[1, operator, concept] = alone_inside, alone_outside
        for k in range(start[concept], start[concept + 1]):
            f, c, b = formula[images[k]], area[k], bitmap[images[k]]
            inside, outside = min(f, b), max(0, f - b)
            bounds[0, OR, concept] += min(b, f + c) - inside
            bounds[1, OR, concept] += max(0, max(f, c) - b) - outside
            bounds[0, AND, concept] += min(b, f, c)
            bounds[1, AND, concept] += max(0, f + c - n_pixels - b)
            bounds[0, AND_NOT, concept] += min(b, f, n_pixels - c) - inside
            bounds[1, AND_NOT, concept] += max(0, f - c - b) - outside
    return bounds


@njit(cache=True, nogil=True)
def _bound_by_overlaps(start, images, concept_in, concept_out, formula_in, formula_out, free_in, free_out, least, most):
    """Return the most pixels in the bitmap and the fewest outside, int64 (2, 3 operators, n_concepts).

    The pixels that formula and concept share are split by the bitmap into two numbers, each limited by what the two
    masks have on that side and, through the limits of the sum, by the other number.
    """
    n_concepts = start.size - 1
    bounds = np.zeros((2, 3, n_concepts), np.int64)
    alone_inside, alone_outside = formula_in.sum(), formula_out.sum()
    for concept in range(n_concepts):
        for operator in (OR, AND_NOT):
            bounds[0, operator, concept], bounds[1, operator, concept] = alone_inside, alone_outside
        for k in range(start[concept], start[concept + 1]):
            i = images[k]
            low_in, high_in = max(0, formula_in[i] + concept_in[k] - free_in[i]), min(formula_in[i], concept_in[k])
            low_out, high_out = (
                max(0, formula_out[i] + concept_out[k] - free_out[i]),
                min(formula_out[i], concept_out[k]),
            )
            fewest_in, most_in = max(low_in, least[k] - high_out), min(high_in, most[k] - low_out)
            fewest_out, most_out = max(low_out, least[k] - high_in), min(high_out, most[k] - low_in)
            bounds[0, OR, concept] += concept_in[k] - fewest_in
            bounds[1, OR, concept] += concept_out[k] - most_out
            bounds[0, AND, concept] += most_in
            bounds[1, AND, concept] += fewest_out
            bounds[0, AND_NOT, concept] -= fewest_in
            bounds[1, AND_NOT, concept] -= most_out
    return bounds


class Occurrences:
    """Occurrences of concepts per image with their areas and rectangles, the input of the estimates.

    Parameters
    ----------
    atoms : Atoms
    counts : ConceptCounts
    """

    def __init__(self, atoms: Atoms, counts: ConceptCounts) -> None:
        self.atoms, self.counts = atoms, counts
        self.n_pixels = int(np.prod(atoms.pixel_atoms.shape[1:]))
        self._atom_image = atoms.atom_images()
        per_atom = np.diff(atoms.set_start)[atoms.atom_set]
        self._atom = np.repeat(np.arange(len(per_atom)), per_atom)
        first = atoms.set_start[atoms.atom_set] - (np.cumsum(per_atom) - per_atom)
        concepts = atoms.set_concepts[first[self._atom] + np.arange(len(self._atom))]
        keys = concepts * atoms.n_images + self._atom_image[self._atom]
        keys, self._occurrence = np.unique(keys, return_inverse=True)
        concept, self.images = np.divmod(keys, atoms.n_images)
        self.start = np.searchsorted(concept, np.arange(atoms.n_concepts + 1))
        self.areas = self.per_occurrence(atoms.atom_size)

    def per_occurrence(self, per_atom: np.ndarray) -> np.ndarray:
        """Sum int64 values of atoms over each concept in each image where it occurs."""
        sums = np.bincount(self._occurrence, weights=per_atom[self._atom], minlength=len(self.images))
        return sums.astype(np.int64)

    def per_image(self, per_atom: np.ndarray) -> np.ndarray:
        """Sum int64 values of atoms over each image."""
        return np.bincount(self._atom_image, weights=per_atom, minlength=self.atoms.n_images).astype(np.int64)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """The concept sets that hold each concept, a list of int64 arrays."""
        return [np.flatnonzero(self.counts.concept_sets(c)) for c in range(self.atoms.n_concepts)]

    @cached_property
    def rectangles(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and inscribed rectangles of all occurrences, measured at the first use."""
        found = [np.empty((0, 2, 4), np.int64)]
        for concept in range(self.atoms.n_concepts):
            images = self.images[self.start[concept] : self.start[concept + 1]]
            found.append(np.stack(measure_rectangles(self.atoms, self.counts.concept_sets(concept), images), axis=1))
        found = np.concatenate(found)
        return found[:, 0], found[:, 1]


class Estimator:
    """Upper bounds of the IoU of one bitmap with a formula joined to any concept.

    A bound is a quotient of two integers, rounded as the IoU itself is, so rounding never takes it below the IoU.

    Parameters
    ----------
    per_atom : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom.
    occurrences : Occurrences
    estimate : str
        `none` (no bound), `areas` (areas of formula, concept and bitmap in each image), `cfh` (also what formula and
        concept share with the bitmap) or `mmesh` (also bounding boxes and inscribed rectangles).

    Raises
    ------
    ValueError
        If there is no such estimate.
    """

    def __init__(self, per_atom: np.ndarray, occurrences: Occurrences, *, estimate: str) -> None:
        if estimate not in ESTIMATES:
            raise ValueError(f"no estimate {estimate!r}; there are {', '.join(ESTIMATES)}")
        self.estimate, self._per_atom, self._where = estimate, per_atom, occurrences
        self._bitmap = occurrences.per_image(per_atom)
        self._n_bitmap = int(per_atom.sum())
        if estimate in ("cfh", "mmesh"):
            self._concept_in = occurrences.per_occurrence(per_atom)
            self._concept_out = occurrences.areas - self._concept_in

    def bounds(self, formula: Formula) -> np.ndarray:
        """Return the bounds of formula OR, AND, AND NOT concept, float64 of shape (3, n_concepts)."""
        where, atoms = self._where, self._where.atoms
        if self.estimate == "none":
            return np.ones((3, atoms.n_concepts))
        holds = where.counts.holds(formula)
        in_atoms = holds[atoms.atom_set]
        area = where.per_image(atoms.atom_size * in_atoms)
        if self.estimate == "areas":
            most = _bound_by_areas(where.start, where.images, where.areas, area, self._bitmap, where.n_pixels)
        else:
            inside = where.per_image(self._per_atom * in_atoms)
            masks = self._concept_in, self._concept_out, inside, area - inside
            room = self._bitmap, where.n_pixels - self._bitmap
            most = _bound_by_overlaps(where.start, where.images, *masks, *room, *self._limits(holds, area))
        return most[0] / (self._n_bitmap + most[1])

    def _limits(self, holds: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        where = self._where
        area = area[where.images]
        if self.estimate == "cfh":
            return np.zeros_like(area), np.minimum(area, where.areas)
        boxes, inscribed = measure_rectangles(where.atoms, holds, np.arange(where.atoms.n_images))
        return overlap_limits((boxes[where.images], inscribed[where.images]), where.rectangles, (area, where.areas))


class _Front:
    """The n best formulas offered so far, of equivalent ones the first in rank."""

    def __init__(self, n_best: int) -> None:
        self._n_best, self._entries = n_best, []

    @property
    def floor(self) -> float:
        """The IoU below which no formula enters."""
        return self._entries[-1][2].iou if len(self._entries) == self._n_best else 0.0

    def offer(self, scored: Scored) -> None:
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
        The same formula as `search_beam` finds.
    visited : int
        Candidates scored exactly, single concepts included.
    """

    scored: Scored | None
    visited: int


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

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), the MMESH heuristic and its simpler relatives; the
    bounds differ, because published ones can fall below the IoU.
    """
    counts, atoms = occurrences.counts, occurrences.atoms
    estimator = Estimator(per_atom, occurrences, estimate=estimate)
    values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
    n_bitmap, members = int(values.sum()), occurrences.members

    def scored(formula: Formula, inside: int, size: int) -> Scored:
        return Scored(formula, inside, size, inside / (n_bitmap + size - inside))

    everywhere = np.ones(atoms.n_sets, dtype=bool)
    totals = [_shared(values, counts.sizes, everywhere, member) for member in members]
    singles = [scored(Formula((c,)), *totals[c]) for c in range(atoms.n_concepts) if totals[c][0]]
    singles.sort(key=lambda single: (-single.iou, single.formula.concepts))
    kept, visited = singles[: 2 * beam if length > 1 else 1], atoms.n_concepts
    for step in range(2, length + 1 if kept else 2):
        front = _Front(beam if step < length else 1)
        for parent in kept:
            front.offer(parent)
        holds = [counts.holds(parent.formula) for parent in kept]
        bounds = np.stack([estimator.bounds(parent.formula) for parent in kept])
        for n, parent in enumerate(kept):
            bounds[n][:, list(parent.formula.spent)] = -1
        for candidate in np.argsort(-bounds, axis=None, kind="stable"):
            n, operator, concept = (int(part) for part in np.unravel_index(candidate, bounds.shape))
            bound = bounds[n, operator, concept]
            if bound < front.floor or bound <= 0:
                break
            visited += 1
            parent = kept[n]
            inside, size = _shared(values, counts.sizes, holds[n], members[concept])
            if operator == OR:
                inside, size = parent.inside + totals[concept][0] - inside, parent.size + totals[concept][1] - size
            elif operator == AND_NOT:
                inside, size = parent.inside - inside, parent.size - size
            if inside:
                front.offer(scored(parent.formula.extend(operator, concept), inside, size))
        kept = front.ranked()
    return Visit(kept[0] if kept else None, visited)
