"""The state of a training in progress in a file, so that a killed training goes on where it was.

A state is made of tensors and plain values alone; what is damaged is not used. It is used again only by the training that
wrote it: its key names the data, the first weights, the settings and the code.
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

import torch

from lib.captioning.saving import save_tensors
from lib.models.tensor_files import read_tensor_file

LOG = logging.getLogger(__name__)


def training_key(*parts: Any) -> str:
    """Name a training by all that decides its result, the code of this package and torch's version included.

    Parameters
    ----------
    *parts : object
        Tensors, which count with type, shape and values, and anything whose `repr` tells what it is.

    Returns
    -------
    str
        A sha256, in hexadecimal digits.
    """
    digest = hashlib.sha256(torch.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for part in parts:
        if isinstance(part, torch.Tensor):
            digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            digest.update(part.detach().cpu().contiguous().numpy())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


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
    for leftover in (Path(path), Path(f"{path}.part")):
        leftover.unlink(missing_ok=True)
