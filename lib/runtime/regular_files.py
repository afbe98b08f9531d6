"""Refusing what is no regular file before it is opened: a pipe or a device would be waited for, or read without end."""

import os
import stat
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def check_regular_file(path: str | Path, *, name: str) -> None:
    """Check that a path leads to a regular file, through links or not.

    Parameters
    ----------
    path : str or pathlib.Path
        What the user gave.
    name : str
        What it should be, such as `label map`, for the message.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If it is a folder, a pipe, a socket or a device.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"The {name} {path} does not exist.") from None
    if kind != stat.S_IFREG:
        raise ValueError(
            f"The {name} {path} is {KINDS.get(kind, 'no file')}, but must be a regular file. Give the path of one; save "
            "what comes through a pipe first."
        )
