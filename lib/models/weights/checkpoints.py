"""Read checkpoints of all published formats safely, and write checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ...runtime.regular_files import check_regular_file
from ..build.zoo import build_skeleton
from .refusals import HoldsCode, Unreadable
from .renames import rename_keys, shorten
from .safetensors_files import read_safetensors, write_safetensors
from .tensor_files import read_tensor_file
from .trust import check_trust, digest_of, is_trusted

WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys under which training scripts store the weights
FORMAT = "weights 1"
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read_state_dict(path: str | Path, *, trusted_sha256: list[str]) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint without running code that it may contain.

    Parameters
    ----------
    path : str or pathlib.Path
        A safetensors file, or one written by `torch.save` (a state dict, a dict that holds one, a whole module) or as
        TorchScript.
    trusted_sha256 : list of str
        Digests of trusted files, which torch may load with their code: needed for a whole module or TorchScript.

    Returns
    -------
    dict of str to torch.Tensor
        The tensors by name, on the CPU, under the names in the file.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is no regular file, is damaged, holds no state dict or tensors that are not dense, needs more time or
        memory than its size suggests, or needs code and is not trusted.
    """
    path = Path(path)
    check_regular_file(path, name="file")
    try:
        content = read_safetensors(path)[0] if _is_safetensors(path) else read_tensor_file(path)
    except Unreadable as refusal:
        content = _load_trusted(path, trusted_sha256, refusal)
    return _find_state_dict(content, path)


def load_weights(network: nn.Module, path: str | Path, *, trusted_sha256: list[str]) -> None:
    """Load a checkpoint into a network, strictly.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place; untouched if anything is wrong.
    path : str or pathlib.Path
        The checkpoint.
    trusted_sha256 : list of str
        Digests of the files whose code may run (see `read_state_dict`).

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        As `read_state_dict` and `fit_weights`.
    """
    fit_weights(network, read_state_dict(path, trusted_sha256=trusted_sha256), path)


