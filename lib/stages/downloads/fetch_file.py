"""Stage: fetch one file of the table of sources, such as weights."""

from ...data.downloads.obtain import obtain_file
from ...data.downloads.sources import find_source


def fetch_file(*, source: str, target: str, local: str | None, config_key: str) -> None:
    """Download a file and verify it, or link to a local copy.

    Parameters
    ----------
    source : str
        Name in `lib/data/sources.csv`.
    target : str
        Path of the file to create.
    local : str or None
        Path of a local copy (which becomes a symbolic link) or another URL of the same file; None for the published
        URL.
    config_key : str
        Config key of `local`, for error messages.

    Raises
    ------
    FileNotFoundError
        If the copy does not exist.
    ValueError
        If the source is unknown or must be downloaded manually, or if the copy is not the published file.
    OSError
        If the download fails.
    """
    obtain_file(find_source(source), target, local=local, config_key=config_key)
