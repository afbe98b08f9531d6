"""Atoms: pixels grouped by the exact set of concepts that they carry.

Every formula of concepts is a union of atoms, so counts per atom replace dense concept masks everywhere: a data set of
25 million pixels has some 100,000 atoms. An atom belongs to one image; atoms of different images that carry the same
concepts share a concept set.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

MAX_ATOMS_PER_IMAGE = np.iinfo(np.uint16).max + 1


@dataclass(frozen=True)
class Atoms:
    """The atoms of a concept data set.

    Attributes
    ----------
    pixel_atoms : numpy.ndarray of shape (n_images, H, W), uint16
        For each pixel of the mask grid, the number of its atom within the image.
    image_start : numpy.ndarray of shape (n_images + 1,), int64
        The atoms of image i are image_start[i] to image_start[i + 1] - 1.
    atom_size : numpy.ndarray of shape (n_atoms,), int64
        Pixels of each atom.
    atom_set : numpy.ndarray of shape (n_atoms,), int64
        Concept set of each atom.
    set_start : numpy.ndarray of shape (n_sets + 1,), int64
    set_concepts : numpy.ndarray of int64
        The concepts of set s, ascending, are set_concepts[set_start[s]:set_start[s + 1]].
    n_concepts : int
    """

    pixel_atoms: np.ndarray
    image_start: np.ndarray
    atom_size: np.ndarray
    atom_set: np.ndarray
    set_start: np.ndarray
    set_concepts: np.ndarray
    n_concepts: int

    @property
    def n_sets(self) -> int:
        """Number of different concept sets."""
        return len(self.set_start) - 1

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.image_start) - 1

    def set_sizes(self) -> np.ndarray:
        """Return the pixels of each concept set over all images, int64 of shape (n_sets,)."""
        sizes = np.zeros(self.n_sets, dtype=np.int64)
        np.add.at(sizes, self.atom_set, self.atom_size)
        return sizes

    def incidence(self) -> sparse.csr_matrix:
        """Return the sparse 0/1 matrix of shape (n_sets, n_concepts), int64, of the concepts in each set."""
        values = np.ones(len(self.set_concepts), dtype=np.int64)
        shape = (self.n_sets, self.n_concepts)
        return sparse.csr_matrix((values, self.set_concepts, self.set_start), shape=shape)

    def atom_images(self) -> np.ndarray:
        """Return the image of each atom, int64 of shape (n_atoms,)."""
        return np.repeat(np.arange(self.n_images), np.diff(self.image_start))

    def image_mask(self, holds: np.ndarray, image: int) -> np.ndarray:
        """Return where a formula holds on one image, bool of shape (H, W); `holds` says for which concept sets it does."""
        first, last = self.image_start[image], self.image_start[image + 1]
        return holds[self.atom_set[first:last]][self.pixel_atoms[image]]

    def concept_mask(self, concept: int) -> np.ndarray:
        """Rebuild the mask of one concept, bool of shape (n_images, H, W), dense: for checks and pictures only."""
        holds = np.zeros(self.n_sets, dtype=bool)
        rows = np.repeat(np.arange(self.n_sets), np.diff(self.set_start))
        holds[rows[self.set_concepts == concept]] = True
        masks = np.empty(self.pixel_atoms.shape, dtype=bool)
        for image in range(self.n_images):
            masks[image] = self.image_mask(holds, image)
        return masks


def image_atoms(
    maps: list[np.ndarray], whole: list[int], *, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """Group the pixels of one image by the set of concepts that they carry.

    Parameters
    ----------
    maps : list of numpy.ndarray of shape (H, W), integer
        Concept of each pixel, -1 for none; any number of maps, a concept may stand in several.
    whole : list of int
        Concepts of the whole image.
    shape : tuple of int
        (H, W) of the mask grid.

    Returns
    -------
    pixel_atoms : numpy.ndarray of shape (H, W), uint16
    sizes : numpy.ndarray of shape (n_atoms,), int64
    sets : list of tuple of int
        The concepts of each atom, ascending.

    Raises
    ------
    ValueError
        If a map has another shape, or the image has more than 65,536 different label sets.
    """
    groups = np.zeros(shape, dtype=np.int64).reshape(-1)
    sets = [frozenset(whole)]
    for concept_map in maps:
        if concept_map.shape != tuple(shape):
            raise ValueError(f"a label map of shape {concept_map.shape} does not fit the mask grid {tuple(shape)}")
        flat = concept_map.reshape(-1).astype(np.int64)
        base = int(flat.max(initial=-1)) + 2
        keys, groups = np.unique(groups * base + flat + 1, return_inverse=True)
        sets = [sets[key // base] | ({key % base - 1} if key % base else set()) for key in keys.tolist()]
    ordered = {}
    merged = np.array([ordered.setdefault(tuple(sorted(concepts)), len(ordered)) for concepts in sets])
    if len(ordered) > MAX_ATOMS_PER_IMAGE:
        raise ValueError(f"one image has {len(ordered)} different label sets, more than {MAX_ATOMS_PER_IMAGE}")
    groups = merged[groups]
    return groups.reshape(shape).astype(np.uint16), np.bincount(groups, minlength=len(ordered)), list(ordered)


def image_atoms_of_masks(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """Group the pixels of one image by the set of concepts whose masks hold them.

    Parameters
    ----------
    masks : numpy.ndarray of shape (n_concepts, H, W), bool

    Returns
    -------
    pixel_atoms, sizes, sets
        As `image_atoms` returns them.

    Raises
    ------
    ValueError
        If the image has more than 65,536 different label sets.
    """
    packed = np.packbits(masks.reshape(len(masks), -1), axis=0).T
    rows = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").reshape(-1)
    _, first, groups = np.unique(rows, return_index=True, return_inverse=True)
    if len(first) > MAX_ATOMS_PER_IMAGE:
        raise ValueError(f"one image has {len(first)} different label sets, more than {MAX_ATOMS_PER_IMAGE}")
    held = masks.reshape(len(masks), -1)[:, first]
    sets = [tuple(np.flatnonzero(column).tolist()) for column in held.T]
    return groups.reshape(masks.shape[1:]).astype(np.uint16), np.bincount(groups.reshape(-1)), sets


class AtomCollector:
    """Joins the atoms of single images, given in order, into one set of tables.

    The pixels themselves are not kept; the caller stores them.
    """

    def __init__(self) -> None:
        self._sets = {}
        self._n_atoms = [0]
        self._sizes = []
        self._atom_sets = []

    def add(self, sizes: np.ndarray, sets: list[tuple[int, ...]]) -> None:
        """Add the atoms of the next image, as `image_atoms` returns them."""
        self._sizes.append(sizes)
        numbers = [self._sets.setdefault(concepts, len(self._sets)) for concepts in sets]
        self._atom_sets.append(np.array(numbers, dtype=np.int64))
        self._n_atoms.append(self._n_atoms[-1] + len(sets))

    def tables(self) -> dict[str, np.ndarray]:
        """Return the arrays of `Atoms` (without pixel_atoms and n_concepts) as a dict."""
        lengths = [len(concepts) for concepts in self._sets]
        return {
            "image_start": np.array(self._n_atoms, dtype=np.int64),
            "atom_size": np.concatenate(self._sizes).astype(np.int64),
            "atom_set": np.concatenate(self._atom_sets),
            "set_start": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            "set_concepts": np.array([c for concepts in self._sets for c in concepts], dtype=np.int64),
        }