def fit_weights(network: nn.Module, state_dict: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Load the tensors of a checkpoint into a network, strictly.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place; untouched if anything is wrong.
    state_dict : mapping of str to torch.Tensor
        The tensors, under old or present names.
    path : str or pathlib.Path
        File of the tensors, for messages.

    Raises
    ------
    ValueError
        If tensors are missing, surplus, of another shape or kind, or hold NaN, infinite or too large numbers.
    """
    state = rename_keys(state_dict, network)
    expected = network.state_dict()
    # Batch counters are missing in old checkpoints and do not affect the output.
    counters = {key: value for key, value in expected.items() if key.endswith("num_batches_tracked")}
    state = {**counters, **state}
    missing = [key for key in expected if key not in state]
    surplus = [key for key in state if key not in expected]
    shared = [key for key in expected if key in state]
    shapes = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in shared
        if state[key].shape != expected[key].shape
    ]
    kinds = [
        f"{key} {_kind(state[key])} instead of {_kind(expected[key])}"
        for key in shared
        if not _becomes(state[key], expected[key])
    ]
    fitting = [key for key in shared if state[key].shape == expected[key].shape and _becomes(state[key], expected[key])]
    broken = [key for key in fitting if not torch.isfinite(state[key].to(expected[key].dtype)).all()]
    problems = {
        "missing": missing,
        "surplus": surplus,
        "of another shape (another number of classes or another network)": shapes,
        "of another kind": kinds,
        "with NaN, infinite or too large numbers": broken,
    }
    found = [f"{len(keys)} {problem}: {shorten(keys)}" for problem, keys in problems.items() if keys]
    if found:
        raise ValueError(f"The checkpoint {path} does not fit {type(network).__name__}: tensors {'; '.join(found)}.")
    network.load_state_dict(state)


def n_classes_of(
    state_dict: Mapping[str, torch.Tensor], name: str, *, arguments: dict | None = None, path: str | Path = ""
) -> int:
    """Return the number of classes of a checkpoint.

    Parameters
    ----------
    state_dict : mapping of str to torch.Tensor
        The tensors, under the names in the file.
    name : str
        The network in torchvision that they belong to.
    arguments : dict or None
        As for `build_network`.
    path : str or pathlib.Path
        File of the tensors, for messages.

    Returns
    -------
    int
        Number of outputs of the last layer. The checkpoint holds as many weights as that takes.

    Raises
    ------
    ValueError
        If torchvision has no such network, or if the checkpoint lacks its last layer.
    """
    few, many = (build_skeleton(name, n_classes=n, arguments=arguments).state_dict() for n in (2, 3))
    heads = [key for key in few if few[key].shape != many[key].shape]
    head = heads[-1]  # after auxiliary heads
    state = rename_keys(state_dict, build_skeleton(name, n_classes=None, arguments=arguments))
    if head not in state:
        raise ValueError(f"The checkpoint {path} is not one of {name}: it holds no {head}, but {shorten(list(state))}.")
    weights = [key for key in heads if key in state and key.rpartition(".")[0] == head.rpartition(".")[0]]
    n = max(state[head].shape[:1], default=0)
    wrong = [key for key in weights if state[key].shape != (n, *few[key].shape[1:])]
    if n < 1 or wrong:
        raise ValueError(
            f"The checkpoint {path} is not one of {name}: the shapes of {shorten(wrong or [head])} are of no last layer."
        )
    return n


def save_state_dict(network: nn.Module, path: str | Path) -> None:
    """Write the tensors of a network as safetensors, with their checksum.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    path : str or pathlib.Path
        The file, written atomically; its folder is created.
    """
    write_safetensors(path, network.state_dict(), about={"format": FORMAT})


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(9)  # the suffix is not reliable: links and user files may have any name
    return path.resolve().suffix == ".safetensors" or start[8:] == b"{"


def _load_trusted(path: Path, trusted_sha256: list[str], refusal: Unreadable) -> object:
    """Load a file with its code if it is trusted; else raise the reason for the refusal."""
    if trusted_sha256 and is_trusted(digest_of(path), trusted_sha256):
        try:
            return torch.load(path, map_location="cpu", weights_only=False)
        except Exception as error:  # its code may raise anything
            raise ValueError(f"The checkpoint {path} is trusted, but reading it fails: {error!r}.") from error
    if isinstance(refusal, HoldsCode):
        danger = f"The checkpoint {path} holds more than tensors ({refusal}), so that reading it could run any program."
        check_trust(path, trusted_sha256, danger=danger)
    raise ValueError(f"The checkpoint {path} {refusal}.") from refusal


def _kind(tensor: torch.Tensor) -> str:
    if tensor.layout != torch.strided or tensor.is_quantized:
        return "sparse" if tensor.layout != torch.strided else "quantised"
    return "without values" if tensor.is_meta else str(tensor.dtype).removeprefix("torch.")


def _becomes(tensor: torch.Tensor, expected: torch.Tensor) -> bool:
    """Return whether a tensor is dense and its numbers can become those that a network expects."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        return False
    whole = [not (each.is_floating_point() or each.is_complex()) for each in (tensor, expected)]
    return tensor.dtype == expected.dtype or all(whole) or {tensor.dtype, expected.dtype} <= set(FLOATS)


def _find_state_dict(content: object, path: Path) -> dict[str, torch.Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping | nn.Module):
            content = content[wrapper]
    if isinstance(content, nn.Module):
        content = content.state_dict()
    if not isinstance(content, Mapping) or not content or any(not isinstance(key, str) for key in content):
        raise ValueError(f"The checkpoint {path} holds no state dict but a {type(content).__name__}.")
    others = [str(key) for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise ValueError(f"The checkpoint {path} holds entries that are no tensors: {shorten(others)}.")
    return dict(content)
