"""Stage: fetch one data set of the table of sources, as a folder."""

from pathlib import Path

from ...data.downloads.archives import (
    LARGEST_ANNOTATIONS,
    LARGEST_ANNOTATIONS_RATIO,
    LARGEST_FOLDER,
    LARGEST_RATIO,
    unpack,
)
from ...data.downloads.obtain import link, obtain_file
from ...data.downloads.sources import find_source


def fetch_folder(*, source: str, target: str, local: str | None, config_key: str) -> None:
    """Download and unpack a data set, or link to the user's folder.

    Parameters
    ----------
    source : str
        Name in `lib/data/sources.csv`.
    target : str
        Path of the folder to create.
    local : str or None
        The user's folder (becomes a symbolic link), a copy of the archive, or another URL of the archive; None for the
        published URL.
    config_key : str
        Config key of `local`, for error messages.

    Raises
    ------
    FileNotFoundError
        If `local` is neither a folder nor a file.
    ValueError
        If the source is unknown or must be downloaded manually, or if the archive is damaged or unsafe.
    OSError
        If the download fails or the disk is full.
    """
    found = find_source(source)
    if local and Path(local).is_dir():
        link(Path(local), target)
        return
    archive = Path(f"{target}.archive")
    try:
        obtain_file(found, archive, local=local, config_key=config_key)
        if source.startswith("annotations-"):
            unpack(archive, target, max_size=LARGEST_ANNOTATIONS, max_ratio=LARGEST_ANNOTATIONS_RATIO)
        else:
            unpack(archive, target, max_size=LARGEST_FOLDER, max_ratio=LARGEST_RATIO)
    finally:
        archive.unlink(missing_ok=True)
