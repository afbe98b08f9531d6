"""Agreement of descriptions with annotations from sums over units, so that bootstrap replicates cost little."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from .captions import ROUGE_KEYS, rouge
from .text import normalise

MEASURES = ("bleu", "bleu1", "bleu2", "bleu3", "bleu4", "chrf", *ROUGE_KEYS)
"""What `Statistics.measure` returns, in [0, 100]."""


@dataclass(frozen=True)
class Statistics:
    """Sufficient statistics of U units.

    Attributes
    ----------
    bleu : numpy.ndarray of shape (U, 10), int64
        Lengths of description and reference, and matched and all n-grams of 1 to 4 words.
    chrf : numpy.ndarray of shape (U, 18), int64
        n-grams of 1 to 6 characters of the description and of its best reference, and those in common.
    rouge : numpy.ndarray of shape (U, 4), float64
        Sums of the F measures of `ROUGE_KEYS` over the references, and the number of references.
    """

    bleu: np.ndarray
    chrf: np.ndarray
    rouge: np.ndarray

    def measure(self, weights: np.ndarray) -> dict[str, float]:
        """Return the measures of the corpus in which unit u occurs weights[u] times.

        Parameters
        ----------
        weights : numpy.ndarray of shape (U,), int64

        Returns
        -------
        dict of str to float
            `MEASURES`; as `measure_captions` gives them for the repeated units.
        """
        words = BLEU()._compute_score_from_stats((weights @ self.bleu).tolist())
        letters = CHRF()._compute_score_from_stats((weights @ self.chrf).tolist())
        *sums, n_pairs = weights @ self.rouge
        precisions = {f"bleu{order}": value for order, value in enumerate(words.precisions, start=1)}
        return {
            "bleu": words.score,
            **precisions,
            "chrf": letters.score,
            **{key: value / n_pairs for key, value in zip(ROUGE_KEYS, sums)},
        }


def collect_statistics(descriptions: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
    """Collect the statistics of descriptions and their references.

    Parameters
    ----------
    descriptions : sequence of str
        One for each of U units.
    references : sequence of sequences of str
        Equally many for each unit, at least 1.

    Raises
    ------
    ValueError
        If there is no unit, or the numbers of references differ.
    """
    counts = {len(own) for own in references}
    if len(descriptions) != len(references) or len(counts) != 1 or counts == {0}:
        raise ValueError(
            f"{len(descriptions)} descriptions and {len(references)} sets of {sorted(counts)} references: there must be as "
            "many sets, all of one size of at least 1"
        )
    said = [normalise(text) for text in descriptions]
    known = [[normalise(text) for text in own] for own in references]
    streams = [list(stream) for stream in zip(*known, strict=True)]
    sums = [[*np.sum([_rouge(text, other) for other in own], axis=0), len(own)] for text, own in zip(said, known)]
    # the same function of the library gives the statistics for its own significance tests
    by_metric = [np.array(metric._extract_corpus_statistics(said, streams), np.int64) for metric in (BLEU(), CHRF())]
    return Statistics(*by_metric, np.array(sums, np.float64))


def measure_against(
    described: Mapping[str, Sequence[str]], annotations: Sequence[Sequence[str]], weights: np.ndarray
) -> dict[tuple[str, str], np.ndarray]:
    """Measure several descriptions of the same units, and one annotator against the others.

    `all` compares with all annotations. `others` leaves out each annotator in turn and takes the mean, so that an
    annotator's agreement with the others is on a par with every method's.

    Parameters
    ----------
    described : mapping of str to sequence of str
        Descriptions of U units by method.
    annotations : sequence of sequences of str
        C annotations of each unit.
    weights : numpy.ndarray of shape (R, U), int64
        How often each unit counts, for each of R replicates.

    Returns
    -------
    dict of (str, str) to numpy.ndarray of shape (R, len(MEASURES))
        By method and `all` or `others`; the method `annotator` has `others` only. Without `others` if C is 1.
    """
    n_annotators = len(annotations[0])
    found = {
        (method, "all"): _replicates([collect_statistics(texts, annotations)], weights)
        for method, texts in described.items()
    }
    if n_annotators > 1:
        turns = range(n_annotators)
        others = [[[*own[:turn], *own[turn + 1 :]] for own in annotations] for turn in turns]
        for method, texts in described.items():
            found[method, "others"] = _replicates([collect_statistics(texts, rest) for rest in others], weights)
        own = [collect_statistics([said[turn] for said in annotations], others[turn]) for turn in turns]
        found["annotator", "others"] = _replicates(own, weights)
    return found


def _replicates(statistics: Sequence[Statistics], weights: np.ndarray) -> np.ndarray:
    rows = [[list(own.measure(one).values()) for own in statistics] for one in weights]
    return np.array(rows).mean(axis=1)


@cache
def _rouge(text: str, other: str) -> tuple[float, ...]:
    return tuple(rouge([text], [[other]]).values())
