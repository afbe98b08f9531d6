"""A fingerprint of what a long job computes, by which a later run knows whether it may go on with what is there."""

import hashlib
import json
from pathlib import Path


def fingerprint_job(facts, *, images, weights):
    """Return a text that changes with anything that decides the result.

    Parameters
    ----------
    facts : dict
        Settings, as JSON can hold them.
    images : list of str
        Paths; of the files the sizes count.
    weights : str or list of str
        Checkpoint, whose bytes count; an empty list for random weights.

    Returns
    -------
    str
    """
    checkpoint = _digest(weights) if weights else "random"
    found = [facts, checkpoint, images, [Path(path).stat().st_size for path in images]]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _digest(path):
    if not Path(path).is_file():
        raise ValueError(f"{path} is no regular file: it is missing, a folder, a pipe or a device; give a checkpoint.")
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
