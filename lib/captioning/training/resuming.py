"""Store the state of a training run in a file, so that an interrupted run resumes.

A state consists of tensors and plain values only; a damaged file is ignored. Only the same training run uses it again: its
key identifies the data, the initial weights, the settings and the code.
"""

import logging
from pathlib import Path
from typing import Any

import torch

from ...models.weights.tensor_files import read_tensor_file
from ...runtime.atomic import draft_of
from ...runtime.fingerprints import code_hash, fingerprint
from ..checkpoints.tensors import save_tensors

LOG = logging.getLogger(__name__)


def training_key(*parts: Any) -> str:
    """Return a key of everything that determines the result of a training run, including its code and torch's version.

    Parameters
    ----------
    *parts : object
        Tensors, which count with dtype, shape and values, and any object with an unambiguous `repr`.

    Returns
    -------
    str
        A sha256, in hexadecimal digits.
    """
    code = code_hash(__package__ + ".train")
    return fingerprint(code, torch.__version__, *(_plain(part) for part in parts))


def _plain(part: Any) -> Any:
    return part.detach().cpu().numpy() if isinstance(part, torch.Tensor) else part


def write_state(path: str, state: dict[str, Any], *, key: str) -> None:
    """Write the state of a training run atomically.

    Parameters
    ----------
    path : str
        The file.
    state : dict
        Tensors and plain values, possibly nested.
    key : str
        Key of the training run, from `training_key`.
    """
    save_tensors(path, {"key": key, "state": state})


def read_state(path: str, *, key: str) -> dict[str, Any] | None:
    """Read the state of a training run, if the file belongs to this run.

    Parameters
    ----------
    path : str
        The file, which need not exist.
    key : str
        Key of the training run, from `training_key`.

    Returns
    -------
    dict or None
        The state, on the CPU; None if training has to start from the beginning.
    """
    if not Path(path).exists():
        return None
    try:
        kept = read_tensor_file(path)
    except ValueError:
        LOG.warning(
            "%s is damaged or contains more than tensors and plain values; training starts from the beginning", path
        )
        return None
    if not isinstance(kept, dict) or kept.get("key") != key:
        LOG.warning(
            "%s belongs to another training run (other data, settings or code); training starts from the beginning",
            path,
        )
        return None
    return kept["state"]


def remove_state(path: str) -> None:
    """Remove the state of a completed training run.

    Parameters
    ----------
    path : str
        The file, which need not exist.
    """
    for leftover in (Path(path), draft_of(path)):
        leftover.unlink(missing_ok=True)
