"""The language model: log-probability of a sentence independent of the exemplars."""

import torch
from torch import nn

from .checks import LARGEST_SIZE, MOST_LAYERS, check_number, check_whole

LM_SUMS = ("published", "exact")


class LanguageModel(nn.Module):
    """An LSTM over the words of descriptions.

    Parameters
    ----------
    n_symbols : int
        Number of symbols, V + 4.
    embedding_size, hidden_size : int
        Lengths of a word's vector and of the LSTM's state.
    layers : int
        Number of LSTM layers.
    dropout : float
        Share of values dropped between layers while training.

    Raises
    ------
    ValueError
        If a size is out of range.

    References
    ----------
    Hernandez et al., "Natural Language Descriptions of Deep Visual Features", ICLR 2022, section 3.
    """

    def __init__(
        self,
        n_symbols: int,
        *,
        embedding_size: int = 128,
        hidden_size: int = 512,
        layers: int = 2,
        dropout: float = 0.5,
    ) -> None:
        for name, size in (("embedding_size", embedding_size), ("hidden_size", hidden_size)):
            check_whole(f"language model's {name}", size, lowest=1, highest=LARGEST_SIZE)
        check_whole("language model's layers", layers, lowest=1, highest=MOST_LAYERS)
        check_number("language model's dropout", dropout, lowest=0, highest=1)
        super().__init__()
        self.n_symbols, self.layers, self.hidden_size = n_symbols, layers, hidden_size
        self.sizes = {
            "embedding_size": embedding_size,
            "hidden_size": hidden_size,
            "layers": layers,
            "dropout": dropout,
        }
        self.embedding = nn.Embedding(n_symbols, embedding_size, padding_idx=n_symbols - 2)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(embedding_size, hidden_size, layers, batch_first=True, dropout=between)
        self.output = nn.Sequential(nn.Linear(hidden_size, n_symbols), nn.LogSoftmax(dim=-1))

    def forward(
        self, ids: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Predict the symbol after each symbol.

        Parameters
        ----------
        ids : torch.Tensor of shape (B, T), int64
            Symbols read, `<start>` first.
        state : tuple of torch.Tensor or None
            State of an earlier call; None for zeros.

        Returns
        -------
        log_probabilities : torch.Tensor of shape (B, T, V + 4)
        state : tuple of torch.Tensor
            The state after the last symbol.
        """
        hidden, state = self.lstm(self.embedding(ids), state)
        return self.output(hidden), state
