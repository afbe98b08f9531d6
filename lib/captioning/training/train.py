"""Train the language model and the decoder on captions of units, with held-out units for early stopping."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from ..model.decoder import Decoder
from ..model.language_model import LanguageModel
from ..model.vocabulary import Indexer
from .fitting import TrainingSettings, fit
from .losses import attention_penalty, caption_loss

CAPTIONS_PER_BLOCK = 64
SHARES_OF_A_STEP = 2  # fixed, so that sums do not depend on the number of threads


def split_units(n_units: int, shares: Sequence[float], *, seed: int) -> list[np.ndarray]:
    """Split units at random.

    Parameters
    ----------
    n_units : int
        Number of units, U.
    shares : sequence of float
        Share of the units in each held-out part, rounded down.
    seed : int
        Seed of the split.

    Returns
    -------
    list of numpy.ndarray
        The positions that remain, then those of each held-out part, each ascending.

    Raises
    ------
    ValueError
        If a part would be empty.
    """
    sizes = [int(share * n_units) for share in shares]
    if min(sizes) < 1 or sum(sizes) >= n_units:
        raise ValueError(
            f"holding out the shares {list(shares)} of {n_units} units leaves a part empty; annotate more units or "
            "change the config key milan.training.hold_out"
        )
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,))).permutation(n_units)
    ends = np.cumsum(sizes)
    return [np.sort(order[ends[-1] :])] + [np.sort(part) for part in np.split(order[: ends[-1]], ends[:-1])]


def train_language_model(
    model: LanguageModel,
    captions: Sequence[Sequence[str]],
    *,
    indexer: Indexer,
    held_out: np.ndarray,
    excluded: np.ndarray,
    settings: TrainingSettings,
    checkpoint: str | None = None,
) -> float:
    """Train a language model on the captions of units, and keep the weights with the lowest loss on the held-out units.

    Parameters
    ----------
    model : LanguageModel
        The model; afterwards in evaluation mode.
    captions : sequence of sequences of str
        The captions of each of U units.
    indexer : Indexer
        The symbols of the model.
    held_out : numpy.ndarray
        Positions of the units used for early stopping only.
    excluded : numpy.ndarray
        Positions of units that are not used at all.
    settings : TrainingSettings
        Hyperparameters of the training run.
    checkpoint : str or None
        As for `fit`.

    Returns
    -------
    float
        Lowest mean negative log-likelihood per symbol on the held-out units.
    """
    device = next(model.parameters()).device
    read, owners = _index(captions, indexer)
    held = np.isin(owners, held_out)
    training = _rows(read, ~held & ~np.isin(owners, excluded), device)
    validation = _rows(read, held, device)

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        return caption_loss(model(rows[:, :-1])[0], rows[:, 1:], pad_id=indexer.pad_id)

    def losses_of(places: torch.Tensor, _generator: torch.Generator) -> list[Callable[[], torch.Tensor]]:
        return [partial(loss_of, _crop(training[places], indexer.pad_id))]

    def validation_score() -> float:
        return -_held_out_loss(lambda rows: (model(rows[:, :-1])[0], rows[:, 1:]), [validation], indexer.pad_id)

    decisive = [model.sizes, training, validation]
    # cuDNN's dropout has random numbers of its own, whose state cannot be stored, so that resuming would change the result
    with torch.backends.cudnn.flags(enabled=False, deterministic=True, allow_tf32=False):
        return -fit(
            model,
            losses_of,
            validation_score,
            n_items=len(training),
            settings=settings,
            decisive=decisive,
            checkpoint=checkpoint,
        )


def train_decoder(
    decoder: Decoder,
    features: np.ndarray,
    captions: Sequence[Sequence[str]],
    *,
    indexer: Indexer,
    held_out: np.ndarray,
    excluded: np.ndarray,
    penalty: float,
    settings: TrainingSettings,
    checkpoint: str | None = None,
) -> float:
    """Train a decoder on encoded exemplars and captions, and keep the weights with the lowest loss on held-out units.

    Early stopping uses the likelihood of the held-out captions. BLEU, the published alternative, counts 4-grams and is
    unstable for captions of two or three words.

    Parameters
    ----------
    decoder : Decoder
        The decoder; afterwards in evaluation mode.
    features : numpy.ndarray of shape (U, n, D), float32
    captions : sequence of sequences of str
        The captions of each of U units.
    indexer : Indexer
        The symbols of the decoder.
    held_out : numpy.ndarray
        Positions of the units used for early stopping only.
    excluded : numpy.ndarray
        Positions of units that are not used at all.
    penalty : float
        Weight of `attention_penalty` in the loss.
    settings : TrainingSettings
        Hyperparameters of the training run.
    checkpoint : str or None
        As for `fit`.

    Returns
    -------
    float
        Lowest mean negative log-likelihood per symbol on the held-out units.

    Raises
    ------
    ValueError
        If features are not finite, or as `fit`.
    """
    broken = ~np.isfinite(features).reshape(len(features), -1).all(axis=1)
    if broken.any():
        raise ValueError(
            f"the features of {broken.sum()} of {len(features)} units contain NaN or infinite values, the first at position "
            f"{np.flatnonzero(broken)[0]}; check the weights of the encoder"
        )
    device = next(decoder.parameters()).device
    encoded = torch.from_numpy(features).to(device)
    read, owners = _index(captions, indexer)
    held = np.isin(owners, held_out)
    trained = ~held & ~np.isin(owners, excluded)
    targets, owner = _rows(read, trained, device)[:, 1:], _rows(owners, trained, device)
    held_targets, held_owner = _rows(read, held, device)[:, 1:], _rows(owners, held, device)

    def share_of_loss(rows: slice, places: torch.Tensor, wanted: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        log_probabilities, attentions = decoder(encoded[owner[places[rows]]], wanted[rows], factors=factors[rows])
        likelihood = caption_loss(log_probabilities, wanted[rows], pad_id=indexer.pad_id)
        symbols = wanted != indexer.pad_id
        weighted = likelihood * (symbols[rows].sum() / symbols.sum())
        return weighted + penalty * attention_penalty(attentions) * (len(wanted[rows]) / len(wanted))

    def losses_of(places: torch.Tensor, generator: torch.Generator) -> list[Callable[[], torch.Tensor]]:
        wanted = _crop(targets[places], indexer.pad_id)
        factors = decoder.draw_dropout(*wanted.shape, generator=generator)
        size = -(-len(wanted) // SHARES_OF_A_STEP)
        slices = [slice(first, first + size) for first in range(0, len(wanted), size)]
        return [partial(share_of_loss, rows, places, wanted, factors) for rows in slices]

    def predict(owners: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return decoder(encoded[owners], wanted)[0], wanted

    def validation_score() -> float:
        return -_held_out_loss(predict, [held_owner, held_targets], indexer.pad_id)

    decisive = [decoder.sizes, penalty, SHARES_OF_A_STEP, encoded, targets, owner, held_targets, held_owner]
    return -fit(
        decoder,
        losses_of,
        validation_score,
        n_items=len(targets),
        settings=settings,
        decisive=decisive,
        checkpoint=checkpoint,
    )


def _held_out_loss(predict: Callable, parts: Sequence[torch.Tensor], pad_id: int) -> float:
    """Return the mean loss per symbol of held-out captions, computed in blocks to bound the memory."""
    total, n_symbols = 0.0, 0
    for block in zip(*(part.split(CAPTIONS_PER_BLOCK) for part in parts), strict=True):
        log_probabilities, wanted = predict(*block)
        n_here = int((wanted != pad_id).sum())
        total += float(caption_loss(log_probabilities, wanted, pad_id=pad_id)) * n_here
        n_symbols += n_here
    return total / n_symbols


def _index(captions: Sequence[Sequence[str]], indexer: Indexer) -> tuple[np.ndarray, np.ndarray]:
    """Index all captions, `<start>` first, padded to the longest, and return the unit of each."""
    rows = indexer([text for own in captions for text in own], start=True, stop=True, pad=True, unk=True)
    owners = np.repeat(np.arange(len(captions)), [len(own) for own in captions])
    return np.array(rows, dtype=np.int64), owners


def _rows(values: np.ndarray, chosen: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values[chosen]).to(device)


def _crop(rows: torch.Tensor, pad_id: int) -> torch.Tensor:
    """Remove the columns that contain only padding."""
    return rows[:, : int((rows != pad_id).any(dim=0).sum())]
