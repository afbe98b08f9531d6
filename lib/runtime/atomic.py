"""Atomic writing: a file or folder gets its name only when it is complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".part"


def draft_of(target: str | Path) -> Path:
    """Return the temporary path of a file or folder during writing."""
    target = Path(target)
    return target.with_name(target.name + SUFFIX)


@contextmanager
def new_file(target: str | Path) -> Iterator[Path]:
    """Yield the path to write a file to; the file gets its name when the block ends, and is removed if it fails.

    Parameters
    ----------
    target : str or pathlib.Path
        Its folder is created. An older file is replaced atomically.
    """
    target, draft = Path(target), draft_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield draft
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(target: str | Path) -> Iterator[Path]:
    """Yield an empty folder to write into; it gets its name when the block ends, and is removed if it fails.

    Parameters
    ----------
    target : str or pathlib.Path
        The parent folder is created. An older folder is removed.
    """
    target, draft = Path(target), draft_of(target)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        shutil.rmtree(target, ignore_errors=True)
        os.replace(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
