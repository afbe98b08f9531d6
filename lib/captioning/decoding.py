"""Decoding: the ways of getting sentences out of a decoder, vectorised over units.

Every way may use mutual information, which takes T times the language model's log-probability off each step's:
log p(w | before, exemplars) - T log p(w | before).
"""

from dataclasses import dataclass

import torch
from torch.nn import functional

from lib.captioning.decoder import Decoder, Looks, State
from lib.captioning.language_model import LanguageModel

# On the CPU a row's result is the same bits in any place of any number of rows that this divides.
ROWS = 32


@dataclass(frozen=True)
class MutualInformation:
    """The language model whose opinion is taken off, and how much of it.

    Parameters
    ----------
    language_model : LanguageModel
        A model of the decoder's own symbols.
    temperature : float
        The factor T.
    """

    language_model: LanguageModel
    temperature: float


@dataclass(frozen=True)
class Written:
    """One sentence for each of B units.

    Parameters
    ----------
    tokens : torch.Tensor
        Of shape (B, T), int64.
    scores : torch.Tensor
        Of shape (B,): the sum of the chosen symbols' scores over all steps, those after `<stop>` too.
    steps : torch.Tensor
        Of shape (B, T, V + 4): the scores of all symbols.
    attentions : torch.Tensor
        Of shape (B, T, n): the weights of the exemplars.
    """

    tokens: torch.Tensor
    scores: torch.Tensor
    steps: torch.Tensor
    attentions: torch.Tensor


