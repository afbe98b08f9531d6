"""Scores of a label for a unit: of its bitmap by counts, of its activation by moments.

B is the bitmap of a range, c the label and a the activation, over n pixels or images.
"""

import numpy as np


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)


def overlap_scores(both: np.ndarray, bitmap: np.ndarray, label: np.ndarray, *, n: int) -> dict[str, np.ndarray]:
    """Compare a label with a bitmap.

    Parameters
    ----------
    both, bitmap, label : numpy.ndarray of one shape, or scalars
        Number of items in both, in the bitmap and with the label.
    n : int
        Number of all items.

    Returns
    -------
    dict of str to numpy.ndarray, float64
        recall |B and c| / |B|, precision |B and c| / |c|, iou, and auprc: the average precision with B as truth and c as
        score. NaN where the denominator is 0.

    References
    ----------
    Oikarinen et al. 2025 (2506.05774). A score of two values gives two thresholds: the labelled items, then all.
    """
    recall, precision = _divide(both, bitmap), _divide(both, label)
    labelled = np.where(np.asarray(label) > 0, recall * np.nan_to_num(precision), 0)
    auprc = labelled + (1 - recall) * _divide(bitmap, n)
    iou = _divide(both, np.asarray(bitmap) + label - both)
    return {"recall": recall, "precision": precision, "iou": iou, "auprc": auprc}


def activation_scores(
    n_with: np.ndarray, sums: np.ndarray, squares: np.ndarray, *, totals: tuple[int, float, float]
) -> dict[str, np.ndarray]:
    """Compare labels with the activation itself.

    Parameters
    ----------
    n_with : numpy.ndarray of shape (n_labels,)
        Number of items with the label.
    sums, squares : numpy.ndarray of shape (n_labels,), float64
        Sum and sum of squares of the activation of these items.
    totals : tuple of (int, float, float)
        The same of all items.

    Returns
    -------
    dict of str to numpy.ndarray, float64
        correlation (Pearson), cosine, and mad: (mean a with - mean a without) / standard deviation of a without, that of
        the population (ddof = 0). NaN where the label holds everywhere or nowhere, or the activation does not vary.

    References
    ----------
    Oikarinen et al. 2025 (2506.05774) for correlation and cosine; CoSy (Kopf et al. 2024) for MAD.
    """
    n, total, total_squares = totals
    n_without, sums_without = n - n_with, total - sums
    mean_with, mean_without = _divide(sums, n_with), _divide(sums_without, n_without)
    variance = total_squares / n - (total / n) ** 2
    variance_without = _divide(total_squares - squares, n_without) - mean_without**2
    return {
        "correlation": _divide((mean_with - mean_without) * np.sqrt(n_with * n_without) / n, _root(variance)),
        "cosine": _divide(sums, np.sqrt(total_squares * n_with)),
        "mad": _divide(mean_with - mean_without, _root(variance_without)),
    }


def _root(variance: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(variance, 0))
