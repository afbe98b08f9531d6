"""Check for regular files before opening: reading a pipe or a device could block or never end."""

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
    """Check that a path, or the target of a link, is a regular file.

    Parameters
    ----------
    path : str or pathlib.Path
        Path given by the user.
    name : str
        Description of the file, such as `label map`, for the message.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
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
