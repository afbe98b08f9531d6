"""Safe reading of weights, in the forms in which they were published over the years, and writing of our own."""

import hashlib
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from lib.models.weight_names import rename_keys, shorten
from lib.models.zoo import build_skeleton

WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys under which training scripts keep the weights
CONFIG_KEY = "checkpoints.trusted_sha256"

_SCRIPT = "TorchScript archive"
_REASON = re.compile(rf"(?:Unsupported|GLOBAL|Trying to)[^\n]*|{_SCRIPT}")  # what tells in torch's long message


def read_state_dict(path: str | Path, *, trusted_sha256: list[str]) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint without running code that it may contain.

    Parameters
    ----------
    path : str or pathlib.Path
        A safetensors file, or one written by `torch.save` (a state dict, a dict that holds one, a whole module) or as
        TorchScript.
    trusted_sha256 : list of str
        Digests of the files whose code may run: a whole module or TorchScript cannot be read otherwise.

    Returns
    -------
    dict of str to torch.Tensor
        The tensors by name, on the CPU, under the names in the file.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is damaged, holds no state dict, or needs code and is not trusted.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The checkpoint {path} does not exist.")
    if _is_safetensors(path):
        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(f"The checkpoint {path} is not a readable safetensors file: {error}.") from error
    return _find_state_dict(_load(path, trusted_sha256), path)


def load_weights(network: nn.Module, path: str | Path, *, trusted_sha256: list[str]) -> None:
    """Read a checkpoint into a network, completely and strictly.

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
    """Put the tensors of a checkpoint into a network, completely and strictly.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place; untouched if anything is wrong.
    state_dict : mapping of str to torch.Tensor
        The tensors, under old or present names.
    path : str or pathlib.Path
        Where they come from, for messages.

    Raises
    ------
    ValueError
        If tensors are missing, surplus, of another shape, or hold NaN or infinite numbers.
    """
    state = rename_keys(state_dict, network)
    expected = network.state_dict()
    # Counters of batches are younger than many published weights, and do not matter for what a network computes.
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
    broken = [key for key in shared if state[key].is_floating_point() and not torch.isfinite(state[key]).all()]
    problems = {
        "missing": missing,
        "surplus": surplus,
        "of another shape (another number of classes or another network)": shapes,
        "with NaN or infinite numbers": broken,
    }
    found = [f"{len(keys)} {problem}: {shorten(keys)}" for problem, keys in problems.items() if keys]
    if found:
        raise ValueError(f"The checkpoint {path} does not fit {type(network).__name__}: tensors {'; '.join(found)}.")
    network.load_state_dict(state)


def n_classes_of(state_dict: Mapping[str, torch.Tensor], name: str, *, arguments: dict | None = None) -> int:
    """Find for how many classes a checkpoint was trained.

    Parameters
    ----------
    state_dict : mapping of str to torch.Tensor
        The tensors, under the names in the file.
    name : str
        The network in torchvision that they belong to.
    arguments : dict or None
        As for `build_network`.

    Returns
    -------
    int
        Number of outputs of the last layer.

    Raises
    ------
    ValueError
        If torchvision has no such network, or if the checkpoint lacks its last layer.
    """
    few, many = (build_skeleton(name, n_classes=n, arguments=arguments).state_dict() for n in (2, 3))
    head = [key for key in few if few[key].shape != many[key].shape][-1]  # auxiliary heads come before
    state = rename_keys(state_dict, build_skeleton(name, n_classes=None, arguments=arguments))
    if head not in state:
        raise ValueError(f"The checkpoint is not one of {name}: it holds no {head}, but {shorten(list(state))}.")
    return state[head].shape[0]


def save_state_dict(network: nn.Module, path: str | Path) -> None:
    """Write the tensors of a network as safetensors.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    path : str or pathlib.Path
        The file; its folder is made. It appears when it is complete.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    # A clone each, because the format refuses tensors that share memory.
    tensors = {key: value.detach().cpu().clone().contiguous() for key, value in network.state_dict().items()}
    temporary.write_bytes(save(tensors))  # save_file would make it readable for its owner alone
    temporary.replace(path)


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(9)  # a link may have another name than the user's own file, and that no suffix
    return path.resolve().suffix == ".safetensors" or start[8:] == b"{"


def _load(path: Path, trusted_sha256: list[str]) -> object:
    for options in ({}, {"encoding": "latin1"}):  # the second is for text written by Python 2
        try:
            return torch.load(path, map_location="cpu", weights_only=True, **options)
        except UnicodeDecodeError as error:
            damage = error
        except pickle.UnpicklingError as error:
            return _load_trusted(path, trusted_sha256, str(error))
        except Exception as error:  # on damaged bytes torch's unpickler fails in many ways
            if _SCRIPT in str(error):
                return _load_trusted(path, trusted_sha256, str(error))
            damage = error
            break
    raise ValueError(f"The checkpoint {path} is damaged or was not written by torch.save: {damage!r}.") from damage


def _load_trusted(path: Path, trusted_sha256: list[str], error: str) -> object:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest in {trusted.lower() for trusted in trusted_sha256}:
        return torch.load(path, map_location="cpu", weights_only=False)
    reason = _REASON.search(error)
    raise ValueError(
        f"The checkpoint {path} holds more than tensors ({reason[0] if reason else error}), so that reading it "
        "could run any program. If you trust where it comes from, allow this one file by adding its sha256 "
        f"{digest} to the config key `{CONFIG_KEY}`."
    )


def _find_state_dict(content: object, path: Path) -> dict[str, torch.Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping | nn.Module):
            content = content[wrapper]
    if isinstance(content, nn.Module):
        content = content.state_dict()
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"The checkpoint {path} holds no state dict but a {type(content).__name__}.")
    others = [str(key) for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise ValueError(f"The checkpoint {path} holds entries that are no tensors: {shorten(others)}.")
    return dict(content)
