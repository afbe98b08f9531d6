"""Which units of a layer are labelled."""

import numpy as np
import pytest

from lib.kernels.activations.selection import choose_units


def test_all_given_and_drawn_units():
    assert choose_units(4, None, layer="a", seed=0).tolist() == [0, 1, 2, 3]
    assert choose_units(40, [17, 3], layer="a", seed=0).tolist() == [3, 17]
    drawn = choose_units(100, 10, layer="a", seed=0)
    assert len(np.unique(drawn)) == 10 and (np.diff(drawn) > 0).all() and drawn.max() < 100
    assert (choose_units(100, 10, layer="a", seed=0) == drawn).all()
    assert (choose_units(100, 10, layer="b", seed=0) != drawn).any()
    assert (choose_units(100, 10, layer="a", seed=1) != drawn).any()
    assert set(drawn) < set(choose_units(100, 20, layer="a", seed=0))
    assert choose_units(5, 10, layer="a", seed=0).tolist() == [0, 1, 2, 3, 4]


def test_a_unit_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="layer a has no unit 4: its 4 units"):
        choose_units(4, [1, 4], layer="a", seed=0)
