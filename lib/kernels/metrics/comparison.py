"""Categories of concepts in formulas, similarity of two sets, and differences of two formulas."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ..search.formula import AND_NOT, Formula, canonical


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


DIFFERENCES = (
    "same",
    "equivalent",
    "same_concepts_same_iou",
    "same_concepts",
    "same_iou",
    "different_concepts",
)


def difference(first: Formula, second: Formula, *, same_iou: bool) -> str:
    """Name how two formulas for one bitmap differ.

    Parameters
    ----------
    first, second : Formula
    same_iou : bool
        Whether they have the same IoU with the bitmap.

    Returns
    -------
    str
        One of `DIFFERENCES`, the first that fits: `same` (up to the order of the two operands of an OR or AND),
        `equivalent` (logically), `same_concepts_same_iou`, `same_concepts` (with another IoU), `same_iou` (with other
        concepts), `different_concepts` (with another IoU).

    References
    ----------
    Guaranteed Optimal Compositional Explanations (La Rosa and Gilpin 2026), which has no category for equivalent
    formulas.
    """
    if _ordered(first) == _ordered(second):
        return "same"
    if canonical(first) == canonical(second):
        return "equivalent"
    if set(first.concepts) == set(second.concepts):
        return "same_concepts_same_iou" if same_iou else "same_concepts"
    return "same_iou" if same_iou else "different_concepts"


def _ordered(formula: Formula) -> Formula:
    """Return a formula with its first two concepts in ascending order where their operator allows it."""
    if not formula.operators or formula.operators[0] == AND_NOT:
        return formula
    return Formula((*sorted(formula.concepts[:2]), *formula.concepts[2:]), formula.operators)
