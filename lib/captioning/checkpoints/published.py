"""Read the published payloads of captioning models without running code from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...models.weights.plain_pickles import as_mapping
from ...models.weights.refusals import HoldsCode, Unreadable
from ...models.weights.tensor_files import read_tensor_file
from ..model.captioner import ENCODER, Captioner, EncoderRecord, Plan, Settings, build_captioner, under
from ..model.checks import check_choice, check_flag
from ..model.decoder import DecoderSizes
from ..model.encoder import IMAGENET_MEAN, IMAGENET_STD
from ..model.vocabulary import Indexer, Tokenizer

PUBLISHED_ENCODERS = {"PyramidConvEncoder": "pyramid", "SpatialConvEncoder": "spatial"}
PUBLISHED_NETWORK = "encoder.encoder.model."
# the published files hold a language pipeline's configuration, a dict with attributes; its name depends on their writer
CONFIGURATIONS = ("thinc.config.Config", "confection.Config", "confection._config.Config")
_NORMALISATION = ("encoder.mean", "encoder.std")


def read_published(path: str, *, needs_encoder: bool = True) -> Captioner:
    """Read a published payload on the CPU.

    Nothing but tensors and plain values is built from the file, and the checksums of its parts are compared. The language
    pipeline that it embeds is not used: the words stand beside it, and English is tokenized by `Tokenizer`.

    Parameters
    ----------
    path : str
        The payload.
    needs_encoder : bool
        Whether to refuse a payload without its encoder's network.

    Returns
    -------
    Captioner
        The model, in evaluation mode.

    Raises
    ------
    ValueError
        If it is damaged, holds more than tensors and plain values, needs more time or memory than its size suggests, or is no payload
        of a captioning model.
    """
    try:
        payload = read_tensor_file(path, names=dict.fromkeys(CONFIGURATIONS, as_mapping))
    except HoldsCode as refusal:
        raise ValueError(
            f"{path} is refused and none of its code was run: it contains more than tensors and plain values, namely {refusal}"
        ) from refusal
    except Unreadable as refusal:
        raise ValueError(f"{path} {refusal}") from refusal
    try:
        if type(payload) is not dict or type(payload.get("state_dict")) is not dict:
            raise TypeError("it is no mapping with a state_dict")
        state = payload["state_dict"]
        if not all(type(name) is str and isinstance(tensor, torch.Tensor) for name, tensor in state.items()):
            raise TypeError("its state_dict holds other things than tensors")
        plan = _plan(payload["properties"], payload["children"]["encoder"], state)
        tensors = {name: tensor for name, tensor in state.items() if name not in _NORMALISATION}
        tensors = {name.replace(PUBLISHED_NETWORK, ENCODER): tensor for name, tensor in tensors.items()}
        n_bytes = Path(path).stat().st_size
        return build_captioner(plan, tensors, prefix="", n_bytes=n_bytes, needs_encoder=needs_encoder)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no payload of a published captioning model: {error!r:.300}") from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged or no captioning model: {error}") from error


def _plan(parts: Mapping[str, Any], encoder: str, state: Mapping[str, torch.Tensor]) -> Plan:
    """Parse the metadata of a payload."""
    indexer = _indexer(parts["indexer"])
    check_choice("the type of encoder", encoder, PUBLISHED_ENCODERS)
    kind = PUBLISHED_ENCODERS[encoder]
    record = EncoderRecord(
        kind=kind,
        config=parts["encoder"]["properties"].get("config", "resnet50" if kind == "pyramid" else "resnet18"),
        mean=_normalisation(state, "encoder.mean", IMAGENET_MEAN),
        std=_normalisation(state, "encoder.std", IMAGENET_STD),
        weights=under(state, PUBLISHED_NETWORK),
    )
    sizes = DecoderSizes(
        n_symbols=indexer.n_symbols,
        feature_size=record.feature_size,
        embedding_size=parts["embedding_size"],
        hidden_size=parts["hidden_size"],
        attention_size=parts["attention_hidden_size"],
        dropout=parts["dropout"],
    )
    chosen = {name: parts[name] for name in ("strategy", "length", "beam_size", "temperature")}
    lm = None if parts["lm"] is None else _lm(parts["lm"]["properties"], indexer)
    return Plan(indexer, sizes, lm, record, Settings(**chosen, lm_sum="published"))


def _indexer(entry: Mapping[str, Any]) -> Indexer:
    """Read an indexer, of whose embedded pipeline nothing is looked at."""
    properties = entry["properties"]
    tokenizing = properties["tokenize"]["properties"]
    check_flag("lemmatize", tokenizing["lemmatize"])
    if tokenizing["lemmatize"]:
        raise ValueError(
            "it reduces words to lemmas, which needs a trained pipeline; only models without it can be read"
        )
    flags = {name: tokenizing[name] for name in ("lowercase", "ignore_stop", "ignore_punct")}
    own = {name: properties[name] for name in ("start", "stop", "pad", "unk", "length")}
    return Indexer(properties["vocab"]["properties"]["tokens"], Tokenizer(**flags), **own)


def _lm(properties: Mapping[str, Any], indexer: Indexer) -> dict[str, Any]:
    """Read the sizes of the language model, whose numbers must mean the decoder's words."""
    if _indexer(properties["indexer"]).tokens != indexer.tokens:
        raise ValueError("the words of the language model and of the decoder are not the same in the same order")
    return {name: properties[name] for name in ("embedding_size", "hidden_size", "layers", "dropout")}


def _normalisation(state: Mapping[str, torch.Tensor], name: str, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    if not any(own.startswith(ENCODER) for own in state):
        return otherwise  # the encoder is left out as a whole
    if name not in state or state[name].shape != (1, 3, 1, 1):
        raise ValueError(f"it lacks the tensor {name} of shape (1, 3, 1, 1)")
    return tuple(state[name].flatten().tolist())
