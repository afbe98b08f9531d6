"""Download one file: verified, resumed after interruptions, and written atomically."""

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
    """Download a file, trying the URLs in order, and verify it.

    Data are written to `<target>.part`, which a later call resumes, and renamed when they are complete and verified.
    Without a digest a partial file is resumed only from the same URL and if the server confirms that the file is
    unchanged; the server must also send the length of the file.

    Parameters
    ----------
    url : str
        Address of the file, http or https.
    target : str or pathlib.Path
        Path of the file to write; its folder is created.
    mirrors : list of str
        Further URLs, tried in this order when `url` fails.
    sha256 : str
        Hexadecimal digest or its first digits (as in the names of torchvision's weights); empty if not known.
    md5 : str
        Hexadecimal digest; empty if not known.
    size : int or None
        Size in bytes; None if not known.
    retries : int
        Number of times an interrupted transfer is resumed, per URL. A host that cannot be reached is tried twice.
    timeout : float
        Seconds of silence after which a transfer counts as interrupted.
    config_key : str
        Config key for a local copy of the file, for the error message.

    Returns
    -------
    pathlib.Path
        `target`.

    Raises
    ------
    OSError
        If the download fails from every URL, with the reason for each, or if the disk is full.
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
        f"{target.name} could not be downloaded.\n  " + "\n  ".join(failures) + "\nTry again later, or download the "
        f"file manually and set the config key `{config_key}` to its path or to another URL."
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
                    part.forget()  # it cannot be resumed
                raise Interrupted(f"{error} (tried {attempt + 1} times)") from error
            time.sleep(FIRST_WAIT * 2**attempt)
            attempt += 1
            continue
        try:
            found = verify_file(part.path, sha256=expected.sha256, md5=expected.md5, size=expected.size)
        except ValueError as error:
            part.forget()
            if before and attempt < retries:  # the old partial file may belong to another version
                attempt += 1
                continue
            raise Unusable(f"the file is not the expected one: {error}") from error
        if not expected.has_digest:
            logger.warning("No digest is known for %s; the downloaded file has the sha256 %s.", url, found)
        part.become(target)
        return
