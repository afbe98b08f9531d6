"""A fingerprint of what a long job computes, by which a later run knows whether it may go on with what is there."""

import hashlib
import json
from pathlib import Path

from lib.data.checksums import digest_of
from lib.regular_files import check_regular_file


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

    Raises
    ------
    ValueError
        If the checkpoint is no regular file.
    """
    if weights:
        check_regular_file(weights, name="checkpoint")
    checkpoint = digest_of(weights) if weights else "random"
    found = [facts, checkpoint, images, [Path(path).stat().st_size for path in images]]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
