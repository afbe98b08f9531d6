"""Writing files of tensors with torch, whole or not at all."""

from pathlib import Path
from typing import Any

import torch

from ...runtime.atomic import new_file


def save_tensors(path: str | Path, content: Any) -> None:
    """Write what `torch.save` can; the file appears under its name only when it is complete.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; its folder is made.
    content : object
        Tensors and plain values, nested as need be.

    Raises
    ------
    OSError
        If it cannot be written, because the disk is full for example.
    """
    try:
        with new_file(path) as draft, draft.open("wb") as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        # torch puts an error about its own positions over that of the system, and neither names the file
        cause = error if isinstance(error, OSError) else error.__context__
        if isinstance(cause, OSError) and cause.errno:
            raise OSError(cause.errno, cause.strerror, str(path)) from error
        raise
