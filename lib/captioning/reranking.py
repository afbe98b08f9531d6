"""Reranking: of the sentences that fit a unit, the one that says most about it; and the descriptions of many units."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from lib.captioning.decoder import Decoder
from lib.captioning.decoding import MutualInformation, decode_beam, decode_greedily, sum_to_stop
from lib.captioning.language_model import LanguageModel
from lib.captioning.vocabulary import Indexer

STRATEGIES = ("rerank", "beam", "greedy")


@dataclass(frozen=True)
class Reranked:
    """A beam of K sentences for each of B units, in the order of their likelihood, and the choice among them.

    Parameters
    ----------
    tokens : torch.Tensor
        Of shape (B, K, T), int64.
    likelihoods : torch.Tensor
        Of shape (B, K): log p(y | exemplars).
    lm_likelihoods : torch.Tensor
        Of shape (B, K): log p(y).
    scores : torch.Tensor
        Of shape (B, K): the difference, the second taken T times.
    best : torch.Tensor
        Of shape (B,), int64: which sentence scores highest.
    """

    tokens: torch.Tensor
    likelihoods: torch.Tensor
    lm_likelihoods: torch.Tensor
    scores: torch.Tensor
    best: torch.Tensor


def rerank(
    decoder: Decoder,
    features: torch.Tensor,
    *,
    length: int,
    beam_size: int,
    information: MutualInformation,
    lm_sum: str,
) -> Reranked:
    """Search the likeliest sentences and order them by mutual information with the exemplars.

    Parameters
    ----------
    decoder : Decoder
        The decoder, in evaluation mode.
    features : torch.Tensor
        Of shape (B, n, D), float32.
    length, beam_size : int
        Longest sentence and width of the search.
    information : MutualInformation
        The language model and its weight T.
    lm_sum : str
        "exact" or "published", see `LanguageModel.log_probability`; what "published" adds depends on the longest
        sentence of the B units.

    Returns
    -------
    Reranked
        The beams and the choices.

    References
    ----------
    Hernandez et al., "Natural Language Descriptions of Deep Visual Features", ICLR 2022, equation 5.
    """
    tokens, likelihoods = decode_beam(decoder, features, length=length, beam_size=beam_size, information=None)
    started = torch.nn.functional.pad(tokens.flatten(0, 1), (1, 0), value=decoder.start_id)
    lm_likelihoods = information.language_model.log_probability(started, lm_sum=lm_sum).view_as(likelihoods)
    scores = likelihoods - information.temperature * lm_likelihoods
    return Reranked(tokens, likelihoods, lm_likelihoods, scores, scores.argmax(dim=1))


def describe(
    decoder: Decoder,
    language_model: LanguageModel | None,
    features: np.ndarray,
    *,
    indexer: Indexer,
    strategy: str,
    use_information: bool,
    length: int,
    beam_size: int,
    temperature: float,
    lm_sum: str,
    threads: int = 1,
    progress: Callable[[int], None] = lambda n_units: None,
) -> tuple[list[str], np.ndarray]:
    """Describe units one by one, so that no description depends on which others are asked for.

    Parameters
    ----------
    decoder : Decoder
        The decoder, in evaluation mode.
    language_model : LanguageModel or None
        The language model; reranking and mutual information need one.
    features : numpy.ndarray
        Of shape (U, n, D), float32.
    indexer : Indexer
        The symbols of the decoder.
    strategy : str
        "rerank", "beam" or "greedy".
    use_information : bool
        Whether "beam" and "greedy" score steps by mutual information.
    length, beam_size, temperature, lm_sum
        As for `rerank`.
    threads : int
        Number of Python threads, each with one torch thread, that share the units; it changes no result.
    progress : callable
        Called with the number of units done since the last call.

    Returns
    -------
    descriptions : list of str
        One sentence for each unit.
    scores : numpy.ndarray
        Of shape (U,), float64: the score that won, up to and including `<stop>`.

    Raises
    ------
    ValueError
        If the strategy is unknown, or a language model is needed and missing.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy={strategy!r} must be one of {STRATEGIES}; config key milan.strategy")
    information = None
    if strategy == "rerank" or use_information:
        if language_model is None:
            raise ValueError(f"strategy={strategy!r} needs a language model and this checkpoint has none; use 'beam'")
        information = MutualInformation(language_model, temperature)
    device = next(decoder.parameters()).device

    def write(unit: np.ndarray) -> tuple[list[int], float]:
        torch.set_num_threads(1)  # this setting belongs to the thread
        seen = torch.from_numpy(np.array(unit[None])).to(device)
        with torch.inference_mode():
            if strategy == "greedy":
                written = decode_greedily(decoder, seen, length=length, information=information)
                return written.tokens[0].tolist(), sum_to_stop(written, indexer.stop_id).item()
            if strategy == "beam":
                search = {"length": length, "beam_size": beam_size, "information": information}
                tokens, scores = decode_beam(decoder, seen, **search)
                return tokens[0, 0].tolist(), scores[0, 0].item()
            ranked = rerank(decoder, seen, length=length, beam_size=beam_size, information=information, lm_sum=lm_sum)
            return ranked.tokens[0, ranked.best[0]].tolist(), ranked.scores[0, ranked.best[0]].item()

    sentences, scores = [], []
    with ThreadPoolExecutor(threads) as pool:
        for tokens, score in pool.map(write, features):
            sentences.append(indexer.reconstruct(tokens))
            scores.append(score)
            progress(1)
    return sentences, np.array(scores, dtype=np.float64)
