"""Read and write captioning models in the native format, and detect the format of a file.

The native format is one safetensors file. Its tensors begin with `decoder.`, `lm.` and `encoder.`; its only metadata
entry, `neuron-lexicon`, is a JSON object with the words, the sizes, the settings, the encoder, and a checksum of
the metadata and the tensors.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ...models.weights.refusals import Unreadable
from ...models.weights.safetensors_files import read_safetensors, write_safetensors
from ...runtime.regular_files import check_regular_file
from ..model.captioner import ENCODER, Captioner, EncoderRecord, Plan, Settings, build_captioner, under
from ..model.checks import shown
from ..model.decoder import DecoderSizes
from ..model.vocabulary import Indexer, Tokenizer
from .published import read_published

FORMAT = "milan 2"


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
    about = {
        "format": FORMAT,
        "indexer": asdict(captioner.indexer),
        "decoder": asdict(captioner.decoder.sizes),
        "lm": None if lm is None else lm.sizes,
        "encoder": encoder,
        "settings": asdict(captioner.settings),
    }
    tensors = {f"decoder.{name}": tensor for name, tensor in captioner.decoder.state_dict().items()}
    tensors |= {} if lm is None else {f"lm.{name}": tensor for name, tensor in lm.state_dict().items()}
    tensors |= {f"{ENCODER}{name}": tensor for name, tensor in weights.items()}
    write_safetensors(path, tensors, about=about)


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
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is neither, is damaged, needs more time or memory than its size suggests, has settings that no model can
        have, names an unknown encoder, or has missing, surplus or wrong tensors.
    """
    check_regular_file(path, name="file")
    with Path(path).open("rb") as file:
        is_archive = file.read(2) == b"PK"
    return (read_published if is_archive else _read_native)(path, needs_encoder=needs_encoder)


def _read_native(path: str, *, needs_encoder: bool) -> Captioner:
    try:
        tensors, about = read_safetensors(path)
    except Unreadable as refusal:
        raise ValueError(
            f"{path} {refusal}. A captioning model is a safetensors file of this project or a published payload."
        ) from refusal
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {shown(about.get('format'))}, expected {FORMAT!r}; train it again, or convert it again, "
            "with this version"
        )
    try:
        plan, n_bytes = _plan(about, tensors), Path(path).stat().st_size
        return build_captioner(plan, tensors, prefix="decoder.", n_bytes=n_bytes, needs_encoder=needs_encoder)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} has an incomplete or unknown entry in its metadata: {error!r:.300}") from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged or no captioning model: {error}") from error


def _plan(about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Plan:
    """Parse the metadata of a file."""
    words, encoder = about["indexer"], about["encoder"]
    if type(words["tokens"]) is not list:
        raise TypeError("the words are no list")
    indexer = Indexer(**words | {"tokens": tuple(words["tokens"]), "tokenizer": Tokenizer(**words["tokenizer"])})
    record = EncoderRecord(
        **encoder | {"mean": tuple(encoder["mean"]), "std": tuple(encoder["std"])}, weights=under(tensors, ENCODER)
    )
    return Plan(indexer, DecoderSizes(**about["decoder"]), about["lm"], record, Settings(**about["settings"]))
