"""Read and write safetensors files, with a checksum in those written here."""

import hashlib
import json
import struct
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...runtime.atomic import new_file
from ...runtime.regular_files import check_regular_file
from .refusals import Unreadable, damaged

METADATA_KEY = "neuron-lexicon"
MOST_TENSORS = 10_000
LARGEST_HEADER = 1 << 22  # bytes; the words of a captioning model take some hundred thousand


def write_safetensors(path: str | Path, tensors: dict[str, torch.Tensor], *, about: dict) -> None:
    """Write a safetensors file atomically.

    Its only metadata entry, `neuron-lexicon`, is a JSON object: `about`, and as `sha256` the checksum of it and of the
    tensors with their names, types and shapes.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; its folder is created. Equal contents give equal bytes.
    tensors : dict of str to torch.Tensor
    about : dict
        Metadata, serialisable as JSON.
    """
    # cloned, because the format refuses tensors that share memory
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    metadata = {METADATA_KEY: _text(about, _checksum(about, tensors))}
    with new_file(path) as draft:
        draft.write_bytes(save(tensors, metadata=metadata))  # save_file would set permissions for the owner only


def read_safetensors(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Read a safetensors file and compare its checksum, if it was written here.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    tensors : dict of str to torch.Tensor
        On the CPU.
    about : dict
        As `write_safetensors` takes it; empty for files of other programs.

    Raises
    ------
    Unreadable
        If the file is damaged, or was written by a version without checksums. The message continues after the name of the file.
    FileNotFoundError, ValueError
        As `check_regular_file`.
    """
    check_regular_file(path, name="file")
    with Path(path).open("rb") as file:
        size = file.read(8)
    if len(size) == 8 and struct.unpack("<Q", size)[0] > LARGEST_HEADER:
        raise Unreadable(f"is no readable safetensors file: its header is longer than {LARGEST_HEADER:,} bytes")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            if len(names := file.keys()) > MOST_TENSORS:
                raise Unreadable(f"holds {len(names):,} tensors, more than {MOST_TENSORS:,}, which no network here has")
            tensors = {name: file.get_tensor(name) for name in names}
    except Unreadable:
        raise
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise Unreadable(f"is no readable safetensors file: {str(error).splitlines()[0]}") from error
    if METADATA_KEY not in metadata:
        return tensors, {}
    about = _about(metadata[METADATA_KEY])
    if not isinstance(checksum := about.pop("sha256", None), str):
        raise Unreadable(
            f"has no checksum, because it is damaged or of an older version (format {ascii(about.get('format')):.40}); train "
            "it again, or convert it again"
        )
    # a changed but equivalent text counts as damaged too
    if checksum != _checksum(about, tensors) or metadata[METADATA_KEY] != _text(about, checksum):
        raise damaged("its checksum is not that of its contents")
    return tensors, about


def _about(text: str) -> dict:
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"its metadata is no JSON, {type(error).__name__}") from error
    if not isinstance(about, dict):
        raise damaged("its metadata is no JSON object")
    return about


def _text(about: dict, checksum: str) -> str:
    return json.dumps({**about, "sha256": checksum}, sort_keys=True)


def _checksum(about: dict, tensors: dict[str, torch.Tensor]) -> str:
    named = [[name, str(tensors[name].dtype), list(tensors[name].shape)] for name in sorted(tensors)]
    digest = hashlib.sha256(json.dumps([about, named], sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
