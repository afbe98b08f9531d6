"""Chance: counts of moved maps, p-values against known distributions, q-values against scipy."""

import numpy as np
import pytest
from scipy import stats

from lib.kernels.activations.range_codes import RangeCodes
from lib.kernels.activations.unit_pass import count_per_atom
from lib.kernels.evidence import chance
from lib.kernels.evidence.chance import p_values, q_values, search_nulls, shuffle_images, standardise
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.explaining import explain_bitmap
from lib.kernels.search.formula import AND_NOT, Formula


@pytest.fixture(scope="module")
def problem(make_atoms):
    rng = np.random.default_rng(1)
    masks = np.kron(rng.random((4, 9, 5, 4)) < 0.4, np.ones((3, 4), bool))
    maps = rng.normal(size=(9, 4, 6)).astype(np.float32)
    return make_atoms(masks), maps


def test_counts_of_moved_maps_are_those_of_maps_in_another_order(problem):
    atoms, maps = problem
    bounds = {"lower": np.array([0.2, -1.0, 0.9]), "upper": np.array([np.inf, 0.1, 1.1])}
    codes = RangeCodes([maps[:4], maps[4:]], atoms, **bounds)
    for order in (np.arange(9), np.array([3, 1, 0, 8, 8, 2, 5, 6, 7])):
        np.testing.assert_array_equal(codes.count(order), count_per_atom([maps[order]], atoms, **bounds))


@pytest.mark.parametrize("change", [{}, {"length": 4}, {"search": "beam"}])
def test_nulls_do_not_depend_on_where_the_search_starts(problem, change):
    atoms, maps = problem
    counts = ConceptCounts(atoms)
    codes = RangeCodes([maps], atoms, lower=np.array([0.2, -1.0]), upper=np.array([np.inf, 0.1]))
    search = {"search": "optimal", "length": 3, "beam": 1, "seconds": None} | change
    shuffles = {"n_shuffles": 12, "seed": 5, "key": (1, 2)}
    orders = [
        shuffle_images(9, np.random.default_rng(np.random.SeedSequence(5, spawn_key=(1, 2, shuffle))))
        for shuffle in range(12)
    ]
    expected = [[explain_bitmap(row, atoms, counts, **search).iou for row in codes.count(order)] for order in orders]
    for starts in (None, [Formula((3,)), Formula((2, 1), (AND_NOT,))]):
        assert search_nulls(codes, atoms, counts, **shuffles, starts=starts, **search).tolist() == expected


def test_a_search_whose_result_is_proved_uses_the_start(problem, monkeypatch):
    atoms, maps = problem
    codes, seen = RangeCodes([maps], atoms, lower=np.array([0.2]), upper=np.array([np.inf])), []

    def follow(*arguments, start=None, **options):
        seen.append(start)
        return explain_bitmap(*arguments, start=start, **options)

    monkeypatch.setattr(chance, "explain_bitmap", follow)
    shuffles = {"n_shuffles": 3, "seed": 5, "key": (1,), "starts": [Formula((3,))]}
    for search, length, seconds in (("optimal", 3, None), ("optimal", 4, None), ("optimal", 3, 1.0), ("beam", 3, None)):
        seen.clear()
        options = {"search": search, "length": length, "beam": 2, "seconds": seconds}
        search_nulls(codes, atoms, ConceptCounts(atoms), **shuffles, **options)
        if (search, length, seconds) == ("optimal", 3, None):
            assert seen[0] == Formula((3,)) and None not in seen
        else:
            assert seen == [None] * 3


def test_no_image_keeps_its_maps():
    rng = np.random.default_rng(0)
    orders = np.stack([shuffle_images(5, rng) for _ in range(400)])
    assert (orders != np.arange(5)).all() and (np.sort(orders) == np.arange(5)).all()
    assert len(np.unique(orders, axis=0)) == 44, "all orders of five without a fixed point come"
    with pytest.raises(ValueError, match="1 images cannot be shuffled"):
        shuffle_images(1, rng)


def test_p_values_are_counts_where_there_are_enough():
    nulls = np.arange(100.0)
    assert p_values(np.array([50.0, 85.0]), nulls).tolist() == [51 / 101, 16 / 101]


@pytest.mark.parametrize("distribution", [stats.norm(), stats.expon(), stats.gumbel_r()])
def test_small_p_values_are_near_the_true_ones(distribution):
    nulls = distribution.rvs(5000, random_state=np.random.default_rng(3))
    for true in (1e-3, 3e-4, 1e-4):
        found = p_values(distribution.isf([true]), nulls)[0]
        assert true / 4 < found < true * 4


def test_a_tail_is_not_believed_far_beyond_its_nulls():
    nulls = stats.norm().rvs(5000, random_state=np.random.default_rng(3))
    assert p_values(np.array([50.0]), nulls)[0] == 1 / (1000 * 5001)


def test_values_without_a_cause_have_uniform_p_values():
    """Calibration at few shuffles, of units with different means, spreads and skewed nulls."""
    rng = np.random.default_rng(4)
    low, n_units = [], 400
    for _ in range(20):
        scale = rng.uniform(0.01, 0.1, (n_units, 1))
        values = rng.uniform(0, 0.3, (n_units, 1)) + scale * rng.gumbel(size=(n_units, 21))
        scores, pooled = standardise(values[:, 0], values[:, 1:])
        low.append(p_values(scores, pooled))
    low = np.concatenate(low)
    for level in (0.05, 0.01):
        assert abs((low <= level).mean() - level) < 3 * np.sqrt(level * (1 - level) / len(low)) + 0.002


def test_nulls_that_do_not_vary_give_no_score():
    scores, pooled = standardise(np.array([0.5, 0.5]), np.array([[0.2] * 5, [0.1, 0.2, 0.3, 0.2, 0.1]]))
    assert np.isnan(scores[0]) and np.isfinite(scores[1]) and len(pooled) == 5


def test_q_values_are_scipys_and_keep_what_is_unknown():
    p = np.array([0.01, np.nan, 0.5, 0.02])
    found = q_values(p)
    assert np.isnan(found[1])
    np.testing.assert_array_equal(found[[0, 2, 3]], stats.false_discovery_control(p[[0, 2, 3]]))
