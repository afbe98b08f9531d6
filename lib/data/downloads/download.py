"""Download of one file, verified, resumed after interruptions, and never left half done under its final name."""

import hashlib
import logging
import time
from pathlib import Path

import requests

from ...runtime.regular_files import check_regular_file
from .transfer import CHUNK, Expected, Interrupted, Part, Unusable, transfer

logger = logging.getLogger(__name__)

FIRST_WAIT = 0.5  # seconds before the first repetition; doubled for each further one


def download(
    url: str,
    target: str | Path,
    *,
    mirrors: list[str],
    sha256: str,
    md5: str,
    size: int | None,
    retries: int,
    timeout: float,
    config_key: str,
) -> Path:
    """Download a file, trying one URL after the other, and verify it.

    The data go to `<target>.part`, which a later call continues, and get their final name when they are complete and
    right. Without a digest a part is continued only from the same URL and if the server tells that the file is still the
    same; and the server must say how long the file is.

    Parameters
    ----------
    url : str
        Where the file is, http or https.
    target : str or pathlib.Path
        Path of the file to write; its folder is made.
    mirrors : list of str
        Further URLs, tried in this order when `url` fails.
    sha256 : str
        Hexadecimal digest or its first digits (as in the names of torchvision's weights); empty if not known.
    md5 : str
        Hexadecimal digest; empty if not known.
    size : int or None
        Size in bytes; None if not known.
    retries : int
        How often an interrupted transfer is continued, per URL. A host that cannot be reached is tried twice.
    timeout : float
        Seconds of silence after which a transfer counts as interrupted.
    config_key : str
        The setting under which the user can give a copy of the file; the error message names it.

    Returns
    -------
    pathlib.Path
        `target`.

    Raises
    ------
    OSError
        If no URL gives the file, with the reason for each, or if the disk is full.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    expected = Expected(sha256.lower(), md5.lower(), size)
    failures = []
    for candidate in dict.fromkeys([url, *mirrors]):
        try:
            _fetch_patiently(candidate, target, expected, retries, timeout)
        except (Unusable, Interrupted) as error:
            logger.warning("%s: %s", candidate, error)
            failures.append(f"{candidate}: {error}")
        else:
            return target
    raise OSError(
        f"{target.name} could not be downloaded.\n  " + "\n  ".join(failures) + "\nTry again later, or get the file "
        f"elsewhere and give its path or another URL under the config key `{config_key}`."
    )


def verify_file(path: str | Path, *, sha256: str, md5: str, size: int | None) -> str:
    """Compare a file with its known digests and size.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    sha256, md5 : str
        Hexadecimal digests; `sha256` may be its first digits only; empty if not known.
    size : int or None
        Size in bytes; None if not known.

    Returns
    -------
    str
        The sha256 of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not the expected one, or no regular file.
    """
    path = Path(path)
    check_regular_file(path, name="file")
    found_size = path.stat().st_size
    if size is not None and found_size != size:
        raise ValueError(f"{path} has {found_size} bytes instead of {size}")
    digests = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            for digest in digests.values():
                digest.update(block)
    for name, known in (("sha256", sha256.lower()), ("md5", md5.lower())):
        found = digests[name].hexdigest()
        if not found.startswith(known):
            raise ValueError(f"{path} has the {name} {found} instead of {known}")
    return digests["sha256"].hexdigest()


def _fetch_patiently(url: str, target: Path, expected: Expected, retries: int, timeout: float) -> None:
    part = Part(target)
    attempt = 0
    while True:
        before = part.size
        try:
            transfer(url, part, expected=expected, timeout=timeout)
        except Interrupted as error:
            unreachable = isinstance(error.__cause__, requests.ConnectionError) and part.size == before
            if attempt >= (min(retries, 1) if unreachable else retries):
                if not (expected.has_digest or part.edition(url)):
                    part.forget()  # nothing could continue it
                raise Interrupted(f"{error} (tried {attempt + 1} times)") from error
            time.sleep(FIRST_WAIT * 2**attempt)
            attempt += 1
            continue
        try:
            found = verify_file(part.path, sha256=expected.sha256, md5=expected.md5, size=expected.size)
        except ValueError as error:
            part.forget()
            if before and attempt < retries:  # the old part may have been of another edition
                attempt += 1
                continue
            raise Unusable(f"the file is not the expected one: {error}") from error
        if not expected.has_digest:
            logger.warning("No digest is known for %s; the file got has the sha256 %s.", url, found)
        part.become(target)
        return
