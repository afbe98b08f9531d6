import numpy as np
import pytest

from lib.kernels.metrics.comparison import category_mix, jaccard
from lib.kernels.search.formula import AND_NOT, OR, Formula


def test_the_mix_counts_what_formulas_ask_for():
    categories = ["object", "scene", "object", "color"]
    formulas = [Formula((0, 1), (OR,)), Formula((2, 3), (AND_NOT,)), Formula((0,))]
    assert category_mix(formulas, categories) == {"color": (0, 0.0), "object": (3, 0.75), "scene": (1, 0.25)}
    assert category_mix([], ["object"]) == {"object": (0, pytest.approx(np.nan, nan_ok=True))}


def test_jaccard_known_on_paper():
    assert jaccard({1, 2, 3}, {2, 3, 4}) == 0.5
    assert jaccard({1}, {2}) == 0 and jaccard({1}, {1}) == 1 and jaccard(set(), {1}) == 0
    assert np.isnan(jaccard(set(), set()))
