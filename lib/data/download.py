"""Download of one file, verified, resumed after interruptions, and never left half done under its final name."""

import hashlib
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from lib.progress import Progress

logger = logging.getLogger(__name__)

CHUNK = 1 << 16  # bytes; an interruption loses less than this
LONGEST_CONNECT = 5.0  # seconds until a host counts as unreachable, so that a machine without network learns it soon
FIRST_WAIT = 0.5  # seconds before the first repetition; doubled for each further one
WORTH_REPEATING = frozenset({408, 425, 429, 500, 502, 503, 504})
NOT_HTTP = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema)


@dataclass(frozen=True)
class _Expected:
    """What is known about a file before it is fetched; empty or None where nothing is known."""

    sha256: str
    md5: str
    size: int | None

    @property
    def has_digest(self) -> bool:
        return bool(self.sha256 or self.md5)


class _Unusable(Exception):
    """The URL does not give the file, and would not if asked again."""


class _Interrupted(Exception):
    """The transfer broke off; asking again may help."""


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
    right.

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
    expected = _Expected(sha256.lower(), md5.lower(), size)
    failures = []
    for candidate in dict.fromkeys([url, *mirrors]):
        try:
            _fetch_patiently(candidate, target, expected, retries, timeout)
        except (_Unusable, _Interrupted) as error:
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
    ValueError
        If the file is not the expected one.
    """
    path = Path(path)
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


def _fetch_patiently(url: str, target: Path, expected: _Expected, retries: int, timeout: float) -> None:
    part, validator = Path(f"{target}.part"), Path(f"{target}.part.validator")
    attempt = 0
    while True:
        resumed, before = part.exists(), _size(part)
        try:
            _stream(url, part, validator, expected, timeout)
        except _Interrupted as error:
            unreachable = isinstance(error.__cause__, requests.ConnectionError) and _size(part) == before
            if attempt >= (min(retries, 1) if unreachable else retries):
                raise _Interrupted(f"{error} (tried {attempt + 1} times)") from error
            time.sleep(FIRST_WAIT * 2**attempt)
            attempt += 1
            continue
        try:
            found = verify_file(part, sha256=expected.sha256, md5=expected.md5, size=expected.size)
        except ValueError as error:
            _forget(part, validator)
            if resumed and attempt < retries:  # the old part may have been of another edition
                attempt += 1
                continue
            raise _Unusable(f"the file is not the expected one: {error}") from error
        if not expected.has_digest:
            logger.warning("No digest is known for %s; the file got has the sha256 %s.", url, found)
        part.replace(target)
        validator.unlink(missing_ok=True)
        return


def _stream(url: str, part: Path, validator: Path, expected: _Expected, timeout: float) -> None:
    """Append to `part` what is missing, or write it anew when the server cannot continue it."""
    start = _resumable_bytes(part, validator, expected)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator.exists():
            headers["If-Range"] = validator.read_text(encoding="latin-1")
    patience = (min(timeout, LONGEST_CONNECT), timeout)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=patience) as answer:
            if answer.status_code == 416:  # nothing is left to send, or the part does not belong to this file
                if expected.has_digest and (expected.size is None or start == expected.size):
                    return
                _forget(part, validator)
                raise _Interrupted("the server cannot continue the transfer")
            _check_answer(answer)
            continued = answer.status_code == 206
            if continued and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                _forget(part, validator)
                raise _Interrupted("the server sent another piece than was asked for")
            start = start if continued else 0
            total = _announced_size(answer, part, start, expected)
            if not continued:
                _remember_validator(answer, validator)
            _save(answer, part, start, total, expected)
    except NOT_HTTP as error:
        raise _Unusable(f"it is not an http or https URL ({error})") from error
    except requests.TooManyRedirects as error:
        raise _Unusable("it redirects without end") from error
    except requests.RequestException as error:
        raise _Interrupted(_reason(error, _size(part))) from error


def _resumable_bytes(part: Path, validator: Path, expected: _Expected) -> int:
    """Return how many bytes of a part can be kept: none if nothing could tell that the rest is of another edition."""
    if not part.exists() or not (expected.has_digest or validator.exists()):
        return 0
    size = part.stat().st_size
    return size if expected.size is None or size <= expected.size else 0


def _check_answer(answer: requests.Response) -> None:
    if answer.status_code in WORTH_REPEATING:
        raise _Interrupted(f"the server answered {answer.status_code} {answer.reason}")
    if answer.status_code not in (200, 206):
        raise _Unusable(f"the server answered {answer.status_code} {answer.reason}")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise _Unusable("the server answered with a web page instead of the file")


def _remember_validator(answer: requests.Response, validator: Path) -> None:
    tag = answer.headers.get("ETag", "")
    mark = answer.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    if mark:
        validator.write_text(mark, encoding="latin-1")
    else:
        validator.unlink(missing_ok=True)


def _announced_size(answer: requests.Response, part: Path, start: int, expected: _Expected) -> int | None:
    """Return the size of the whole file in bytes by what the server says, None if it does not."""
    length = answer.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else None
    if total is not None and expected.size is not None and total != expected.size:
        raise _Unusable(f"the server offers {total} bytes, but the file has {expected.size}")
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise OSError(f"The disk of {part.parent} has {free} bytes left, but {answer.url} needs {total - start}.")
    return total


def _save(answer: requests.Response, part: Path, start: int, total: int | None, expected: _Expected) -> None:
    progress = Progress(total=total, initial=start, unit="byte", unit_scale=True, desc=part.stem)
    with progress, part.open("ab" if start else "wb") as file:
        for block in answer.iter_content(CHUNK):
            file.write(block)
            progress.update(len(block))
            if expected.size is not None and file.tell() > expected.size:
                break
    if total is not None and _size(part) < total:
        raise _Interrupted(f"the transfer broke off after {_size(part)} bytes")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _forget(part: Path, validator: Path) -> None:
    part.unlink(missing_ok=True)
    validator.unlink(missing_ok=True)


def _reason(error: requests.RequestException, received: int) -> str:
    """Return one plain sentence for an exception that nests others."""
    if isinstance(error, requests.ConnectTimeout):
        return "the host does not answer"
    if isinstance(error, requests.Timeout):
        return "the server fell silent"
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text:
        return "the host name cannot be resolved (no network?)"
    if "refused" in text:
        return "the connection was refused"
    if "unreachable" in text:
        return "the network is unreachable"
    return f"the transfer broke off after {received} bytes ({type(error).__name__})"
