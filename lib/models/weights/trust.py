"""Trust in files: which may run the code that they contain."""

import hashlib
from pathlib import Path

from ...runtime.regular_files import check_regular_file

CONFIG_KEY = "checkpoints.trusted_sha256"


def digest_of(path: str | Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    check_regular_file(path, name="file")
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_trusted(digest: str, trusted_sha256: list[str]) -> bool:
    """Return whether a digest is trusted by the user, ignoring case."""
    return digest in {trusted.lower() for trusted in trusted_sha256}


def check_trust(path: str | Path, trusted_sha256: list[str], *, danger: str) -> None:
    """Check that a file may run the code that it contains.

    Parameters
    ----------
    path : str or pathlib.Path
    trusted_sha256 : list of str
        Digests of the files that the user trusts.
    danger : str
        Start of the message: how the file could run code.

    Raises
    ------
    ValueError
        If its digest is not among them; the message gives it.
    """
    digest = digest_of(path)
    if not is_trusted(digest, trusted_sha256):
        raise ValueError(
            f"{danger} If you trust its origin, allow this one file by adding its sha256 {digest} to the "
            f"config key `{CONFIG_KEY}`."
        )
