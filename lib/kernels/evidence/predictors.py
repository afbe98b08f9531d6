"""The predictors of the simulation: what labels, and rivals of labels, say about a unit's activation on unseen images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..search.atoms import Atoms
from ..search.explaining import explain_bitmap
from ..search.formula import Formula
from .simulation import Activation, Half, fit_non_negative, fit_sparse, score_unseen

PREDICTORS = ("formulas", "top", "dissection", "linear", "linear_top", "sentence", "constant", "shuffled")
"""All predictors, in the order of their rows."""

OF_TOP = ("top", "dissection", "linear_top")
"""The predictors that say only what the range `top` says."""

Score = tuple[float, float, float]


class Simulation:
    """The two halves of the images and how formulas are searched on them.

    Parameters
    ----------
    atoms : Atoms
    split : numpy.ndarray of shape (n_images,), bool
        True for the first half.
    search : dict
        Arguments `search`, `length`, `beam` and `seconds` of `explain_bitmap`.
    """

    def __init__(self, atoms: Atoms, split: np.ndarray, search: dict[str, Any]) -> None:
        self._halves = Half(atoms, split), Half(atoms, ~split)
        self._search = search

    def run(
        self,
        per_atom: np.ndarray,
        moments: tuple[np.ndarray, np.ndarray],
        *,
        formulas: Sequence[Formula],
        top: int | None,
        sentence: Formula | None,
        others: Sequence[Formula],
    ) -> dict[str, Score] | None:
        """Fit each predictor on one half of the images and score it on the other one, both ways.

        The formulas of the unit and the best single concept are searched on the half that the weights are fitted on, so
        that no predictor has seen the other one.

        Parameters
        ----------
        per_atom : numpy.ndarray of shape (n_ranges, n_atoms), int64
            Bitmap pixels of the unit's ranges in each atom.
        moments : (numpy.ndarray, numpy.ndarray), float64 of shape (n_atoms,)
            Sum and sum of squares of the unit's activation in each atom.
        formulas : sequence of Formula
            Best formula of each range on all images, where the searches start.
        top : int or None
            Number of the range of `top`, `dissection` and `linear_top`.
        sentence : Formula or None
            What the unit's sentence says.
        others : sequence of Formula
            Formulas of another unit.

        Returns
        -------
        dict of str to (float, float, float), or None
            Number of literals, correlation and explained share of each predictor that there is, means of both ways.
            None if the activation does not vary on one half.
        """
        halves = [(half, half.activation(*moments)) for half in self._halves]
        if not all(activation.square for _, activation in halves):
            return None
        scored = []
        for way in (_Way(*halves), _Way(*reversed(halves))):
            found = [
                way.search(counts, start=start, **self._search)
                for counts, start in zip(per_atom, formulas, strict=True)
            ]
            own = [formula for formula in found if formula]
            scores = {"formulas": way.weigh(own), "constant": (0.0, 0.0, 0.0)}
            numbers = {"linear": sum(formula.length for formula in own)}
            if top is not None:
                single = way.search(per_atom[top], start=None, **self._search | {"search": "beam", "length": 1})
                scores["top"] = way.weigh([found[top]] if found[top] else [])
                scores["dissection"] = way.weigh([single] if single else [])
                numbers["linear_top"] = found[top].length if found[top] else 0
            scores |= way.choose_concepts(numbers)
            if sentence:
                scores["sentence"] = way.weigh([sentence])
            if others:
                scores["shuffled"] = way.weigh(others)
            scored.append(scores)
        return {name: tuple(np.mean([scores[name] for scores in scored], axis=0).tolist()) for name in scored[0]}


class _Way:
    """A unit seen on one half of the images, and unseen on the other one."""

    def __init__(self, fitted: tuple[Half, Activation], unseen: tuple[Half, Activation]) -> None:
        self._fitted, self._unseen = fitted, unseen

    def search(self, per_atom: np.ndarray, **settings: Any) -> Formula | None:
        half, _ = self._fitted
        return explain_bitmap(half.bitmap(per_atom), half.atoms, half.counts, **settings).formula

    def weigh(self, formulas: Sequence[Formula]) -> Score:
        """Score formulas with weights that are not negative."""
        # both halves have all concept sets, in the same order
        holds = [self._fitted[0].counts.holds(formula) for formula in formulas]
        fitted, unseen = (half.formulas(holds, activation) for half, activation in (self._fitted, self._unseen))
        score = score_unseen(fit_non_negative(fitted), fitted, unseen)
        return (float(sum(formula.length for formula in formulas)), *score)

    def choose_concepts(self, numbers: dict[str, int]) -> dict[str, Score]:
        """Score sparse linear models of concepts, each with its largest number of weights."""
        fitted, unseen = (half.concepts(activation) for half, activation in (self._fitted, self._unseen))
        found = {}
        for name, most in numbers.items():
            chosen, weights = fit_sparse(fitted, most)
            found[name] = (float(len(chosen)), *score_unseen(weights, fitted.take(chosen), unseen.take(chosen)))
        return found
