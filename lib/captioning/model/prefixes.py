"""Evaluate the language model on many sentences, common prefixes once."""

import torch

from ...runtime.blocks import on_rows
from .language_model import LM_SUMS, LanguageModel


class SharedPrefixes:
    """Predictions of the language model after each of many unfinished sentences.

    Sentences with a common prefix share one state, which makes beams cheap: their sentences mostly differ at the end.

    Parameters
    ----------
    model : LanguageModel
        In evaluation mode.
    n_sentences : int
        All empty at first.
    """

    def __init__(self, model: LanguageModel, n_sentences: int) -> None:
        self._model = model
        self._prefix = torch.zeros(n_sentences, dtype=torch.int64, device=model.embedding.weight.device)
        self._state: tuple[torch.Tensor, torch.Tensor] | None = None

    def keep(self, sentences: torch.Tensor) -> None:
        """Continue with some sentences, given by their positions, int64 of shape (n,)."""
        self._prefix = self._prefix[sentences]

    def read(self, symbols: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Read the next symbol of each sentence.

        Parameters
        ----------
        symbols : torch.Tensor of shape (n_sentences,), int64

        Returns
        -------
        log_probabilities : torch.Tensor of shape (n_prefixes, V + 4)
            Of the symbol that follows each distinct beginning.
        prefix : torch.Tensor of shape (n_sentences,), int64
            The beginning of each sentence.
        """
        keys, self._prefix = torch.unique(self._prefix * self._model.n_symbols + symbols, return_inverse=True)
        parents = keys // self._model.n_symbols
        before = () if self._state is None else tuple(part[:, parents].transpose(0, 1) for part in self._state)
        hidden, *state = on_rows(self._step, keys % self._model.n_symbols, *before)
        self._state = tuple(part.transpose(0, 1).contiguous() for part in state)
        return on_rows(self._model.output, hidden), self._prefix

    def _step(self, symbols: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        before = tuple(part.transpose(0, 1).contiguous() for part in state) or None
        hidden, after = self._model.lstm(self._model.embedding(symbols)[:, None], before)
        return hidden[:, 0], *(part.transpose(0, 1) for part in after)


def sum_log_probabilities(
    model: LanguageModel, ids: torch.Tensor, *, lm_sum: str, ends: torch.Tensor | None = None
) -> torch.Tensor:
    """Sum the log-probabilities of the symbols of whole sentences.

    Parameters
    ----------
    model : LanguageModel
        In evaluation mode.
    ids : torch.Tensor of shape (B, T), int64
        `<start>`, the words, `<stop>`, anything.
    lm_sum : str
        "exact" sums up to and including the first `<stop>`. "published" adds the term of the symbol that follows it, if
        there is one, as the published models do.
    ends : torch.Tensor of shape (B,), int64 or None
        How many symbols after `<start>` there are of each sentence; None for all T - 1.

    Returns
    -------
    torch.Tensor of shape (B,)

    Raises
    ------
    ValueError
        If `lm_sum` is neither.
    """
    if lm_sum not in LM_SUMS:
        raise ValueError(f"lm_sum={lm_sum!r} must be one of {LM_SUMS}; config key milan.lm_sum")
    read = ids[:, :-1] if lm_sum == "exact" else torch.cat([ids[:, :1], ids[:, :-2]], dim=1)
    counted = (read == model.n_symbols - 3).cumsum(dim=1) == 0
    if ends is not None:
        counted &= torch.arange(counted.shape[1], device=ids.device) < ends[:, None]
    total = torch.zeros(len(ids), device=ids.device)
    prefixes, rows = SharedPrefixes(model, len(ids)), torch.arange(len(ids), device=ids.device)
    for step, goes_on in enumerate(counted.unbind(1)):
        own = goes_on[rows]
        prefixes.keep(own.nonzero().squeeze(1))
        rows = rows[own]
        if not len(rows):
            break
        log_probabilities, prefix = prefixes.read(ids[rows, step])
        total[rows] += log_probabilities[prefix, ids[rows, step + 1]]
    return total
