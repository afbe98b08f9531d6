"""Training losses of captioning models."""

import torch
from torch.nn import functional


def caption_loss(log_probabilities: torch.Tensor, targets: torch.Tensor, *, pad_id: int) -> torch.Tensor:
    """Average the negative log-likelihood of the symbols that are not padding.

    Parameters
    ----------
    log_probabilities : torch.Tensor of shape (B, T, V + 4)
    targets : torch.Tensor of shape (B, T), int64
    pad_id : int
        The number of `<pad>`.

    Returns
    -------
    torch.Tensor
        A scalar.
    """
    return functional.nll_loss(log_probabilities.flatten(0, 1), targets.flatten(), ignore_index=pad_id)


def attention_penalty(attentions: torch.Tensor) -> torch.Tensor:
    """Return the mean squared deviation from 1 of each exemplar's attention, summed over all steps.

    Parameters
    ----------
    attentions : torch.Tensor of shape (B, T, n)

    Returns
    -------
    torch.Tensor
        A scalar.

    References
    ----------
    Xu et al., "Show, Attend and Tell", ICML 2015, equation 14 (doubly stochastic attention).
    """
    return (1 - attentions.sum(dim=1)).square().mean()
