"""Upper bounds of the IoU of a formula joined to any concept: the published estimates, made admissible."""

import numpy as np

from ..search.formula import Formula
from .intervals import Intervals
from .occurrences import Occurrences
from .overlaps import bound_by_areas, bound_by_overlaps
from .rectangles import measure_rectangles, overlap_limits

ESTIMATES = ("none", "areas", "cfh", "mmesh", "diou_sum", "diou_sample")


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
        concept share with the bitmap), `mmesh` (also bounding boxes and inscribed rectangles), `diou_sum` (pixels that
        carry one and several concepts, over all images) or `diou_sample` (the same in each image).

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
        if estimate.startswith("diou"):
            self._intervals = Intervals(per_atom, occurrences, per_image=estimate == "diou_sample")

    def bounds(self, formula: Formula) -> np.ndarray:
        """Return the bounds of formula OR, AND, AND NOT concept, float64 of shape (3, n_concepts)."""
        where, atoms = self._where, self._where.atoms
        if self.estimate == "none":
            return np.ones((3, atoms.n_concepts))
        holds = where.counts.holds(formula)
        in_atoms = holds[atoms.atom_set]
        if self.estimate.startswith("diou"):
            most = self._intervals.most(formula, in_atoms)
            found = most[0] / (self._n_bitmap + most[1])
            # the intervals hold for concepts that the formula does not name
            found[:, list(formula.concepts)] = 1
            return found
        area = where.per_image(atoms.atom_size * in_atoms)
        if self.estimate == "areas":
            most = bound_by_areas(where.start, where.images, where.areas, area, self._bitmap, where.n_pixels)
        else:
            inside = where.per_image(self._per_atom * in_atoms)
            masks = self._concept_in, self._concept_out, inside, area - inside
            room = self._bitmap, where.n_pixels - self._bitmap
            most = bound_by_overlaps(where.start, where.images, *masks, *room, *self._limits(holds, area))
        return most[0] / (self._n_bitmap + most[1])

    def _limits(self, holds: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        where = self._where
        area = area[where.images]
        if self.estimate == "cfh":
            return np.zeros_like(area), np.minimum(area, where.areas)
        boxes, inscribed = measure_rectangles(where.atoms, holds, np.arange(where.atoms.n_images))
        return overlap_limits((boxes[where.images], inscribed[where.images]), where.rectangles, (area, where.areas))
