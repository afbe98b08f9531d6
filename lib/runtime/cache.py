"""Files below `.snakemake` that keep what took long to find, which a later run may lose without harm."""

import json
import os
from pathlib import Path


def recall(path: str | Path) -> dict:
    """Return what `remember` wrote: a dict, empty if there is none yet or the file was damaged.

    Parameters
    ----------
    path : str or pathlib.Path
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(path: str | Path, found: dict) -> None:
    """Write a dict for later runs; another run that writes at the same time leaves one of the two files whole.

    Parameters
    ----------
    path : str or pathlib.Path
        Its folder is made.
    found : dict
        As JSON can hold it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(found), encoding="utf-8")
    os.replace(partial, path)
