"""CoSy's AUC and MAD: equal to a count of pairs, with an interval that holds the truth."""

import numpy as np
import pytest
from scipy import stats

from lib.kernels.evidence.separation import auc_interval, separation


def test_auc_counts_pairs_and_ties_half():
    rng = np.random.default_rng(0)
    for n, m in ((5, 9), (30, 200), (1, 2)):
        with_concept, without = rng.integers(0, 6, n).astype(float), rng.integers(0, 5, m).astype(float)
        pairs = [(a > b) + (a == b) / 2 for a in with_concept for b in without]
        auc, mad = separation(with_concept, without)
        assert auc == pytest.approx(np.mean(pairs), rel=1e-12)
        assert auc == pytest.approx(stats.mannwhitneyu(with_concept, without).statistic / (n * m), rel=1e-12)
        if without.std() > 0:
            assert mad == pytest.approx((with_concept.mean() - without.mean()) / np.std(without, ddof=1), rel=1e-12)


def test_mad_needs_a_spread():
    auc, mad = separation(np.array([1.0, 2]), np.full(7, 0.1))
    assert auc == 1 and np.isnan(mad)


def test_the_ends_of_the_interval_are_1_96_standard_errors_away():
    for auc, n, m in ((0.5, 30, 40), (0.8, 10, 100), (0.97, 25, 25)):
        more = (n + m) / 2 - 1
        for end in auc_interval(auc, n, m):
            spread = 1 + more * (1 - end) / (2 - end) + more * end / (1 + end)
            error = np.sqrt(end * (1 - end) * spread / (n * m))
            assert abs(auc - end) / error == pytest.approx(1.959964, rel=1e-5)
    low, high = auc_interval(1.0, 20, 20)
    assert 0.7 < low < 0.95 and high == 1
    low, high = auc_interval(0.0, 20, 20)
    assert low == 0 and 0.05 < high < 0.3


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_interval_holds_the_true_area(shift):
    rng = np.random.default_rng(1)
    truth, held = stats.norm.cdf(shift / np.sqrt(2)), []
    for _ in range(1000):
        auc, _ = separation(rng.normal(shift, 1, 30), rng.normal(0, 1, 60))
        low, high = auc_interval(auc, 30, 60)
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 1000)
