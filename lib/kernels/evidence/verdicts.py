"""Verdicts: which formulas can be believed, from their chance, their score on unseen images and their stability."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SUPPORTED, PARTLY, CHANCE, UNTESTED = VERDICTS = ("supported", "partly", "chance", "untested")


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of a formula.

    Attributes
    ----------
    verdict : str
        One of `VERDICTS`.
    held : tuple of bool
        Whether each literal has enough support.
    reason : str
        The quantity that decided against `supported`: `q_value`, `iou_unseen`, `support`, or what was not measured.
    """

    verdict: str
    held: tuple[bool, ...] = ()
    reason: str = ""


def judge(
    *,
    q_value: float,
    unseen_low: float,
    chance_level: float,
    support: Sequence[float],
    largest_q_value: float,
    least_support: float,
) -> Verdict:
    """Judge a formula.

    It is `supported` if its q-value is at most `largest_q_value`, the lower end of the interval of its IoU on unseen
    images lies above the chance level, and each literal has at least `least_support`; `partly` if only the last of these
    fails; `untested` if a quantity is not known; else `chance`.

    Parameters
    ----------
    q_value : float
        False discovery rate among the formulas of the layer; NaN if unknown, as all the others.
    unseen_low : float
        Lower end of the 95 % interval of the IoU on unseen images.
    chance_level : float
        Mean IoU of the best formula on shuffled images.
    support : sequence of float
        Of each literal, the share of bootstrap replicates in whose best formula it appears with the same sign.
    largest_q_value, least_support : float
        Thresholds.

    Returns
    -------
    Verdict
    """
    held = tuple(share >= least_support for share in support)
    measured = {"q_value": q_value, "iou_unseen": unseen_low, "chance_level": chance_level}
    unknown = [name for name, value in measured.items() if math.isnan(value)]
    if unknown or not support:
        return Verdict(UNTESTED, held, f"no {(unknown or ['support'])[0]}")
    if q_value > largest_q_value:
        return Verdict(CHANCE, held, "q_value")
    if unseen_low <= chance_level:
        return Verdict(CHANCE, held, "iou_unseen")
    return Verdict(SUPPORTED, held) if all(held) else Verdict(PARTLY, held, "support")
