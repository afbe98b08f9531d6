"""Exact beam search for the formula that best explains a bitmap: every candidate of every step is scored exactly."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from .atoms import Atoms
from .formula import AND, AND_NOT, OR, Formula, canonical, evaluate
from .optimal_index import SearchIndex


@dataclass(frozen=True)
class Scored:
    """A formula with its exact counts.

    Attributes
    ----------
    formula : Formula
    inside : int
        Pixels of the formula's mask in the bitmap.
    size : int
        Pixels of the formula's mask.
    iou : float
    """

    formula: Formula
    inside: int
    size: int
    iou: float


@njit(cache=True, nogil=True)
def _concept_sums(values, holds, set_start, set_concepts, n_concepts):
    sums = np.zeros(n_concepts, np.int64)
    for row in range(holds.size):
        if holds[row]:
            value = values[row]
            if value:
                for k in range(set_start[row], set_start[row + 1]):
                    sums[set_concepts[k]] += value
    return sums


@njit(cache=True, nogil=True)
def _concept_counts(values, sizes, holds, set_start, set_concepts, n_concepts):
    sums = np.zeros((n_concepts, 2), np.int64)
    for row in range(holds.size):
        if holds[row]:
            value, size = values[row], sizes[row]
            for k in range(set_start[row], set_start[row + 1]):
                sums[set_concepts[k], 0] += value
                sums[set_concepts[k], 1] += size
    return sums[:, 0].copy(), sums[:, 1].copy()


class ConceptCounts:
    """Pixel counts of concepts within any union of concept sets.

    Parameters
    ----------
    atoms : Atoms
    """

    def __init__(self, atoms: Atoms) -> None:
        self.set_start, self.set_concepts = atoms.set_start, atoms.set_concepts
        self.n_sets, self.n_concepts = atoms.n_sets, atoms.n_concepts
        self.sizes = atoms.set_sizes()
        self._original = None
        self._rows = np.repeat(np.arange(self.n_sets), np.diff(atoms.set_start))
        order = np.argsort(self.set_concepts, kind="stable")
        self._sets_by_concept = self._rows[order]
        self._concept_start = np.searchsorted(self.set_concepts[order], np.arange(self.n_concepts + 1))

    @cached_property
    def index(self) -> SearchIndex:
        """The pairs and triples of concepts that share pixels, built at the first use."""
        return self._original.index.resized(self.sizes) if self._original else SearchIndex(self)

    def resized(self, sizes: np.ndarray) -> "ConceptCounts":
        """Return the counts of concept sets of other sizes, int64 of shape (n_sets,); all else is shared."""
        twin = copy.copy(self)
        twin.sizes, twin._original = sizes, self
        vars(twin).pop("index", None)
        return twin

    def concept_sets(self, concept: int) -> np.ndarray:
        """Return which concept sets hold one concept, bool of shape (n_sets,)."""
        holds = np.zeros(self.n_sets, dtype=bool)
        holds[self._sets_by_concept[self._concept_start[concept] : self._concept_start[concept + 1]]] = True
        return holds

    def holds(self, formula: Formula) -> np.ndarray:
        """Return for which concept sets a formula holds, bool of shape (n_sets,)."""
        return evaluate(formula, self.concept_sets)

    def within(self, values: np.ndarray, holds: np.ndarray) -> np.ndarray:
        """Sum values (int64 per concept set) over the sets where `holds`, for each concept; int64 (n_concepts,)."""
        return _concept_sums(values, holds, self.set_start, self.set_concepts, self.n_concepts)

    def within_bitmap(self, values: np.ndarray, holds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return `within` for the values and for the sizes of the sets, from one pass."""
        return _concept_counts(values, self.sizes, holds, self.set_start, self.set_concepts, self.n_concepts)


def _rank(candidates: tuple[np.ndarray, np.ndarray, np.ndarray], n_best: int) -> np.ndarray:
    """Return the indices of the best candidates, those that tie with the last included, best first."""
    iou, concepts, operators = candidates
    if len(iou) > n_best:
        last = np.partition(iou, len(iou) - n_best)[len(iou) - n_best]
        chosen = np.flatnonzero(iou >= last)
    else:
        chosen = np.arange(len(iou))
    lengths = (concepts[chosen] >= 0).sum(axis=1)
    keys = (*operators[chosen].T[::-1], *concepts[chosen].T[::-1], lengths, -iou[chosen])
    return chosen[np.lexsort(keys)]


