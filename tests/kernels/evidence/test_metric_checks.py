import numpy as np
import pytest

from lib.data.stores.columns import COLUMNS
from lib.kernels.evidence.metric_checks import SPANS, all_metrics, change_labels, check_metrics

# at a label frequency of 0.01; MAD is the difference of means there
PUBLISHED = {
    "iou": (-0.500, -0.500),
    "f1": (-0.333, -0.333),
    "correlation": (-0.147, -0.148),
    "cosine": (-0.146, -0.147),
    "auprc": (-0.495, -0.500),
    "mean_difference": (-0.005, -0.500),
}
# with a label frequency of 0.001 to 0.4
PASSING = {"iou", "f1", "correlation", "cosine", "auprc", "auprc_inverse"}


@pytest.fixture(scope="module")
def checks():
    return {
        (row["metric"], frequency, row["test"]): row
        for frequency in (0.001, 0.01, 0.1, 0.4)
        for row in check_metrics(frequency, n_items=500_000, n_runs=10, seed=0)
    }


@pytest.mark.parametrize("metric", PUBLISHED)
def test_published_changes_are_reproduced(checks, metric):
    for test, published in zip(("missing", "extra"), PUBLISHED[metric]):
        row = checks[metric, 0.01, test]
        assert row["change"] == pytest.approx(published, abs=0.005)
        assert row["change_low"] <= row["change"] <= row["change_high"] < row["change_low"] + 0.01


def test_the_metrics_that_pass_both_tests_are_those_of_the_documentation(checks):
    passing = {metric for metric in SPANS if all(row["passes"] for key, row in checks.items() if key[0] == metric)}
    assert passing == PASSING
    failing = {key[0]: key[2] for key, row in checks.items() if not row["passes"] and row["status"] == "ok"}
    assert failing == {"recall": "extra", "precision": "missing", "auc": "missing", "mean_difference": "missing"}
    assert {key[0] for key, row in checks.items() if row["status"] == "undefined"} == {"mad"}


def test_every_metric_of_the_scores_is_checked():
    columns = list(COLUMNS["label_scores"])
    assert set(columns[columns.index("recall") : columns.index("status")]) <= set(SPANS)
    assert set(all_metrics(np.float32([0, 1, 1]), np.array([False, True, False]))) == set(SPANS)


def test_changed_labels_lose_or_double_on_average():
    labels, rng = np.arange(100_000) < 10_000, np.random.default_rng(0)
    missing, extra = (change_labels(labels, test, rng=rng) for test in ("missing", "extra"))
    assert not (missing & ~labels).any() and missing.sum() == pytest.approx(5_000, rel=0.05)
    assert not (labels & ~extra).any() and extra.sum() == pytest.approx(20_000, rel=0.05)
