"""Branch and bound for formulas of more than three concepts, within a time budget."""

import time
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .beam import ConceptCounts
from .formula import AND, OR, Formula
from .optimal_scan import fits

N_OPERATORS = 3
# memory for the masks of visited formulas, so that equivalent formulas are skipped
SEEN_BYTES = 2**28


@dataclass(frozen=True)
class _Weights:
    """Integer weights at one IoU: per concept set, and per concept in all; `positive` leaves out the negative ones."""

    all: np.ndarray
    positive: np.ndarray
    single: np.ndarray
    single_positive: np.ndarray


def _weigh(values: np.ndarray, counts: ConceptCounts, iou: Fraction) -> _Weights:
    weights = (iou.denominator + iou.numerator) * values - iou.numerator * counts.sizes
    positive = np.maximum(weights, 0)
    everywhere = np.ones(counts.n_sets, dtype=bool)
    return _Weights(weights, positive, counts.within(weights, everywhere), counts.within(positive, everywhere))


def _largest(values: np.ndarray, n: int) -> int:
    """Return the sum of the n largest values."""
    return (
        int(values.sum()) if n >= len(values) else int(np.partition(values, len(values) - n)[len(values) - n :].sum())
    )


class _Node:
    """A formula and its extensions in descending order of their bounds."""

    def __init__(
        self, formula: Formula, holds: np.ndarray, weights: _Weights, counts: ConceptCounts, n_left: int
    ) -> None:
        self.formula, self.holds = formula, holds
        inside, inside_positive = counts.within(weights.all, holds), counts.within(weights.positive, holds)
        weight, positive = int(weights.all[holds].sum()), int(weights.positive[holds].sum())
        outside, outside_positive = weights.single - inside, weights.single_positive - inside_positive
        allowed = np.ones(counts.n_concepts, dtype=bool)
        allowed[list(formula.spent)] = False
        self.weights = np.where(allowed, np.stack([weight + outside, inside, weight - inside]), -(2**62)).reshape(-1)
        if n_left == 1:
            bounds = self.weights
        else:
            kept = np.stack([positive + outside_positive, inside_positive, positive - inside_positive])
            more = _largest(weights.single_positive, n_left - 1)
            kept += np.array([[_largest(outside_positive, n_left - 1)], [more], [more]])
            bounds = np.where(allowed, kept, -(2**62)).reshape(-1)
        self.order = np.argsort(-bounds, kind="stable")
        self.bounds = bounds[self.order]
        self.next = 0

    def bound(self) -> int:
        """Return the largest weight that a remaining extension can have."""
        return int(self.bounds[self.next]) if self.next < len(self.bounds) else -(2**62)


def _child(holds: np.ndarray, operator: int, mask: np.ndarray) -> np.ndarray:
    if operator == OR:
        return holds | mask
    return holds & mask if operator == AND else holds & ~mask


def _round(
    target: int, weights: _Weights, counts: ConceptCounts, *, length: int, deadline: float | None
) -> tuple[Formula | None, int]:
    """Look for a formula that weighs more than the target.

    Returns
    -------
    formula : Formula or None
        The heaviest formula above the target.
    bound : int
        No formula weighs more; equal to the weight found, or the target, if the search came to its end.
    """
    best, found = target, None
    nothing = np.zeros(counts.n_sets, dtype=bool)
    seen = {}
    starts = weights.single_positive + _largest(weights.single_positive, length - 1)
    order = np.argsort(-starts, kind="stable")
    for position, concept in enumerate(order):
        if starts[concept] <= best:
            break
        mask = counts.concept_sets(concept)
        stack = [_Node(Formula((int(concept),)), nothing | mask, weights, counts, length - 1)]
        while stack:
            if deadline is not None and time.monotonic() >= deadline:
                rest = int(starts[order[position + 1]]) if position + 1 < len(order) else best
                return found, max(best, rest, *(node.bound() for node in stack))
            node = stack[-1]
            if node.bound() <= best:
                stack.pop()
                continue
            choice = int(node.order[node.next])
            node.next += 1
            formula = node.formula.extend(*divmod(choice, counts.n_concepts))
            if node.weights[choice] > best:
                best, found = int(node.weights[choice]), formula
            n_left = length - formula.length
            if n_left:
                holds = _child(node.holds, formula.operators[-1], counts.concept_sets(formula.concepts[-1]))
                key = np.packbits(holds).tobytes()
                if seen.get(key, 0) < n_left:
                    if len(seen) * len(key) < SEEN_BYTES:
                        seen[key] = n_left
                    stack.append(_Node(formula, holds, weights, counts, n_left))
    return found, best


def search_long(
    iou: Fraction, values: np.ndarray, counts: ConceptCounts, *, length: int, deadline: float | None
) -> tuple[Formula | None, Fraction]:
    """Look for a formula with a larger IoU, up to a length above three.

    Parameters
    ----------
    iou : fractions.Fraction
        IoU of the best formula so far.
    values : numpy.ndarray of shape (n_sets,), int64
        Bitmap pixels in each concept set.
    counts : ConceptCounts
    length : int
    deadline : float or None
        Time of the monotonic clock at which the search ends.

    Returns
    -------
    formula : Formula or None
        A formula with a larger IoU, the largest if the search came to its end; None if none was found.
    bound : fractions.Fraction
        No formula has a larger IoU. It equals the IoU of the best formula exactly if that is proved.
    """
    n_bitmap, n_pixels = int(values.sum()), int(counts.sizes.sum())
    best, bound = None, Fraction(1)
    while fits(iou, n_bitmap, n_pixels):
        target = iou.numerator * n_bitmap
        weights = _weigh(values, counts, iou)
        found, most = _round(target, weights, counts, length=length, deadline=deadline)
        ceiling = Fraction(most, target) * iou
        bound = min(bound, ceiling)
        if found is None:
            break
        best = found
        holds = counts.holds(found)
        inside, size = int(values[holds].sum()), int(counts.sizes[holds].sum())
        iou = Fraction(inside, n_bitmap + size - inside)
        if deadline is not None and time.monotonic() >= deadline:
            break
    return best, bound
