"""Build the encoder that is stored in a checkpoint of a captioning model."""

from torch import nn

from ...models.weights.checkpoints import fit_weights
from ..model.captioner import EncoderRecord
from ..model.encoder import Encoder


def open_encoder(record: EncoderRecord, network: nn.Module, *, path: str) -> Encoder:
    """Load the stored weights, which must be complete, into a network and return it as an encoder.

    Parameters
    ----------
    record : EncoderRecord
        The encoder's kind, normalisation and weights.
    network : nn.Module
        A network of the recorded name.
    path : str
        File of the record, for messages.

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
