"""Specialization of formulas: comparison with those of the network with random weights."""

from collections import Counter
from collections.abc import Sequence

from ..search.formula import Formula, canonical

DEFAULT_SHARE = 0.2
KINDS = ("unspecialized", "weakly_specialized", "specialized")


def common_formulas(
    formulas: Sequence[Formula], n_units: int
) -> tuple[list[tuple[Formula, int]], list[tuple[Formula, int]]]:
    """Return the most common formulas of a network with random weights, and their left parts.

    Parameters
    ----------
    formulas : sequence of Formula
        Of all units and ranges of a layer with random weights.
    n_units : int
        Units of the layer.

    Returns
    -------
    defaults, pairs : list of (Formula, int)
        The most common formulas, a fifth as many as there are units, each as it is first spelled and with the number of
        formulas that are equivalent to it; and as many different left parts, taken from the most common formulas on,
        with the number of formulas that have them. Of equally common formulas the first one is taken.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), section 5, specialization.
    """
    n = max(1, int(DEFAULT_SHARE * n_units))
    spelled = {canonical(formula): formula for formula in reversed(formulas)}
    common = Counter(map(canonical, formulas)).most_common()
    n_left = Counter(canonical(formula.left) for formula in formulas if formula.left)
    pairs = {}
    for key, _ in common:
        if left := spelled[key].left:
            pairs.setdefault(canonical(left), left)
    return (
        [(spelled[key], count) for key, count in common[:n]],
        [(left, n_left[key]) for key, left in list(pairs.items())[:n]],
    )


def default_formulas(formulas: Sequence[Formula], n_units: int) -> tuple[set, set]:
    """Return the canonical keys of `common_formulas`: of the formulas and of the left parts.

    Parameters
    ----------
    formulas, n_units
        As for `common_formulas`.

    Returns
    -------
    defaults, pairs : set
    """
    defaults, pairs = common_formulas(formulas, n_units)
    return {canonical(formula) for formula, _ in defaults}, {canonical(left) for left, _ in pairs}


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
