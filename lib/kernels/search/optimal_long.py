"""Branch and bound for formulas of more than three concepts: complete, in exact integer arithmetic.

A formula is taken apart from its last concept on. The last concept c of x OR c, x AND c, x AND NOT c decides the pixels
of c, those outside, or those of c again, and leaves a formula x that is one concept shorter and counts only on the pixels
not yet decided. With three concepts left, the scans of the search for length 3 answer. Three bounds keep the tree small:

- If the best formula of one concept less weighs B, a concept can be in a formula of weight W only if it can change the
  weight by W - B. All others are removed, sets that differ only in them are merged, and the bound is taken again.
- With c last, the rest weighs at most B, plus what c can take away that is negative.
- Pixels that the same concepts decide, whatever the order, leave the same space: it is not searched again.
"""

import time
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from .beam import ConceptCounts
from .formula import AND, AND_NOT, OR, Formula
from .optimal_leaf import LEAF, best_of_three, best_of_three_without, heaviest_pair, joint_sums, members, without
from .optimal_scan import CODE, LENGTH, WEIGHT, decode, fits
from .optimal_space import Space, needs, pair_sums, restrict

# answers that are kept, some 200 bytes each
MAX_ANSWERS = 10**6


@dataclass
class _Search:
    """State of one round: the heaviest formula so far, and what is known of spaces.

    Attributes
    ----------
    floor : int
        Weight that a formula must have to count; that of `formula` once there is one.
    deadline : float or None
    formula : Formula or None
    unseen : int
        If the time is over, the most that a formula not looked at can weigh; 0 otherwise.
    answers : dict
        By the concepts that have decided (2 * concept + 1 if their pixels are left) and the number of concepts left: a
        bound of the weight of the rest.
    """

    floor: int
    deadline: float | None
    formula: Formula | None = None
    unseen: int = 0
    answers: dict = field(default_factory=dict)

    def is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def take(self, best: np.ndarray, space: Space, place: "_Place") -> int:
        """Keep an answer of the scans if it is the best, or as good and first in order; return its weight or a bound."""
        if best[LENGTH] > LEAF:
            return int(best[WEIGHT]) - 1
        prefix = decode(int(best[LENGTH]), int(best[CODE]), len(space.concepts))
        formula = Formula(tuple(int(space.concepts[c]) for c in prefix.concepts), prefix.operators)
        for operator, concept in reversed(place.steps):
            formula = formula.extend(operator, concept)
        weight = place.gain + int(best[WEIGHT])
        order = formula.length, formula.concepts, formula.operators
        kept = self.formula
        if weight > self.floor or kept is None or order < (kept.length, kept.concepts, kept.operators):
            self.floor, self.formula = weight, formula
        return int(best[WEIGHT])

    def remember(self, key: tuple, bound: int) -> None:
        if key in self.answers or len(self.answers) < MAX_ANSWERS:
            self.answers[key] = min(bound, self.answers.get(key, bound))


@dataclass(frozen=True)
class _Place:
    """A place in the tree: the end of the formula, what it weighs, and how many concepts are left.

    Attributes
    ----------
    steps : tuple of (int, int)
        Operators and concepts, the last of the formula first.
    decided : tuple of int
        The concepts that have decided, ascending: 2 * concept, plus 1 if their pixels are left.
    gain : int
    left : int
    """

    steps: tuple
    decided: tuple
    gain: int
    left: int

    def below(self, operator: int, concept: int, gain: int) -> "_Place":
        decided = tuple(sorted((*self.decided, 2 * concept + (operator == AND))))
        return _Place((*self.steps, (operator, concept)), decided, self.gain + gain, self.left - 1)


