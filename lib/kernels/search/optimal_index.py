"""Index of the pairs and triples of concepts that share pixels, built once per concept set.

A pixel with k concepts lies in k (k - 1) / 2 pairs and k (k - 1) (k - 2) / 6 triples. Pixels carry few concepts, so the
triples that occur at all are few (some 100,000 for 1,100 concepts), and a sum over every one of them costs little more
than a sum over the concept sets.
"""

import copy
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from .beam import ConceptCounts

MAX_TRIPLES = 2**31 - 1


@dataclass(frozen=True)
class JointSums:
    """Sums of one quantity per concept, per pair and per triple of concepts.

    Attributes
    ----------
    single : numpy.ndarray of shape (n_concepts,), int64
    pair : numpy.ndarray of shape (n_concepts, n_concepts), int64
        Symmetric; the diagonal holds the single sums.
    triple : numpy.ndarray of shape (n_triples,), int64
        In the order of `SearchIndex.triple_keys`.
    """

    single: np.ndarray
    pair: np.ndarray
    triple: np.ndarray


@njit(cache=True, nogil=True)
def _list_triples(set_start, set_concepts, triple_start, n_concepts, keys):
    for row in range(set_start.size - 1):
        k = triple_start[row]
        first, last = set_start[row], set_start[row + 1]
        for i in range(first, last):
            for j in range(i + 1, last):
                for m in range(j + 1, last):
                    keys[k] = (set_concepts[i] * n_concepts + set_concepts[j]) * n_concepts + set_concepts[m]
                    k += 1


@njit(cache=True, nogil=True)
def _joint_sums(values, set_start, set_concepts, triple_start, set_triples, pair, triple):
    for row in range(values.size):
        value = values[row]
        if value == 0:
            continue
        first, last = set_start[row], set_start[row + 1]
        for i in range(first, last):
            a = set_concepts[i]
            for j in range(first, last):
                pair[a, set_concepts[j]] += value
        for k in range(triple_start[row], triple_start[row + 1]):
            triple[set_triples[k]] += value


class SearchIndex:
    """The pairs and triples of concepts that occur, and their pixel counts.

    Parameters
    ----------
    counts : ConceptCounts

    Raises
    ------
    MemoryError
        If the concept sets hold 2**31 triples or more (far beyond 100 labels per pixel).
    """

    def __init__(self, counts: "ConceptCounts") -> None:
        self.n_concepts = counts.n_concepts
        self._set_start, self._set_concepts = counts.set_start, counts.set_concepts
        per_set = np.diff(self._set_start)
        n_triples = np.array([comb(int(k), 3) for k in range(per_set.max(initial=0) + 1)], np.int64)[per_set]
        self.triple_start = np.concatenate([[0], np.cumsum(n_triples)]).astype(np.int64)
        if self.triple_start[-1] > MAX_TRIPLES:
            raise MemoryError(
                f"{self.triple_start[-1]} label triples do not fit into the optimal search; choose fewer concept "
                "categories (concepts.*.categories) or set explanations.search to beam"
            )
        keys = np.empty(self.triple_start[-1], np.int64)
        _list_triples(self._set_start, self._set_concepts, self.triple_start, self.n_concepts, keys)
        self.triple_keys, inverse = np.unique(keys, return_inverse=True)
        self.set_triples = inverse.astype(np.int32)
        n = max(self.n_concepts, 1)
        triples = (self.triple_keys // (n * n), self.triple_keys // n % n, self.triple_keys % n)
        self.triples = np.stack(triples, axis=1).astype(np.int32)
        self.sizes = self.joint_sums(counts.sizes)

    def resized(self, sizes: np.ndarray) -> "SearchIndex":
        """Return the index of concept sets of other sizes, int64 of shape (n_sets,); the lists of triples are shared."""
        twin = copy.copy(self)
        twin.sizes = self.joint_sums(sizes)
        return twin

    def joint_sums(self, values: np.ndarray) -> JointSums:
        """Sum values (int64 per concept set) over the sets that hold each concept, each pair and each triple."""
        pair = np.zeros((self.n_concepts, self.n_concepts), np.int64)
        triple = np.zeros(len(self.triple_keys), np.int64)
        _joint_sums(values, self._set_start, self._set_concepts, self.triple_start, self.set_triples, pair, triple)
        return JointSums(pair.diagonal().copy(), pair, triple)
