"""Checkpoints of captioning models: the native format, and a reader of published payloads that runs none of their code.

The native format is one safetensors file. Its tensors begin with `decoder.`, `lm.` and `encoder.`; its only metadata
entry, `neuron-lexicon`, is a JSON object with the words, the sizes, the settings and what the encoder is.
"""

import json
import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from lib.captioning.decoder import Decoder, DecoderSizes
from lib.captioning.encoder import IMAGENET_MEAN, IMAGENET_STD, PYRAMID, SPATIAL
from lib.captioning.language_model import LanguageModel
from lib.captioning.vocabulary import Indexer, Tokenizer

METADATA_KEY, FORMAT = "neuron-lexicon", "milan 1"
PUBLISHED_ENCODERS = {"PyramidConvEncoder": "pyramid", "SpatialConvEncoder": "spatial"}
PUBLISHED_NETWORK = "encoder.encoder.model."
# the published files hold a language pipeline's configuration, a dict with attributes; its name depends on their writer
CONFIGURATIONS = [
    (OrderedDict, name) for name in ("thinc.config.Config", "confection.Config", "confection._config.Config")
]
SHAPES_ONLY = torch.device("meta")  # no memory is taken before a file's tensors are known to have these shapes


@dataclass(frozen=True)
class EncoderRecord:
    """An encoder without its network.

    Parameters
    ----------
    kind : str
        "pyramid" or "spatial".
    config : str
        The name of the network.
    mean, std : tuple of float
        The normalisation of its images.
    weights : dict of str to torch.Tensor
        The network's state dict; empty if the checkpoint leaves it out.
    """

    kind: str
    config: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: dict[str, torch.Tensor] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse an encoder that is not known here."""
        known = {"pyramid": PYRAMID, "spatial": SPATIAL}.get(self.kind, {})
        if self.config not in known:
            raise ValueError(
                f"the checkpoint's encoder is {self.kind!r} {self.config!r}, which is not known: {sorted(known)}"
            )


@dataclass(frozen=True)
class Settings:
    """How a captioning model describes unless told otherwise; the names are those of the config's section `milan`."""

    strategy: str = "rerank"
    length: int = 15
    beam_size: int = 50
    temperature: float = 0.2
    lm_sum: str = "exact"


@dataclass(frozen=True)
class Captioner:
    """A captioning model.

    Parameters
    ----------
    indexer : Indexer
        Its symbols.
    decoder : Decoder
        In evaluation mode.
    language_model : LanguageModel or None
        In evaluation mode, over the same symbols.
    encoder : EncoderRecord
        What its features come from.
    settings : Settings
        Its defaults.
    """

    indexer: Indexer
    decoder: Decoder
    language_model: LanguageModel | None
    encoder: EncoderRecord
    settings: Settings


