"""Specialization of formulas: comparison with those of the network with random weights."""

from collections import Counter
from collections.abc import Sequence

from ..search.formula import Formula, canonical

DEFAULT_SHARE = 0.2
KINDS = ("unspecialized", "weakly_specialized", "specialized")


def default_formulas(formulas: Sequence[Formula], n_units: int) -> tuple[set, set]:
    """Return the most common formulas of a network with random weights.

    Parameters
    ----------
    formulas : sequence of Formula
        Of all units and ranges of a layer with random weights.
    n_units : int
        Units of the layer.

    Returns
    -------
    defaults, pairs : set
        Canonical keys of the most common formulas, a fifth as many as there are units, and of as many different left
        parts, taken from the most common formulas on. Of equally common formulas the first one is taken.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), section 5, specialization.
    """
    n = max(1, int(DEFAULT_SHARE * n_units))
    spelled = {canonical(formula): formula for formula in reversed(formulas)}
    common = [key for key, _ in Counter(map(canonical, formulas)).most_common()]
    pairs = dict.fromkeys(canonical(spelled[key].left) for key in common if spelled[key].left)
    return set(common[:n]), set(list(pairs)[:n])


def specialization_of(formula: Formula, defaults: set, pairs: set) -> str:
    """Return whether a formula is a default one (`unspecialized`), shares its left part with one, or neither.

    Parameters
    ----------
    formula : Formula
    defaults, pairs : set
        As `default_formulas` returns them.

    Returns
    -------
    str
        One of `KINDS`.
    """
    if canonical(formula) in defaults:
        return "unspecialized"
    return "weakly_specialized" if formula.left and canonical(formula.left) in pairs else "specialized"
