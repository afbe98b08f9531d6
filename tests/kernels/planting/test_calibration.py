"""Shares with intervals, and targets."""

import numpy as np
import pytest
from scipy import stats

from lib.kernels.planting.calibration import Target, share_interval


def test_a_share_and_its_interval_are_scipys():
    hits = np.array([1.0, 0, np.nan, 1, 1])
    expected = stats.binomtest(3, 4).proportion_ci(0.95, method="wilson")
    assert share_interval(hits) == pytest.approx((0.75, expected.low, expected.high))
    assert np.isnan(share_interval(np.array([np.nan]))).all() and np.isnan(share_interval(np.array([]))).all()


def test_targets_allow_for_two_standard_errors():
    most, least = Target(0.05, at_least=False), Target(0.95, at_least=True)
    reach = 2 * np.sqrt(0.05 * 0.95 / 100)
    assert most.is_met(0.05 + reach - 1e-9, 100) and not most.is_met(0.05 + reach + 1e-9, 100)
    assert least.is_met(0.95 - reach + 1e-9, 100) and not least.is_met(0.95 - reach - 1e-9, 100)
    assert (str(most), str(least)) == ("at most 0.05 + 2 SE", "at least 0.95 - 2 SE")
