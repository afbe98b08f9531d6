"""Verdicts of formulas: each of the three conditions decides where the others hold."""

import math

import pytest

from lib.kernels.evidence.verdicts import VERDICTS, Verdict, judge

GOOD = {"q_value": 0.05, "unseen_low": 0.11, "chance_level": 0.1, "support": [0.5, 0.9]}
THRESHOLDS = {"largest_q_value": 0.05, "least_support": 0.5}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Verdict("supported", (True, True))),
        ({"q_value": 0.051}, Verdict("chance", (True, True), "q_value")),
        ({"unseen_low": 0.1}, Verdict("chance", (True, True), "iou_unseen")),
        ({"support": [0.49, 0.9]}, Verdict("partly", (False, True), "support")),
        ({"support": [0.1, 0.2]}, Verdict("partly", (False, False), "support")),
        ({"support": [0.1, 0.2], "q_value": 0.9}, Verdict("chance", (False, False), "q_value")),
        ({"q_value": math.nan}, Verdict("untested", (True, True), "no q_value")),
        ({"unseen_low": math.nan}, Verdict("untested", (True, True), "no iou_unseen")),
        ({"chance_level": math.nan}, Verdict("untested", (True, True), "no chance_level")),
        ({"support": []}, Verdict("untested", (), "no support")),
    ],
)
def test_each_condition_decides(change, expected):
    found = judge(**GOOD | change, **THRESHOLDS)
    assert found == expected and found.verdict in VERDICTS


def test_thresholds_are_those_given():
    assert judge(**GOOD, largest_q_value=0.04, least_support=0.5).verdict == "chance"
    assert judge(**GOOD, largest_q_value=0.05, least_support=0.6).verdict == "partly"
