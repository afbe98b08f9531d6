import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cosine
from sklearn.metrics import average_precision_score, jaccard_score, precision_score, recall_score

from lib.kernels.metrics.label_scores import activation_scores, overlap_scores


@pytest.mark.parametrize("seed", range(5))
def test_overlap_scores_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    bitmap, label = rng.random((2, 500)) < rng.uniform(0.01, 0.9, (2, 1))
    found = overlap_scores((bitmap & label).sum(), bitmap.sum(), label.sum(), n=500)
    assert found["recall"] == pytest.approx(recall_score(bitmap, label), abs=1e-12)
    assert found["precision"] == pytest.approx(precision_score(bitmap, label), abs=1e-12)
    assert found["iou"] == pytest.approx(jaccard_score(bitmap, label), abs=1e-12)
    assert found["auprc"] == pytest.approx(average_precision_score(bitmap, label.astype(float)), abs=1e-12)


def test_labels_without_or_with_all_items():
    bitmap = np.arange(10) < 3
    for label in (np.zeros(10, bool), np.ones(10, bool)):
        found = overlap_scores((bitmap & label).sum(), 3, label.sum(), n=10)
        assert found["auprc"] == pytest.approx(average_precision_score(bitmap, label.astype(float)))
    assert np.isnan(overlap_scores(0, 3, 0, n=10)["precision"]) and np.isnan(overlap_scores(0, 0, 3, n=10)["recall"])


@pytest.mark.parametrize("seed", range(5))
def test_activation_scores_equal_scipy(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(rng.uniform(-2, 2), 1, 500)
    labels = rng.random((4, 500)) < 0.3
    found = activation_scores(
        labels.sum(1), labels @ values, labels @ values**2, totals=(500, values.sum(), (values**2).sum())
    )
    for i, label in enumerate(labels):
        assert found["correlation"][i] == pytest.approx(stats.pearsonr(values, label).statistic, abs=1e-12)
        assert found["cosine"][i] == pytest.approx(1 - cosine(values, label.astype(float)), abs=1e-12)
        difference = values[label].mean() - values[~label].mean()
        assert found["mad"][i] == pytest.approx(difference / values[~label].std(ddof=0), abs=1e-12)


def test_what_does_not_vary_has_no_score():
    found = activation_scores(
        np.array([0, 5, 2]), np.array([0.0, 10, 4]), np.array([0.0, 20, 8]), totals=(5, 10.0, 20.0)
    )
    assert np.isnan(found["correlation"]).all() and np.isnan(found["mad"]).all()
    assert np.isnan(found["cosine"][0]) and found["cosine"][1] == pytest.approx(1)
