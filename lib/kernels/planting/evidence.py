"""The evidence for the formula of a planted unit, by the kernels that serve recorded units."""

from functools import cached_property
from typing import Any

import numpy as np

from ..activations.range_codes import RangeCodes
from ..activations.ranges import top_range
from ..evidence.chance import search_nulls
from ..evidence.resampling import bootstrap_weights, split_images
from ..evidence.stability import Replicates, search_replicates
from ..evidence.unseen import Halves, cross_fit
from ..search.atoms import Atoms
from ..search.beam import ConceptCounts
from ..search.explaining import explain_bitmap
from ..search.formula import Formula, canonical


class Probe:
    """Images and a vocabulary, with what all units that see them share.

    Parameters
    ----------
    atoms : Atoms
    n_bootstraps : int
        Replicates for stability.
    n_unseen : int
        Replicates for intervals of the IoU on unseen images.
    seed : int
        For `split_images` and `bootstrap_weights`.
    """

    def __init__(self, atoms: Atoms, *, n_bootstraps: int, n_unseen: int, seed: int) -> None:
        self.atoms, self.counts, self._seed = atoms, ConceptCounts(atoms), seed
        self._n_bootstraps, self._n_unseen = n_bootstraps, n_unseen

    @cached_property
    def halves(self) -> Halves:
        """The halves of the images."""
        return Halves(self.atoms, split_images(self.atoms.n_images, seed=self._seed))

    @cached_property
    def weights(self) -> np.ndarray:
        """The bootstrap weights for intervals of the IoU on unseen images."""
        return bootstrap_weights(self.atoms.n_images, self._n_unseen, seed=self._seed)

    @cached_property
    def replicates(self) -> Replicates:
        """The bootstrap replicates for stability."""
        weights = bootstrap_weights(self.atoms.n_images, self._n_bootstraps, seed=self._seed)
        return Replicates(self.atoms, self.counts, weights)


def gather(
    maps: np.ndarray,
    share: float,
    probe: Probe,
    *,
    truth: Formula | None,
    shuffles: dict[str, Any],
    search: dict[str, Any],
) -> tuple[Formula | None, dict[str, float], np.ndarray]:
    """Search for the formula of a unit's highest activations, and test it.

    Parameters
    ----------
    maps : numpy.ndarray of shape (n_images, h, w), float32
    share : float
        Share of the activations that are in the range.
    probe : Probe
    truth : Formula or None
        The cause, if it can be said in the vocabulary.
    shuffles : dict
        Settings of `search_nulls`.
    search : dict
        Settings of `explain_bitmap`.

    Returns
    -------
    formula : Formula or None
        None if no concept shares a pixel with the range.
    measures : dict of str to float
        `recovered_exactly` (logically equivalent to the truth), `recovered_equivalent` (the same pixels), `iou`,
        `iou_lost` (the truth's less the found one's), `iou_unseen` with its interval, `set_size`, `set_holds_truth`,
        `min_support`; what cannot be computed is missing.
    nulls : numpy.ndarray of shape (n_shuffles,), float64
        Empty without a formula.
    """
    lower, upper = top_range(maps.reshape(-1), share)
    codes = RangeCodes([maps], probe.atoms, lower=np.array([lower]), upper=np.array([upper]))
    per_atom = codes.count(np.arange(probe.atoms.n_images))[0]
    best = explain_bitmap(per_atom, probe.atoms, probe.counts, **search)
    measures = {"recovered_exactly": 0.0, "recovered_equivalent": 0.0, "set_holds_truth": 0.0} if truth else {}
    if truth:
        measures["iou_lost"] = _iou(per_atom, truth, probe) - (best.iou or 0.0)
    if best.formula is None:
        return None, measures, np.empty(0)
    measures["iou"] = best.iou
    starts = [best.formula]
    nulls = search_nulls(codes, probe.atoms, probe.counts, starts=starts, **shuffles, **search)[:, 0]
    unseen = cross_fit(per_atom, probe.halves, best.formula, weights=probe.weights, **search)
    if unseen:
        measures |= {name: getattr(unseen, name) for name in ("iou_unseen", "iou_unseen_low", "iou_unseen_high")}
    stability = search_replicates(per_atom, best.formula, probe.replicates, **search)
    measures["set_size"] = len(stability.formulas)
    measures["min_support"] = min(stability.support) / stability.n_replicates
    if truth:
        measures["recovered_exactly"] = float(canonical(best.formula) == canonical(truth))
        measures["recovered_equivalent"] = float(_same_pixels(best.formula, truth, probe.counts))
        in_set = any(_same_pixels(formula, truth, probe.counts) for formula, _ in stability.formulas)
        measures["set_holds_truth"] = float(in_set)
    return best.formula, measures, nulls


def _same_pixels(one: Formula, other: Formula, counts: ConceptCounts) -> bool:
    return bool((counts.holds(one) == counts.holds(other))[counts.sizes > 0].all())


def _iou(per_atom: np.ndarray, formula: Formula, probe: Probe) -> float:
    holds = probe.counts.holds(formula)
    inside = int(per_atom[holds[probe.atoms.atom_set]].sum())
    return inside / (int(per_atom.sum()) + int(probe.counts.sizes[holds].sum()) - inside)
