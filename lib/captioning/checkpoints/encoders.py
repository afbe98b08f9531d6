"""Making an encoder from what a checkpoint of a captioning model records of it."""

from torch import nn

from ...models.weights.checkpoints import fit_weights
from ..model.captioner import EncoderRecord
from ..model.encoder import Encoder


def open_encoder(record: EncoderRecord, network: nn.Module, *, path: str) -> Encoder:
    """Fill a network with the recorded weights, which must be all of its weights, and make it an encoder.

    Parameters
    ----------
    record : EncoderRecord
        The encoder's kind, normalisation and weights.
    network : nn.Module
        A network of the recorded name.
    path : str
        Where the record comes from, for messages.

    Returns
    -------
    Encoder
        The encoder, on the CPU.

    Raises
    ------
    ValueError
        As `fit_weights`.
    """
    fit_weights(network, record.weights, path)
    return Encoder(network, record.config, kind=record.kind, mean=record.mean, std=record.std)