class _Bounds:
    """What is known of a space before it is taken apart.

    Parameters
    ----------
    space : Space
    left : int
        Concepts of the formulas to find.
    most : list of int
        Bounds of the weight of the best formulas of 0, 1, ... left - 1 concepts, as far as known from above.
    """

    def __init__(self, space: Space, left: int, most: list[int]) -> None:
        sums = pair_sums(space)
        more, self.less = needs(sums, left)
        self.need = np.maximum(more, self.less)
        self.positive = sums[0].diagonal()
        self.all = self.positive + sums[1].diagonal()
        self.single = self.positive - sums[1].diagonal()
        two = int(heaviest_pair(joint_sums(space, sums)))
        three = best_of_three(space, two + 1)
        total = int(np.maximum(space.weights, 0).sum())
        self.best = [0, max(0, int(self.single.max())), two, int(three[WEIGHT]) if three[LENGTH] <= LEAF else two]
        self.best += [min(bound, total) for bound in most[LEAF + 1 : left]]

    def useful(self, floor: int, best: list[int]) -> np.ndarray:
        """Return which concepts can be in a formula that reaches the floor; `best` bounds shorter ones.

        A concept that stands in a formula twice can both add and remove, but leaves two concepts fewer.
        """
        return (self.need >= floor - best[-1]) | (self.all >= floor - best[-2])

    def below(self, length: int, concept: int) -> list[int]:
        """Return bounds of the best formulas of 0, 1, ... length - 1 concepts outside a concept."""
        return [bound + int(self.less[concept]) for bound in self.best[:length]]

    def branches(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the last steps in descending order of their bounds, and these; AND c comes after the others, as n + c."""
        removed = self.best[-1] + self.less + np.maximum(self.single, 0)
        bounds = np.concatenate([removed, self.positive])
        order = np.argsort(-bounds, kind="stable")
        return order, bounds[order]


class _Parts:
    """A space without the concepts that matter least, for branches that need few of them.

    Parameters
    ----------
    space : Space
    need : numpy.ndarray of shape (n_concepts,), int64
    """

    def __init__(self, space: Space, need: np.ndarray) -> None:
        self._space, self._need = space, need
        self._order = np.argsort(-need, kind="stable")
        self._parts = {}

    @cached_property
    def _members(self) -> tuple[np.ndarray, np.ndarray]:
        return members(self._space)

    def part(self, useful: np.ndarray) -> tuple:
        """Return a part that holds the useful concepts; there are few different ones."""
        n_kept = int(np.flatnonzero(useful[self._order])[-1]) + 1
        size = 8
        while size < n_kept:
            size = size * 4 // 3
        if size not in self._parts:
            keep = np.zeros(len(self._need), dtype=bool)
            keep[self._order[:size]] = True
            part, rows = restrict(self._space, -1, 2, keep)
            self._parts[size] = part, rows, joint_sums(part, pair_sums(part)), self._need[keep]
        return self._parts[size]

    def removed(self, concept: int) -> np.ndarray:
        """Return the sets that hold a concept."""
        start, sets = self._members
        return sets[start[concept] : start[concept + 1]]


def _search(state: _Search, space: Space, place: _Place, most: list[int]) -> int:
    """Search all formulas with a given end; return a bound of the weight of the rest."""
    floor, before = state.floor - place.gain, state.formula
    if place.left == LEAF:
        return state.take(best_of_three(space, floor), space, place)
    while True:
        if not len(space.weights) or int(np.maximum(space.weights, 0).sum()) < floor:
            return floor - 1
        known = _Bounds(space, place.left, most)
        keep = known.useful(floor, known.best)
        if keep.all():
            break
        if not keep.any():
            return floor - 1
        space, _ = restrict(space, -1, 2, keep)
    parts = _Parts(space, known.need)
    for branch, bound in zip(*(column.tolist() for column in known.branches())):
        if bound < state.floor - place.gain:
            break
        if state.is_late():
            state.unseen = max(state.unseen, place.gain + bound)
            break
        together, c = divmod(branch, len(space.concepts))
        _descend(state, known, (space, parts), place, c, bool(together))
    return floor - 1 if state.formula is before else state.floor - place.gain


def _descend(
    state: _Search, known: _Bounds, parted: tuple[Space, _Parts], place: _Place, c: int, together: bool
) -> None:
    """Search the formulas that end with one more concept: AND c if `together`, else OR c or AND NOT c."""
    space, parts = parted
    weight = 0 if together else int(known.single[c])
    operator = AND if together else OR if weight >= 0 else AND_NOT
    child = place.below(operator, int(space.concepts[c]), max(weight, 0))
    floor, key = state.floor - child.gain, (child.decided, child.left)
    if key in state.answers and state.answers[key] < floor:
        return
    if together:
        smaller, _ = restrict(space, c, 1, np.ones(len(space.concepts), dtype=bool))
        bound = _search(state, smaller, child, [int(known.positive[c])] * child.left)
    else:
        most = known.below(child.left, c)
        # formulas of three concepts gain nothing from one that they hold twice
        useful = known.useful(floor, most) if child.left > LEAF else known.need >= floor - most[-1]
        if not useful.any():
            return
        part, rows, joint, need = parts.part(useful)
        removed = parts.removed(c)
        if child.left == LEAF:
            best = best_of_three_without(part, joint, need, rows, removed, space.weights, floor)
            bound = state.take(best, part, child)
        else:
            bound = _search(state, without(part, rows, removed, space.weights), child, most)
    if not state.unseen:
        state.remember(key, bound)


def search_long(
    values: np.ndarray,
    counts: ConceptCounts,
    *,
    start: Fraction,
    shorter: list[Fraction],
    deadline: float | None,
) -> tuple[Formula | None, Fraction]:
    """Find the best formula of a length above three, where the best IoU of all shorter ones is known.

    Parameters
    ----------
    values : numpy.ndarray of shape (n_sets,), int64
        Bitmap pixels in each concept set.
    counts : ConceptCounts
    start : fractions.Fraction
        IoU of a formula of this length, or the largest of the shorter ones.
    shorter : list of fractions.Fraction
        The largest IoU of formulas of up to 3, 4, ... concepts; what is sought has one more than the last.
    deadline : float or None
        Time of the monotonic clock at which the search ends.

    Returns
    -------
    formula : Formula or None
        The best formula: of those with the largest IoU the one with the smaller concept numbers, then OR before AND
        before AND NOT. None if none is better than the shorter ones. If the time is over, the best found, or None.
    bound : fractions.Fraction
        No formula has a larger IoU. It equals the IoU of the best formula exactly if that is proved.
    """
    n_bitmap, n_pixels = int(values.sum()), int(counts.sizes.sum())
    length = LEAF + len(shorter)
    best, bound, iou = None, Fraction(1), start
    while fits(iou, n_bitmap, n_pixels):
        target = iou.numerator * n_bitmap
        space = _weigh(iou, values, counts)
        # A formula as good as the best of the shorter ones loses to it.
        state = _Search(target + 1 if iou == shorter[-1] else target, deadline)
        # inside <= v * (n_bitmap + outside) bounds the weight of a formula whose IoU v is at most `iou`.
        most = [n_pixels * iou.denominator] * LEAF + [int(v * n_bitmap * iou.denominator) for v in shorter]
        _search(state, space, _Place((), (), 0, length), most)
        heaviest = max(state.unseen, state.floor if state.formula else target)
        bound = min(bound, Fraction(heaviest, target) * iou)
        if state.formula is None:
            break
        best = state.formula
        holds = counts.holds(best)
        inside, size = int(values[holds].sum()), int(counts.sizes[holds].sum())
        iou = Fraction(inside, n_bitmap + size - inside)
        if heaviest == target or state.unseen:
            break
    return best, bound


def _weigh(iou: Fraction, values: np.ndarray, counts: ConceptCounts) -> Space:
    """Return the concept sets with the weights inside - iou * outside, scaled to integers."""
    weights = (iou.denominator + iou.numerator) * values - iou.numerator * counts.sizes
    index = counts.index
    return Space(
        weights,
        counts.set_start,
        counts.set_concepts,
        index.triple_start,
        index.set_triples,
        index.triples,
        np.arange(counts.n_concepts),
    )
