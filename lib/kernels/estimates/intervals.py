"""The bounds of Guaranteed Optimal Compositional Explanations: intervals of what a formula and a concept have in common.

A pixel that carries one concept only is shared by no two concepts; just the pixels that carry several are uncertain.
"""

import numpy as np
from numba import njit

from ..search.formula import AND, AND_NOT, OR, Formula
from .occurrences import Occurrences

UNIQUE_IN, COMMON_IN, UNIQUE_OUT, COMMON_OUT = range(4)


@njit(cache=True, nogil=True)
def _bound_by_intervals(start, images, concept, formula, room, disjoint):
    """Return the most pixels in the bitmap and the fewest outside, int64 (2, 3 operators, n_concepts)."""
    n_concepts = start.size - 1
    bounds = np.zeros((2, 3, n_concepts), np.int64)
    alone_inside = formula[UNIQUE_IN].sum() + formula[COMMON_IN].sum()
    alone_outside = formula[UNIQUE_OUT].sum() + formula[COMMON_OUT].sum()
    for c in range(n_concepts):
        # in images without the concept, OR and AND NOT leave the formula as it is
        for operator in (OR, AND_NOT):
            bounds[0, operator, c], bounds[1, operator, c] = alone_inside, alone_outside
        for k in range(start[c], start[c + 1]):
            image = images[k]
            bounds[0, OR, c] += concept[UNIQUE_IN, k]
            bounds[1, OR, c] += concept[UNIQUE_OUT, k]
            common_in, common_out = concept[COMMON_IN, k], concept[COMMON_OUT, k]
            if disjoint[c]:
                bounds[0, OR, c] += common_in
                bounds[1, OR, c] += common_out
                continue
            own_in, own_out = formula[COMMON_IN, image], formula[COMMON_OUT, image]
            room_in, room_out = room[0, image], room[1, image]
            bounds[0, OR, c] += min(common_in, room_in - own_in)
            bounds[1, OR, c] += max(0, common_out - own_out)
            bounds[0, AND, c] += min(own_in, common_in)
            bounds[1, AND, c] += max(0, own_out + common_out - room_out)
            bounds[0, AND_NOT, c] -= max(0, own_in + common_in - room_in)
            bounds[1, AND_NOT, c] -= min(own_out, common_out)
    return bounds


def is_disjoint(formula: Formula, disjoint: np.ndarray) -> np.ndarray:
    """Return which concepts a formula shares no pixel with, as its own concepts tell.

    Parameters
    ----------
    formula : Formula
    disjoint : numpy.ndarray of shape (n_concepts, n_concepts), bool
        `Occurrences.disjoint`.

    Returns
    -------
    numpy.ndarray of shape (n_concepts,), bool
        True only if they share none; a formula can also share none where this is False.
    """
    found = disjoint[formula.concepts[0]].copy()
    for operator, concept in zip(formula.operators, formula.concepts[1:]):
        if operator == OR:
            found &= disjoint[concept]
        elif operator == AND:
            found |= disjoint[concept]
    return found


class Intervals:
    """The quantities of one bitmap from which the bounds follow.

    Parameters
    ----------
    per_atom : numpy.ndarray of shape (n_atoms,), int64
        Bitmap pixels in each atom.
    occurrences : Occurrences
    per_image : bool
        Whether the quantities are taken image by image (the paper's sample mode), or as totals of all images (its sum
        mode), which takes less time and bounds less.

    References
    ----------
    Guaranteed Optimal Compositional Explanations (La Rosa and Gilpin 2026), the interval rules of its dIoU.
    """

    def __init__(self, per_atom: np.ndarray, occurrences: Occurrences, *, per_image: bool) -> None:
        self._where, self._per_image = occurrences, per_image
        sizes = occurrences.atoms.atom_size
        inside, outside = per_atom, sizes - per_atom
        self._parts = [
            values * kind for values in (inside, outside) for kind in (occurrences.in_one, occurrences.in_several)
        ]
        concept = np.stack([occurrences.per_occurrence(part) for part in self._parts])
        self._start, self._images = occurrences.start, occurrences.images
        if not per_image:
            n_concepts = occurrences.atoms.n_concepts
            of = np.repeat(np.arange(n_concepts), np.diff(self._start))
            totals = np.zeros((4, n_concepts), np.int64)
            np.add.at(totals, (slice(None), of), concept)
            concept, self._start, self._images = totals, np.arange(n_concepts + 1), np.zeros(n_concepts, np.int64)
        self._concept = concept
        self._room = self._summed([self._parts[COMMON_IN], self._parts[COMMON_OUT]])

    def _summed(self, parts: list[np.ndarray]) -> np.ndarray:
        """Sum values of atoms by image, or in all; int64 of shape (len(parts), n_images or 1)."""
        if self._per_image:
            return np.stack([self._where.per_image(part) for part in parts])
        return np.array([[part.sum()] for part in parts], np.int64)

    def most(self, formula: Formula, in_atoms: np.ndarray) -> np.ndarray:
        """Bound what a formula joined to each concept that is not in it has inside and outside the bitmap.

        Parameters
        ----------
        formula : Formula
        in_atoms : numpy.ndarray of shape (n_atoms,), bool
            The atoms of its mask.

        Returns
        -------
        numpy.ndarray of shape (2, 3, n_concepts), int64
            The most pixels in the bitmap and the fewest outside, by operator.
        """
        own = self._summed([part * in_atoms for part in self._parts])
        disjoint = is_disjoint(formula, self._where.disjoint)
        return _bound_by_intervals(self._start, self._images, self._concept, own, self._room, disjoint)