def _select(beam: list[Scored], extensions: tuple[np.ndarray, ...] | None, n_best: int) -> list[Scored]:
    """Keep the n best of the kept formulas and their extensions; equivalent formulas count once."""
    width = max((scored.formula.length for scored in beam), default=0) + 1
    blocks = [extensions] if extensions else []
    kept = (
        np.array([scored.inside for scored in beam], np.int64),
        np.array([scored.size for scored in beam], np.int64),
        np.array([scored.iou for scored in beam], np.float64),
        np.array([scored.formula.concepts + (-1,) * (width - scored.formula.length) for scored in beam], np.int64),
        np.array([scored.formula.operators + (-1,) * (width + 1 - scored.formula.length) for scored in beam], np.int64),
    )
    inside, size, iou, concepts, operators = (np.concatenate(parts) for parts in zip(kept, *blocks))
    n_wanted = n_best
    while True:
        chosen, seen = [], set()
        ranked = _rank((iou, concepts, operators), n_wanted)
        for i in ranked:
            formula = Formula(
                tuple(int(c) for c in concepts[i] if c >= 0), tuple(int(o) for o in operators[i] if o >= 0)
            )
            key = canonical(formula)
            if key not in seen:
                seen.add(key)
                chosen.append(Scored(formula, int(inside[i]), int(size[i]), float(iou[i])))
                if len(chosen) == n_best:
                    return chosen
        if len(ranked) == len(iou):
            return chosen
        n_wanted *= 4


def _extend(
    beam: list[Scored],
    n_best: int,
    values: np.ndarray,
    concept_totals: tuple[np.ndarray, np.ndarray],
    counts: ConceptCounts,
) -> tuple[np.ndarray, ...]:
    """Score every extension of every kept formula by inclusion and exclusion; leave out what can't be among the best."""
    blocks, n_bitmap = [], int(values.sum())
    floor = beam[n_best - 1].iou if len(beam) >= n_best else 0.0
    in_bitmap, totals = concept_totals
    width = max(scored.formula.length for scored in beam) + 1
    for scored in beam:
        holds = counts.holds(scored.formula)
        both_bitmap, both_size = counts.within_bitmap(values, holds)
        free = np.ones(counts.n_concepts, dtype=bool)
        free[list(scored.formula.spent)] = False
        for operator, inside, size in (
            (OR, scored.inside + in_bitmap - both_bitmap, scored.size + totals - both_size),
            (AND, both_bitmap, both_size),
            (AND_NOT, scored.inside - both_bitmap, scored.size - both_size),
        ):
            iou = inside / (n_bitmap + size - inside)
            useful = np.flatnonzero((inside > 0) & free & (iou >= floor))
            padding = (-1,) * (width - scored.formula.length - 1)
            concepts = np.empty((len(useful), width), np.int64)
            concepts[:] = (*scored.formula.concepts, -1, *padding)
            concepts[:, scored.formula.length] = useful
            operators = np.empty((len(useful), width), np.int64)
            operators[:] = (*scored.formula.operators, operator, *padding, -1)
            blocks.append((inside[useful], size[useful], iou[useful], concepts, operators))
    return tuple(np.concatenate(parts) for parts in zip(*blocks))


def search_beam(values: np.ndarray, counts: ConceptCounts, *, length: int, beam: int) -> Scored | None:
    """Find the best formula for one bitmap by beam search with exact scores.

    The first step keeps the 2 * beam best concepts, each further step the beam best of the kept formulas and all their
    extensions, the last step the best. The shorter formula wins a tie, then the smaller concept numbers, then OR before
    AND before AND NOT. Logically equivalent formulas count once.

    Parameters
    ----------
    values : numpy.ndarray of shape (n_sets,), int64
        Bitmap pixels in each concept set.
    counts : ConceptCounts
    length : int
        Largest number of concepts.
    beam : int

    Returns
    -------
    Scored or None
        None if the bitmap is empty or shares no pixel with any concept.

    References
    ----------
    Compositional Explanations (Mu and Andreas 2020), section 3; this search needs no estimate of the score.
    """
    steps = list(beam_steps(values, counts, length=length, beam=beam))
    return steps[-1][0] if steps else None


def beam_steps(values: np.ndarray, counts: ConceptCounts, *, length: int, beam: int) -> Iterator[list[Scored]]:
    """Yield what the beam search keeps after each step, best first; nothing if no concept shares pixels with the bitmap.

    Parameters
    ----------
    values, counts, length, beam
        As for `search_beam`.

    Yields
    ------
    list of Scored
    """
    n_bitmap = int(values.sum())
    everywhere = np.ones(counts.n_sets, dtype=bool)
    in_bitmap, totals = counts.within_bitmap(values, everywhere)
    present = np.flatnonzero(in_bitmap)
    if not present.size:
        return
    iou = in_bitmap[present] / (n_bitmap + totals[present] - in_bitmap[present])
    order = np.lexsort((present, -iou))[: 2 * beam if length > 1 else 1]
    kept = [
        Scored(Formula((int(c),)), int(in_bitmap[c]), int(totals[c]), float(share))
        for c, share in zip(present[order], iou[order])
    ]
    yield kept
    for step in range(2, length + 1):
        n_best = beam if step < length else 1
        extensions = _extend(kept, n_best, values, (in_bitmap, totals), counts)
        kept = _select(kept, extensions, n_best)
        yield kept
