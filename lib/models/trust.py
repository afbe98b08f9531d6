"""Files that come from elsewhere: which are files at all, and which may run the code that they hold."""

import hashlib
from pathlib import Path

CONFIG_KEY = "checkpoints.trusted_sha256"


def check_regular(path):
    """Check that a path leads to a regular file: reading a pipe or a device may never end.

    Parameters
    ----------
    path : str or pathlib.Path

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If it is a folder, a pipe, a socket or a device.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"The file {path} does not exist.")
    if not Path(path).is_file():
        raise ValueError(f"{path} is no regular file but a folder, a pipe, a socket or a device; give a file.")


def digest_of(path):
    """Return the sha256 of a file, in hexadecimal digits."""
    check_regular(path)
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_trusted(digest, trusted_sha256):
    """Return whether a digest is among those that the user trusts, in small or capital letters."""
    return digest in {trusted.lower() for trusted in trusted_sha256}


def check_trust(path, trusted_sha256, *, danger):
    """Check that a file may run the code that it holds.

    Parameters
    ----------
    path : str or pathlib.Path
    trusted_sha256 : list of str
        Digests of the files that the user trusts.
    danger : str
        Begins the message: how the file would run code.

    Raises
    ------
    ValueError
        If its digest is not among them; the message gives it.
    """
    digest = digest_of(path)
    if not is_trusted(digest, trusted_sha256):
        raise ValueError(
            f"{danger} If you trust where it comes from, allow this one file by adding its sha256 {digest} to the "
            f"config key `{CONFIG_KEY}`."
        )