class _Writer:
    """K sentences in progress on each of B units."""

    def __init__(self, decoder: Decoder, features: torch.Tensor, information: MutualInformation | None) -> None:
        self.decoder, self.information = decoder, information
        self.looks: Looks
        self.state: State
        self.looks, self.state = decoder.look(features)
        self.lm_state: State | None = None

    def read(self, symbols: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Read the next symbols (B, K); return the scores (B, K, V + 4) of what may follow, and the attention."""
        return self._read(symbols, torch.ones_like(symbols, dtype=torch.bool))

    def read_unless_stopped(self, symbols: torch.Tensor) -> torch.Tensor:
        """Return the scores of what may follow; after `<stop>` only `<stop>` may, at no cost."""
        stop_id = self.decoder.start_id + 1
        stopped = symbols == stop_id
        live = ~stopped
        # some that have stopped fill up the rows
        idle = stopped.flatten().nonzero()[: -int(live.sum()) % ROWS]
        live.view(-1)[idle] = True
        scores, _ = self._read(symbols, live)
        scores[stopped] = -torch.inf
        scores[..., stop_id].masked_fill_(stopped, 0)
        return scores

    def _read(self, symbols: torch.Tensor, live: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores, attention, self.state = self.decoder.step(symbols, self.state, self.looks, live=live)
        if self.information is not None:
            expected, self.lm_state = self.information.language_model(symbols.reshape(-1, 1), self.lm_state)
            scores = scores - self.information.temperature * expected.squeeze(1).unflatten(0, symbols.shape)
        return scores, attention

    def keep(self, parents: torch.Tensor) -> None:
        """Go on with the sentences `parents` (B, K) of each unit."""
        rows = parents[:, :, None].expand(-1, -1, self.state[0].shape[-1])
        self.state = tuple(part.gather(1, rows) for part in self.state)
        if self.lm_state is not None:
            n_units = len(parents)
            flat = parents + torch.arange(n_units, device=parents.device)[:, None] * (
                len(self.lm_state[0][0]) // n_units
            )
            self.lm_state = tuple(part[:, flat.flatten()] for part in self.lm_state)


def _start(decoder: Decoder, features: torch.Tensor) -> torch.Tensor:
    return torch.full((len(features), 1), decoder.start_id, device=features.device)


def _write(decoder, features, length, information, choose) -> Written:
    writer, symbols = _Writer(decoder, features, information), _start(decoder, features)
    tokens, steps, attentions = [], [], []
    for position in range(length):
        scores, attention = writer.read(symbols)
        symbols = choose(scores.squeeze(1), position)[:, None]
        tokens.append(symbols)
        steps.append(scores)
        attentions.append(attention)
    written, values = torch.cat(tokens, dim=1), torch.cat(steps, dim=1)
    chosen = values.gather(2, written[:, :, None]).squeeze(2)
    return Written(written, chosen.sum(dim=1), values, torch.cat(attentions, dim=1))


def decode_greedily(
    decoder: Decoder, features: torch.Tensor, *, length: int, information: MutualInformation | None
) -> Written:
    """Take the best symbol at every step.

    Parameters
    ----------
    decoder : Decoder
        The decoder, in evaluation mode.
    features : torch.Tensor
        Of shape (B, n, D), float32.
    length : int
        Number of steps; nothing stops at `<stop>`.
    information : MutualInformation or None
        Whether steps are scored by mutual information.

    Returns
    -------
    Written
        The sentences.
    """
    return _write(decoder, features, length, information, lambda scores, _: scores.argmax(dim=-1))


def decode_by_sampling(
    decoder: Decoder,
    features: torch.Tensor,
    *,
    length: int,
    information: MutualInformation | None,
    generator: torch.Generator,
) -> Written:
    """Draw every symbol with a probability proportional to the exponential of its score.

    Parameters
    ----------
    decoder, features, length, information
        As for `decode_greedily`.
    generator : torch.Generator
        The source of randomness, on the device of `features`.

    Returns
    -------
    Written
        The sentences.
    """

    def draw(scores: torch.Tensor, _position: int) -> torch.Tensor:
        return torch.multinomial(scores.softmax(dim=-1), 1, generator=generator).squeeze(1)

    return _write(decoder, features, length, information, draw)


def decode_forced(
    decoder: Decoder, features: torch.Tensor, *, tokens: torch.Tensor, information: MutualInformation | None
) -> Written:
    """Score given sentences.

    Parameters
    ----------
    decoder, features, information
        As for `decode_greedily`.
    tokens : torch.Tensor
        Of shape (B, T), int64: the symbols after `<start>`.

    Returns
    -------
    Written
        The same sentences, with their scores.
    """
    return _write(decoder, features, tokens.shape[1], information, lambda _, position: tokens[:, position])


def sum_to_stop(written: Written, stop_id: int) -> torch.Tensor:
    """Sum the scores of every sentence's own symbols, up to and including its first `<stop>`.

    Parameters
    ----------
    written : Written
        B sentences.
    stop_id : int
        The number of `<stop>`.

    Returns
    -------
    torch.Tensor
        Of shape (B,).
    """
    stops = written.tokens == stop_id
    own = stops.cumsum(dim=1) - stops.long() == 0
    chosen = written.steps.gather(2, written.tokens[:, :, None]).squeeze(2)
    return (chosen * own).sum(dim=1)


def decode_beam(
    decoder: Decoder, features: torch.Tensor, *, length: int, beam_size: int, information: MutualInformation | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Keep the K best sentences at every step.

    A sentence that has stopped can only stop again, at no cost. The search ends after `length` steps, or when all
    sentences of all B units have stopped; no sum is divided by its length.

    Parameters
    ----------
    decoder, features, length, information
        As for `decode_greedily`.
    beam_size : int
        The width K.

    Returns
    -------
    tokens : torch.Tensor
        Of shape (B, K, steps), int64, best first.
    scores : torch.Tensor
        Of shape (B, K): the sums of the steps' scores, including that of the first `<stop>`.

    Raises
    ------
    ValueError
        If `beam_size` is not in [1, V + 4].
    """
    n_symbols = decoder.sizes.n_symbols
    if not 1 <= beam_size <= n_symbols:
        raise ValueError(
            f"beam_size={beam_size} must be in [1, {n_symbols}], the number of symbols; config key milan.beam"
        )
    writer = _Writer(decoder, features, information)
    stop_id = decoder.start_id + 1
    scores, _ = writer.read(_start(decoder, features))
    sums, symbols = scores.squeeze(1).topk(beam_size, dim=-1)
    tokens = symbols[:, :, None]
    writer.keep(torch.zeros_like(symbols))
    while tokens.shape[2] < length and not (symbols == stop_id).all():
        scores = writer.read_unless_stopped(symbols)
        offers, offered = scores.topk(beam_size, dim=-1)
        sums, best = (sums[:, :, None] + offers).flatten(1).topk(beam_size, dim=-1)
        parents = best // beam_size
        symbols = offered.flatten(1).gather(1, best)
        tokens = torch.cat(
            [tokens.gather(1, parents[:, :, None].expand(-1, -1, tokens.shape[2])), symbols[:, :, None]], 2
        )
        writer.keep(parents)
    return tokens, sums


def pad_with_stop(tokens: torch.Tensor, *, length: int, stop_id: int) -> torch.Tensor:
    """Fill sentences up to `length` symbols with `<stop>`.

    Parameters
    ----------
    tokens : torch.Tensor
        Of shape (..., T).
    length : int
        The number of symbols wanted.
    stop_id : int
        The number of `<stop>`.

    Returns
    -------
    torch.Tensor
        Of shape (..., length).
    """
    return functional.pad(tokens, (0, length - tokens.shape[-1]), value=stop_id)
