"""Occurrences of concepts per image, with their areas and rectangles."""

from functools import cached_property

import numpy as np

from ..search.atoms import Atoms
from ..search.beam import ConceptCounts
from .rectangles import measure_rectangles


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
    def in_one(self) -> np.ndarray:
        """Which atoms carry exactly one concept, bool of shape (n_atoms,)."""
        return (np.diff(self.atoms.set_start) == 1)[self.atoms.atom_set]

    @cached_property
    def in_several(self) -> np.ndarray:
        """Which atoms carry two concepts or more, bool of shape (n_atoms,)."""
        return (np.diff(self.atoms.set_start) > 1)[self.atoms.atom_set]

    @cached_property
    def disjoint(self) -> np.ndarray:
        """Which concepts share no pixel of the mask grid, bool of shape (n_concepts, n_concepts)."""
        incidence = self.atoms.incidence()
        return (incidence.T @ incidence).toarray() == 0

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
