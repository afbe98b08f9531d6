"""Obtain a file of the table of sources: download it or link a local copy."""

import logging
from pathlib import Path

from .download import download, verify_file
from .sources import Source, is_url

logger = logging.getLogger(__name__)

RETRIES = 4  # continuations of an interrupted transfer, per URL
TIMEOUT = 30.0  # seconds of silence


def obtain_file(source: Source, target: str | Path, *, local: str | None, config_key: str) -> None:
    """Download a file and verify it, or link to the user's copy.

    Parameters
    ----------
    source : Source
        Row of the table of sources.
    target : str or pathlib.Path
        Path of the file to create.
    local : str or None
        Path of a local copy or another URL of the same file; None for the published URL.
    config_key : str
        Config key of `local`, for error messages.

    Raises
    ------
    FileNotFoundError
        If the copy does not exist.
    ValueError
        If the file must be downloaded manually, or if the copy is not the published file.
    OSError
        If the download fails.
    """
    if local and not is_url(local):
        _link_copy(source, Path(local), target, config_key)
    elif url := local or source.url:
        download(
            url,
            target,
            mirrors=[] if local else list(source.mirrors),
            sha256=source.sha256,
            md5=source.md5,
            size=source.size,
            retries=RETRIES,
            timeout=TIMEOUT,
            config_key=config_key,
        )
    else:
        raise ValueError(f"{source.name} is not downloaded. {source.note} Config key: `{config_key}`.")
    logger.info("%s. Licence: %s. Please cite: %s.", source.name, source.licence, source.citation)


def link(original: str | Path, target: str | Path) -> None:
    """Create a symbolic link, replacing an older one.

    Parameters
    ----------
    original : str or pathlib.Path
        An existing file or folder.
    target : str or pathlib.Path
        Path of the link; its folder is created. An empty folder or a file there is replaced.

    Raises
    ------
    OSError
        If a folder with contents is in the way.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        target.rmdir()
    temporary = target.with_name(f".{target.name}.link")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path(original).absolute())
    temporary.replace(target)


def _link_copy(source: Source, copy: Path, target: str | Path, config_key: str) -> None:
    if not copy.is_file():
        raise FileNotFoundError(
            f"{copy} does not exist or is not a file. The config key `{config_key}` must give a copy of {source.name}."
        )
    try:
        verify_file(copy, sha256=source.sha256, md5=source.md5, size=source.size)
    except ValueError as error:
        raise ValueError(
            f"{error}: it is not {source.name}, version {source.version}. Change the config key `{config_key}`."
        ) from error
    link(copy, target)
