"""Writing a captioning model in the structure of the published payloads, for the published program to read."""

from collections import OrderedDict
from typing import Any

import torch

from ..model.captioner import Captioner, EncoderRecord
from ..model.vocabulary import Indexer, english_pipeline
from .published import PUBLISHED_ENCODERS, PUBLISHED_NETWORK
from .tensors import save_tensors

CLASSES = 1000  # of the networks that the published program builds
HEADS = {"alexnet": "classifier.6"}  # the last layer, which no feature depends on; `fc` in the others


def write_published(path: str, captioner: Captioner) -> None:
    """Write a captioning model as a published payload, of plain containers, plain values and tensors alone.

    The classifier of the encoder's network, which no feature depends on, becomes one of a thousand classes with zeros if
    it has another number of classes, because the published program builds no other.

    Parameters
    ----------
    path : str
        The file to write.
    captioner : Captioner
        The model, with its encoder's network.

    Raises
    ------
    ValueError
        If the model has no encoder's network.
    """
    encoder, sizes, settings = captioner.encoder, captioner.decoder.sizes, captioner.settings
    if not encoder.weights:
        raise ValueError(f"{path} needs the encoder's network, which this captioning model leaves out")
    model, indexer = captioner.language_model, _indexer_entry(captioner.indexer)
    kind = {own: published for published, own in PUBLISHED_ENCODERS.items()}[encoder.kind]
    properties = {
        "indexer": indexer,
        "encoder": _entry({"config": encoder.config, "pretrained": True}),
        "lm": None if model is None else _entry({"indexer": indexer, **model.sizes}),
        "embedding_size": sizes.embedding_size,
        "hidden_size": sizes.hidden_size,
        "attention_hidden_size": sizes.attention_size,
        "dropout": sizes.dropout,
        "length": settings.length,
        "strategy": settings.strategy,
        "temperature": settings.temperature,
        "beam_size": settings.beam_size,
    }
    state = {f"encoder.{name}": torch.tensor(getattr(encoder, name)).view(1, 3, 1, 1) for name in ("mean", "std")}
    state |= {f"{PUBLISHED_NETWORK}{name}": tensor for name, tensor in _network_weights(encoder).items()}
    state |= {} if model is None else {f"lm.{name}": tensor for name, tensor in model.state_dict().items()}
    state |= captioner.decoder.state_dict()
    payload = _entry(properties, encoder=kind) | {
        "state_dict": OrderedDict((name, tensor.detach().cpu()) for name, tensor in state.items())
    }
    save_tensors(path, payload)


def _entry(properties: dict[str, Any], **children: str) -> dict[str, Any]:
    return {"properties": properties, "children": children}


def _indexer_entry(indexer: Indexer) -> dict[str, Any]:
    """Lay out an indexer, with a language pipeline for the published program to tokenize with."""
    tokenizer = indexer.tokenizer
    tokenizing = {"nlp": english_pipeline(), "lemmatize": False}
    tokenizing |= {name: getattr(tokenizer, name) for name in ("lowercase", "ignore_stop", "ignore_punct")}
    own = {name: getattr(indexer, name) for name in ("start", "stop", "pad", "unk", "length")}
    return _entry({"vocab": _entry({"tokens": tuple(indexer.tokens)}), "tokenize": _entry(tokenizing), **own})


def _network_weights(encoder: EncoderRecord) -> dict[str, torch.Tensor]:
    """Return the network's tensors, its classifier having the number of classes that the published program expects."""
    head = HEADS.get(encoder.config, "fc")
    weight = encoder.weights[f"{head}.weight"]
    if len(weight) == CLASSES:
        return encoder.weights
    return encoder.weights | {
        f"{head}.weight": weight.new_zeros(CLASSES, weight.shape[1]),
        f"{head}.bias": weight.new_zeros(CLASSES),
    }
