"""Categories of concepts in formulas, and similarity of two sets."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ..search.formula import Formula


def category_mix(formulas: Iterable[Formula], categories: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Count the asserted concepts of formulas by category, without those under NOT.

    Parameters
    ----------
    formulas : iterable of Formula
    categories : sequence of str
        Category of each concept.

    Returns
    -------
    dict of str to (int, float)
        For each category, in alphabetical order, the number of concepts and their share of all; the share is NaN if
        there are no formulas.
    """
    found = Counter(categories[concept] for formula in formulas for concept in formula.asserted)
    total = found.total()
    return {
        category: (found[category], found[category] / total if total else float("nan"))
        for category in sorted(set(categories))
    }


def jaccard(first: set, second: set) -> float:
    """Return the Jaccard index of two sets; NaN if both are empty."""
    either = len(first | second)
    return len(first & second) / either if either else float("nan")
