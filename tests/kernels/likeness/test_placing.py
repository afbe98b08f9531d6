"""The map: who lies together, and that last digits do not matter."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from lib.kernels.likeness import placing
from lib.kernels.likeness.placing import SIZE, place_units


def kinds_of(rng, n):
    """Features of n units in two kinds; of the second, some units have none."""
    sizes = ((60, 0.08), (20, 0.05))
    return [csr_array((random_array((n, f), density=d, rng=rng) > 0).astype(np.int64)) for f, d in sizes]


@pytest.mark.parametrize("seed", range(3))
def test_the_map_depends_on_no_last_digit(monkeypatch, seed):
    """Units in another order are summed in another order, as another processor would; noise is added on top."""
    rng = np.random.default_rng(seed)
    kinds = kinds_of(rng, 150)
    places = place_units(kinds)
    order = rng.permutation(150)
    assert place_units([found[order] for found in kinds]).tolist() == places[order].tolist()
    plain = placing._coordinates
    noisy = lambda found: [-v * (1 + 1e-12 * rng.standard_normal(len(v))) for v in plain(found)]  # noqa: E731
    monkeypatch.setattr(placing, "_coordinates", noisy)
    assert place_units(kinds).tolist() == places.tolist(), "neither the last digits nor the sign count"


def test_who_has_the_same_lies_together():
    rng = np.random.default_rng(0)
    # three groups that share a few features of their own, in mixed order
    group = rng.integers(0, 3, 90)
    own = csr_array(np.array([rng.random(30) < np.where(np.arange(30) // 10 == g, 0.5, 0.02) for g in group], np.int64))
    places = place_units([own])
    inside = group[:, None] == group
    distance = np.abs(places[:, None] - places).sum(axis=2)
    assert distance[inside].mean() < 0.6 * distance[~inside].mean()
    assert places.min() == 0 and places.max() == SIZE


def test_groups_without_a_common_feature_have_places_of_their_own():
    """Five parts of the network that share nothing: their dimensions would be equally strong."""
    rng = np.random.default_rng(1)
    blocks = np.kron(np.eye(5, dtype=np.int64), np.ones((8, 6), np.int64)) * (rng.random((40, 30)) < 0.8)
    kinds = [csr_array(blocks)]
    order = rng.permutation(40)
    assert place_units([found[order] for found in kinds]).tolist() == place_units(kinds)[order].tolist()


def test_equal_units_and_units_without_features():
    own = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]])
    places = place_units([csr_array(own)])
    assert places[0].tolist() == places[1].tolist() != places[3].tolist()
    assert places[2].tolist() == [-1, -1]
    assert place_units([csr_array(np.zeros((2, 3), np.int64))]).tolist() == [[-1, -1]] * 2
    assert place_units([]).tolist() == []
    assert ((place_units([csr_array(own[:1])]) >= 0) & (place_units([csr_array(own[:1])]) <= SIZE)).all()
