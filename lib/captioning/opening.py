"""Making an encoder from what a checkpoint of a captioning model records of it."""

from torch import nn

from lib.captioning.checkpoint import EncoderRecord
from lib.captioning.encoder import Encoder


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
        If tensors are missing, surplus or of a wrong shape.
    """
    expected, weights = network.state_dict(), record.weights
    wrong = sorted(expected.keys() ^ weights.keys()) + sorted(
        name for name in expected.keys() & weights.keys() if expected[name].shape != weights[name].shape
    )
    if wrong:
        raise ValueError(f"{path}: the encoder's tensors {wrong[:5]} are missing, surplus or of a wrong shape")
    network.load_state_dict(weights)
    return Encoder(network, record.config, kind=record.kind, mean=record.mean, std=record.std)
