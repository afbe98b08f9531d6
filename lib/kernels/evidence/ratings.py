"""Ratings: how often people prefer the label of a unit to another one, and how often they agree with each other."""

import numpy as np

from .intervals import wilson_interval

PREFERENCE = {"label": 1.0, "other": 0.0, "neither": 0.5}
"""What an answer says of the label: preferred, not preferred, or neither of both."""


def label_agreement(units: np.ndarray, preference: np.ndarray) -> tuple[float, float, float]:
    """Return the share of units whose label raters prefer, with its 95 % interval over units.

    Each unit counts once, with the mean of its answers, as answers for one unit depend on each other. The interval of Wilson
    takes the units as independent cases: a mean of several answers varies less than a single one, so that the interval is too
    wide rather than too narrow where raters agree only in part.

    Parameters
    ----------
    units : numpy.ndarray of shape (n_answers,), int64
        Number of the unit of each answer.
    preference : numpy.ndarray of shape (n_answers,), float64
        Values of `PREFERENCE`; 0.5 is what chance gives.

    Returns
    -------
    share, low, high : float

    Raises
    ------
    ValueError
        If there is no answer.
    """
    if not len(units):
        raise ValueError("no answer, so that no share can be given")
    _, number = np.unique(units, return_inverse=True)
    means = np.bincount(number, weights=preference) / np.bincount(number)
    share = float(means.mean())
    low, high = wilson_interval(means.sum(), len(means))
    # rounding may put the end of full agreement below 1
    return share, min(float(low), share), max(float(high), share)


def equal_answers(questions: np.ndarray, answers: np.ndarray) -> tuple[int, float]:
    """Return how often two raters give the same answer to the same question.

    Parameters
    ----------
    questions, answers : numpy.ndarray of shape (n_answers,)
        Number of the question of each answer, and the answer; a rater answers a question once.

    Returns
    -------
    n_pairs : int
        Pairs of answers to the same question.
    share : float
        Of pairs that are equal; NaN without pairs.
    """

    def pairs(groups: np.ndarray) -> int:
        counts = np.unique(groups, return_counts=True)[1]
        return int((counts * (counts - 1) // 2).sum())

    if not len(questions):
        return 0, float("nan")
    number, given = (np.unique(values, return_inverse=True)[1] for values in (questions, answers))
    n_pairs = pairs(number)
    return n_pairs, pairs(number * (given.max() + 1) + given) / n_pairs if n_pairs else float("nan")
