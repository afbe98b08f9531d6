import numpy as np
import pytest

from lib.kernels.metrics.comparison import category_mix, difference, jaccard
from lib.kernels.search.formula import AND, AND_NOT, OR, Formula


def test_the_mix_counts_what_formulas_ask_for():
    categories = ["object", "scene", "object", "color"]
    formulas = [Formula((0, 1), (OR,)), Formula((2, 3), (AND_NOT,)), Formula((0,))]
    assert category_mix(formulas, categories) == {"color": (0, 0.0), "object": (3, 0.75), "scene": (1, 0.25)}
    assert category_mix([], ["object"]) == {"object": (0, pytest.approx(np.nan, nan_ok=True))}


def test_jaccard_known_on_paper():
    assert jaccard({1, 2, 3}, {2, 3, 4}) == 0.5
    assert jaccard({1}, {2}) == 0 and jaccard({1}, {1}) == 1 and jaccard(set(), {1}) == 0
    assert np.isnan(jaccard(set(), set()))


@pytest.mark.parametrize(
    ("first", "second", "same_iou", "expected"),
    [
        (((0, 1), (OR,)), ((1, 0), (OR,)), True, "same"),
        (((0, 1, 2), (AND, OR)), ((1, 0, 2), (AND, OR)), True, "same"),
        (((0,), ()), ((0,), ()), True, "same"),
        (((0, 1), (AND_NOT,)), ((1, 0), (AND_NOT,)), True, "same_concepts_same_iou"),
        (((0, 1), (AND_NOT,)), ((1, 0), (AND_NOT,)), False, "same_concepts"),
        (((0, 1, 2), (OR, OR)), ((0, 2, 1), (OR, OR)), True, "equivalent"),
        (((0, 1, 2), (AND, AND_NOT)), ((0, 2, 1), (AND_NOT, AND)), True, "equivalent"),
        (((0, 1, 0), (OR, AND)), ((0,), ()), True, "equivalent"),
        (((0, 1), (OR,)), ((0, 1), (AND,)), False, "same_concepts"),
        (((0, 1), (OR,)), ((0, 2), (OR,)), True, "same_iou"),
        (((0, 1), (OR,)), ((0, 2), (OR,)), False, "different_concepts"),
        (((0,), ()), ((0, 2), (OR,)), True, "same_iou"),
    ],
)
def test_the_first_difference_that_fits(first, second, same_iou, expected):
    assert difference(Formula(*first), Formula(*second), same_iou=same_iou) == expected
    assert difference(Formula(*second), Formula(*first), same_iou=same_iou) == expected
