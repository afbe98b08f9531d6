"""Agreement of raters with labels: against a recount by hand, and with raters of known error."""

import math
from itertools import combinations

import numpy as np
import pytest

from lib.kernels.evidence.intervals import wilson_interval
from lib.kernels.evidence.ratings import equal_answers, label_agreement


def test_each_unit_counts_once():
    units = np.array([4, 4, 4, 4, 9, 2])
    preference = np.array([1, 1, 1, 0, 0, 0.5])
    share, low, high = label_agreement(units, preference)
    assert share == pytest.approx((3 / 4 + 0 + 1 / 2) / 3)
    assert (low, high) == pytest.approx(tuple(wilson_interval(1.25, 3)))
    with pytest.raises(ValueError, match="no answer"):
        label_agreement(units[:0], preference[:0])


def test_one_unit_or_full_agreement_leaves_doubt():
    share, low, high = label_agreement(np.arange(5), np.ones(5))
    assert (share, high) == (1, 1)
    assert 0.5 < low < 0.6, "five units are no proof"


@pytest.mark.parametrize("error", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("n_raters", [1, 4])
def test_intervals_hold_the_known_error_of_raters(error, n_raters):
    """Units differ in how clear their label is; the mean error over units is known."""
    rng = np.random.default_rng(7)
    held, widths = 0, []
    for _ in range(600):
        n_units = int(rng.integers(15, 60))
        errors = np.clip(2 * error, 0, 1) * rng.integers(0, 2, n_units) if error < 0.5 else np.full(n_units, error)
        answers = rng.random((n_raters, n_units)) > errors
        share, low, high = label_agreement(np.tile(np.arange(n_units), n_raters), answers.ravel().astype(float))
        assert low <= share <= high
        held += low <= 1 - error <= high
        widths.append(high - low)
    assert held / 600 > 0.935
    assert np.mean(widths) < 0.4, "an interval that holds everything says nothing"


def test_pairs_of_equal_answers_as_counted_one_by_one():
    rng = np.random.default_rng(1)
    questions, answers = rng.integers(0, 8, 40), rng.choice(["label", "other", "neither"], 40)
    pairs = [(a, b) for a, b in combinations(range(40), 2) if questions[a] == questions[b]]
    n_pairs, share = equal_answers(questions, answers)
    assert n_pairs == len(pairs)
    assert share == pytest.approx(np.mean([answers[a] == answers[b] for a, b in pairs]))
    for few in (0, 1):
        n_pairs, share = equal_answers(questions[:few], answers[:few])
        assert n_pairs == 0 and math.isnan(share)