def write_captioner(path: str, captioner: Captioner) -> None:
    """Write a captioning model in the native format, its encoder's network included.

    Parameters
    ----------
    path : str
        The file to write; equal models give equal bytes.
    captioner : Captioner
        The model.
    """
    lm, encoder = captioner.language_model, asdict(captioner.encoder)
    weights = encoder.pop("weights")
    config = {
        "format": FORMAT,
        "indexer": asdict(captioner.indexer),
        "decoder": asdict(captioner.decoder.sizes),
        "lm": None if lm is None else lm.sizes,
        "encoder": encoder,
        "settings": asdict(captioner.settings),
    }
    tensors = {f"decoder.{name}": tensor for name, tensor in captioner.decoder.state_dict().items()}
    tensors |= {} if lm is None else {f"lm.{name}": tensor for name, tensor in lm.state_dict().items()}
    tensors |= {f"encoder.{name}": tensor for name, tensor in weights.items()}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    content = save(
        {name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
        metadata={METADATA_KEY: json.dumps(config, sort_keys=True)},
    )
    partial = Path(f"{path}.part")
    partial.write_bytes(content)  # save_file would make it readable for its owner alone
    partial.replace(path)


def read_captioner(path: str, *, needs_encoder: bool = True) -> Captioner:
    """Read a captioning model, native or published, on the CPU.

    Parameters
    ----------
    path : str
        A native safetensors file or a published payload.
    needs_encoder : bool
        Whether to refuse a checkpoint without its encoder's network.

    Returns
    -------
    Captioner
        The model, in evaluation mode.

    Raises
    ------
    ValueError
        If the file is neither, names an unknown encoder, or has missing, surplus or wrong tensors.
    """
    with Path(path).open("rb") as file:
        is_archive = file.read(2) == b"PK"
    return (read_published if is_archive else read_native)(path, needs_encoder=needs_encoder)


def read_native(path: str, *, needs_encoder: bool = True) -> Captioner:
    """Read a captioning model in the native format; parameters, result and errors are those of `read_captioner`."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            config = _metadata(file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is neither a safetensors file nor a published payload: {error}") from error
    if config.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {config.get('format')!r}, expected {FORMAT!r}; train it again with this version"
        )
    try:
        words = config["indexer"]
        words |= {"tokens": tuple(words["tokens"]), "tokenizer": Tokenizer(**words["tokenizer"])}
        indexer = Indexer(**words)
        with SHAPES_ONLY:
            decoder = Decoder(DecoderSizes(**config["decoder"]))
            lm = None if config["lm"] is None else LanguageModel(indexer.n_symbols, **config["lm"])
        record = config["encoder"] | {"mean": tuple(config["encoder"]["mean"]), "std": tuple(config["encoder"]["std"])}
        encoder = EncoderRecord(**record, weights=_under(tensors, "encoder."))
        settings = Settings(**config["settings"])
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{path} has an incomplete or unknown entry in its metadata: {error}") from error
    return _assemble(path, tensors, "decoder.", indexer, decoder, lm, encoder, settings, needs_encoder=needs_encoder)


def _metadata(entries: dict[str, str] | None) -> dict:
    """Return what a native file says of itself; nothing if that is no JSON object."""
    try:
        config = json.loads((entries or {}).get(METADATA_KEY, "{}"))
    except json.JSONDecodeError:
        return {}
    return config if isinstance(config, dict) else {}


def read_published(path: str, *, needs_encoder: bool = True) -> Captioner:
    """Read a published payload, running no code from it; parameters, result and errors are those of `read_captioner`.

    Nothing but tensors and plain values is built from the file. The language pipeline that it embeds is not used: the
    words stand beside it, and English is tokenized by `Tokenizer`.
    """
    with Path(path).open("rb") as file, torch.serialization.safe_globals(CONFIGURATIONS):
        try:
            payload = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            surplus = re.search(r"GLOBAL (\S+)", str(error))
            raise ValueError(
                f"{path} is refused, and nothing of it was run: it holds more than tensors and plain values"
                + (f", namely {surplus[1]}" if surplus else "")
            ) from error
        except Exception as error:  # on damaged bytes torch's unpickler fails in many ways
            raise ValueError(f"{path} is truncated or otherwise damaged; get it again") from error
    try:
        parts, state = payload["properties"], payload["state_dict"]
        if not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
            raise TypeError("its state_dict holds other things than tensors")
        indexer = _published_indexer(path, parts["indexer"])
        kind = PUBLISHED_ENCODERS.get(payload["children"]["encoder"])
        if kind is None:
            raise ValueError(
                f"{path} has an encoder of type {payload['children']['encoder']!r}, which is not one of "
                f"{sorted(PUBLISHED_ENCODERS)}"
            )
        lm = None if parts["lm"] is None else _published_lm(path, parts["lm"]["properties"], indexer)
        encoder = EncoderRecord(
            kind=kind,
            config=parts["encoder"]["properties"].get("config", "resnet50" if kind == "pyramid" else "resnet18"),
            mean=tuple(_published_normalisation(path, state, "encoder.mean")),
            std=tuple(_published_normalisation(path, state, "encoder.std")),
            weights=_under(state, PUBLISHED_NETWORK),
        )
        layers = {"pyramid": PYRAMID, "spatial": SPATIAL}[kind][encoder.config]
        sizes = DecoderSizes(
            n_symbols=indexer.n_symbols,
            feature_size=sum(layers.sizes),
            embedding_size=parts["embedding_size"],
            hidden_size=parts["hidden_size"],
            attention_size=parts["attention_hidden_size"],
            dropout=parts["dropout"],
        )
        chosen = {name: parts[name] for name in ("strategy", "length", "beam_size", "temperature")}
        with SHAPES_ONLY:
            decoder = Decoder(sizes)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{path} is no payload of a published captioning model: {error!r}") from error
    own = {name: tensor for name, tensor in state.items() if name not in ("encoder.mean", "encoder.std")}
    renamed = {name.replace(PUBLISHED_NETWORK, "encoder."): tensor for name, tensor in own.items()}
    settings = Settings(**chosen, lm_sum="published")
    return _assemble(path, renamed, "", indexer, decoder, lm, encoder, settings, needs_encoder=needs_encoder)


def _published_indexer(path: str, entry: Mapping) -> Indexer:
    """Build the indexer from its entry, of which the embedded pipeline is not looked at."""
    properties = entry["properties"]
    tokenizing = properties["tokenize"]["properties"]
    if tokenizing["lemmatize"]:
        raise ValueError(
            f"{path} reduces words to lemmas, which needs a trained pipeline; only models without it can be read"
        )
    flags = {name: tokenizing[name] for name in ("lowercase", "ignore_stop", "ignore_punct")}
    own = {name: properties[name] for name in ("start", "stop", "pad", "unk", "length")}
    return Indexer(tuple(properties["vocab"]["properties"]["tokens"]), Tokenizer(**flags), **own)


def _published_lm(path: str, properties: Mapping, indexer: Indexer) -> LanguageModel:
    """Build the language model, whose numbers must mean the decoder's words."""
    if _published_indexer(path, properties["indexer"]).tokens != indexer.tokens:
        raise ValueError(
            f"{path}: the words of the language model and of the decoder are not the same in the same order"
        )
    sizes = {name: properties[name] for name in ("embedding_size", "hidden_size", "layers", "dropout")}
    with SHAPES_ONLY:
        return LanguageModel(indexer.n_symbols, **sizes)


def _published_normalisation(path: str, state: Mapping, name: str) -> list[float]:
    if not any(own.startswith("encoder.") for own in state):
        return list(IMAGENET_MEAN if name.endswith("mean") else IMAGENET_STD)  # the encoder is left out as a whole
    if name not in state or state[name].shape != (1, 3, 1, 1):
        raise ValueError(f"{path} lacks the tensor {name} of shape (1, 3, 1, 1)")
    return state[name].flatten().tolist()


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _assemble(path, tensors, prefix, indexer, decoder, lm, encoder, settings, *, needs_encoder) -> Captioner:
    """Fill the modules with the tensors, of which none may be missing, left over or of another shape."""
    modules: list[tuple[str, nn.Module]] = [(prefix, decoder)] + ([] if lm is None else [("lm.", lm)])
    expected = {f"{start}{name}": tensor for start, module in modules for name, tensor in module.state_dict().items()}
    given = {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder.")}
    wrong = {
        "missing": sorted(expected.keys() - given.keys()),
        "surplus": sorted(given.keys() - expected.keys()),
        "wrong shape or type": sorted(
            f"{name} {tuple(given[name].shape)} instead of {tuple(expected[name].shape)}"
            for name in expected.keys() & given.keys()
            if given[name].shape != expected[name].shape or given[name].dtype != expected[name].dtype
        ),
    }
    if needs_encoder and not encoder.weights:
        wrong["missing"].append("the encoder's network")
    if any(wrong.values()):
        raise ValueError(
            f"{path} is damaged: " + "; ".join(f"{kind}: {', '.join(found)}" for kind, found in wrong.items() if found)
        )
    for start, module in modules:
        module.to_empty(device="cpu")
        module.load_state_dict({name: given[f"{start}{name}"] for name in module.state_dict()})
        module.eval()
    if indexer.n_symbols != decoder.sizes.n_symbols:
        raise ValueError(f"{path} has {indexer.n_symbols} symbols and a decoder of {decoder.sizes.n_symbols}")
    return Captioner(indexer, decoder, lm, encoder, settings)
