"""Captioning models and their parts, checked before they are built."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from ...models.weights.renames import shorten
from ..decoding.rerank import STRATEGIES
from .checks import LONGEST, check_choice, check_number, check_whole
from .decoder import Decoder, DecoderSizes
from .encoder import PYRAMID, SPATIAL
from .language_model import LM_SUMS, LanguageModel
from .vocabulary import Indexer

ENCODERS = {"pyramid": PYRAMID, "spatial": SPATIAL}
MOST_SENTENCES, LARGEST_WEIGHT = 10_000, 100.0  # beam size and T
ENCODER = "encoder."  # begins the names of the encoder's tensors
_SHAPES_ONLY = torch.device("meta")  # no memory is taken before the tensors are known to have these shapes


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
        The normalisation of its images, from 0 to 1: three numbers each.
    weights : dict of str to torch.Tensor
        The network's state dict; empty if the checkpoint leaves it out.
    """

    kind: str
    config: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: dict[str, torch.Tensor] = field(repr=False)

    def __post_init__(self) -> None:
        """Check the kind and network of the encoder and its normalisation."""
        check_choice("encoder kind", self.kind, ENCODERS)
        check_choice(f"{self.kind} encoder", self.config, ENCODERS[self.kind])
        for name, numbers, lowest in (("mean", self.mean, -1e6), ("std", self.std, 1e-6)):
            if type(numbers) is not tuple or len(numbers) != 3:
                raise ValueError(f"the encoder's {name} must be three numbers")
            for number in numbers:
                check_number(f"the encoder's {name}", number, lowest=lowest, highest=1e6)

    @property
    def feature_size(self) -> int:
        """The length D of an encoded exemplar."""
        return sum(ENCODERS[self.kind][self.config].sizes)


@dataclass(frozen=True)
class Settings:
    """Default decoding settings of a captioning model; the names are those of the config section `milan`."""

    strategy: str = "rerank"
    length: int = 15
    beam_size: int = 50
    temperature: float = 0.2
    lm_sum: str = "exact"

    def __post_init__(self) -> None:
        """Check the settings."""
        check_choice("strategy", self.strategy, (*STRATEGIES, "sample"))  # the published program can also sample
        check_whole("length", self.length, lowest=1, highest=LONGEST)
        check_whole("beam_size", self.beam_size, lowest=1, highest=MOST_SENTENCES)
        check_number("temperature", self.temperature, lowest=0, highest=LARGEST_WEIGHT)
        check_choice("lm_sum", self.lm_sum, LM_SUMS)


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
        The encoder of its features.
    settings : Settings
        Its defaults.
    """

    indexer: Indexer
    decoder: Decoder
    language_model: LanguageModel | None
    encoder: EncoderRecord
    settings: Settings


@dataclass(frozen=True)
class Plan:
    """Specification of a captioning model, before its modules are built.

    Parameters
    ----------
    indexer, encoder, settings
        As for `Captioner`.
    decoder : DecoderSizes
        The sizes of the decoder.
    lm : dict or None
        The keyword arguments of the language model, if there is one.
    """

    indexer: Indexer
    decoder: DecoderSizes
    lm: dict | None
    encoder: EncoderRecord
    settings: Settings

    def __post_init__(self) -> None:
        """Check that the parts match."""
        for part, own, other, expected in (
            ("symbols", self.decoder.n_symbols, "the vocabulary", self.indexer.n_symbols),
            ("values per exemplar", self.decoder.feature_size, "the encoder", self.encoder.feature_size),
        ):
            if own != expected:
                raise ValueError(f"the decoder has {own} {part}, and {other} {expected}")


def build_captioner(
    plan: Plan, tensors: Mapping[str, torch.Tensor], *, prefix: str, n_bytes: int, needs_encoder: bool
) -> Captioner:
    """Build the modules of a captioning model and load their tensors.

    Parameters
    ----------
    plan : Plan
        The model.
    tensors : mapping of str to torch.Tensor
        Those of the decoder, of the language model ("lm.") and of the encoder ("encoder."). None of the first two may be
        missing, left over or of another shape or type.
    prefix : str
        Begins the names of the decoder's tensors.
    n_bytes : int
        Upper bound of the size of all tensors: the size of their file.
    needs_encoder : bool
        Whether to refuse a model without its encoder's network.

    Returns
    -------
    Captioner
        On the CPU, in evaluation mode.

    Raises
    ------
    ValueError
        If the tensors do not fit, are larger than their file, or contain NaN or infinite values.
    """
    if sum(tensor.nbytes for tensor in tensors.values()) > n_bytes:
        raise ValueError("its tensors are larger than the file, because several share the same values")
    with _SHAPES_ONLY:
        decoder = Decoder(plan.decoder)
        lm = None if plan.lm is None else LanguageModel(plan.indexer.n_symbols, **plan.lm)
    modules: list[tuple[str, nn.Module]] = [(prefix, decoder)] + ([] if lm is None else [("lm.", lm)])
    expected = {f"{start}{name}": tensor for start, module in modules for name, tensor in module.state_dict().items()}
    given = {name: tensor for name, tensor in tensors.items() if not name.startswith(ENCODER)}
    wrong = {
        "missing": sorted(expected.keys() - given.keys()),
        "surplus": sorted(given.keys() - expected.keys()),
        "wrong shape or type": sorted(
            f"{name} {_kind(given[name])} instead of {_kind(expected[name])}"
            for name in expected.keys() & given.keys()
            if _kind(given[name]) != _kind(expected[name])
        ),
        "with NaN or infinite values": sorted(
            name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()
        ),
    }
    if needs_encoder and not plan.encoder.weights:
        wrong["missing"].append("the encoder's network")
    if any(wrong.values()):
        raise ValueError("; ".join(f"{kind}: {shorten(found)}" for kind, found in wrong.items() if found))
    for start, module in modules:
        module.to_empty(device="cpu")
        module.load_state_dict({name: given[f"{start}{name}"] for name in module.state_dict()})
        module.eval()
    return Captioner(plan.indexer, decoder, lm, plan.encoder, plan.settings)


def _kind(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
