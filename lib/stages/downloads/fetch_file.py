"""Bring one file of the table of sources, such as weights, to its place."""

from ...data.downloads.obtain import obtain_file
from ...data.downloads.sources import find_source


def fetch_file(*, source: str, target: str, local: str | None, config_key: str) -> None:
    """Download a file and verify it, or link to the user's copy.

    Parameters
    ----------
    source : str
        Name in `lib/data/sources.csv`.
    target : str
        Path of the file to make.
    local : str or None
        The user's copy (a path, which becomes a symbolic link) or another URL of the same file; None for the published
        URL.
    config_key : str
        The setting that `local` comes from, for error messages.

    Raises
    ------
    FileNotFoundError
        If the copy does not exist.
    ValueError
        If the source is unknown or must be got by the user, or if the copy is not the published file.
    OSError
        If the download fails.
    """
    obtain_file(find_source(source), target, local=local, config_key=config_key)
