"""Cache files below `.snakemake`, which may be deleted at any time."""

import json
import os
from pathlib import Path


def recall(path: str | Path) -> dict:
    """Return the dict that `remember` wrote, empty if the file is missing or damaged.

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
    """Write a dict for later runs, atomically.

    Parameters
    ----------
    path : str or pathlib.Path
        Its folder is created.
    found : dict
        Serialisable as JSON.

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
