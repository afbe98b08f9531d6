"""The state of a training in progress in a file, so that a killed training goes on where it was.

A state is made of tensors and plain values alone; what is damaged is not used. It is used again only by the training that
wrote it: its key names the data, the first weights, the settings and the code.
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
    """Name a training by all that decides its result, the code that it runs and torch's version included.

    Parameters
    ----------
    *parts : object
        Tensors, which count with dtype, shape and values, and anything whose `repr` tells what it is.

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
    """Write the state of a training; whenever the process is killed, there is a whole state or none.

    Parameters
    ----------
    path : str
        The file.
    state : dict
        Tensors and plain values, nested as need be.
    key : str
        As `training_key` names the training.
    """
    save_tensors(path, {"key": key, "state": state})


def read_state(path: str, *, key: str) -> dict[str, Any] | None:
    """Read the state of a training, if there is one of this very training.

    Parameters
    ----------
    path : str
        The file, which need not exist.
    key : str
        As `training_key` names the training.

    Returns
    -------
    dict or None
        The state, on the CPU; None if the training has to start anew.
    """
    if not Path(path).exists():
        return None
    try:
        kept = read_tensor_file(path)
    except ValueError:
        LOG.warning("%s is damaged or holds more than tensors and plain values; the training starts anew", path)
        return None
    if not isinstance(kept, dict) or kept.get("key") != key:
        LOG.warning("%s is of another training (other data, settings or code); the training starts anew", path)
        return None
    return kept["state"]


def remove_state(path: str) -> None:
    """Remove the state of a training that is complete.

    Parameters
    ----------
    path : str
        The file, which need not exist.
    """
    for leftover in (Path(path), draft_of(path)):
        leftover.unlink(missing_ok=True)
