"""One transfer of a file over http: checks of the server's answers, and resuming of partial files.

A server may be slow, broken or hostile. Without a known digest, only the length and the version (ETag or date) that it
sends distinguish a complete file from a part of it or from a mixture of two versions.
"""

import json
import queue
import re
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import urllib3

from ...runtime.progress import Progress

CHUNK = 1 << 16  # bytes; an interruption loses less than this
LARGEST_FILE = 500 * 10**9  # bytes; far above every known data set
LEAST_SPEED = 1000  # bytes per second, average over the timeout
LONGEST_CONNECT = 5.0  # seconds until a host counts as unreachable; short, for machines without network
LONGEST_HEADER = 120.0  # seconds until a server that sends its header byte by byte is given up
SURE_AGE = 60  # minimum age at which a date identifies a version: a file may change twice in one second
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})

_STRONG_TAG = re.compile(r'"[!#-~]+"')  # a weak one does not guarantee equal bytes
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class Unusable(Exception):
    """The URL does not serve the file; a retry would not help."""


class Interrupted(Exception):
    """The transfer was interrupted; a retry may help."""


@dataclass(frozen=True)
class Expected:
    """Known facts about a file before its download; empty or None if unknown.

    Attributes
    ----------
    sha256, md5 : str
        Digests; `sha256` may be its first digits.
    size : int or None
        Bytes.
    """

    sha256: str
    md5: str
    size: int | None

    @property
    def has_digest(self) -> bool:
        """Whether a digest is known, so that a wrong file is detected."""
        return bool(self.sha256 or self.md5)


@dataclass(frozen=True)
class _Edition:
    """Version of a partial file: its URL, its ETag or date, and its size in bytes if the server sent it."""

    url: str
    mark: str
    size: int | None


class Part:
    """A partially downloaded file, with a note of its version.

    Parameters
    ----------
    target : pathlib.Path
        The file; the partial file is `<target>.part`.
    """

    def __init__(self, target: Path) -> None:
        self.path, self._note = Path(f"{target}.part"), Path(f"{target}.part.edition")

    @property
    def size(self) -> int:
        """Number of bytes downloaded."""
        return self.path.stat().st_size if self.path.exists() else 0

    def forget(self) -> None:
        """Remove the partial file."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Rename the complete file."""
        self._note.unlink(missing_ok=True)
        self.path.replace(target)

    def begin(self, edition: _Edition) -> None:
        """Start from the beginning with a version; the note never lies beside bytes of another version."""
        self.forget()
        if edition.mark:
            self._note.write_text(json.dumps(asdict(edition)), encoding="utf-8")

    def edition(self, url: str) -> _Edition | None:
        """Return the version, None if unknown or of another URL: an ETag is valid for its own URL only."""
        try:
            found = _Edition(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.url == url else None


def transfer(url: str, part: Part, *, expected: Expected, timeout: float) -> None:
    """Download the rest of a file in one transfer, or all of it if the server does not support resuming.

    Parameters
    ----------
    url : str
        Address of the file, http or https.
    part : Part
        The partial file; afterwards complete, but not yet verified by its digest.
    expected : Expected
        Known facts about the file.
    timeout : float
        Seconds of silence after which the transfer counts as interrupted.

    Raises
    ------
    Unusable
        If the URL does not serve the file.
    Interrupted
        If a retry may help.
    OSError
        If the disk has too little space.
    """
    edition = part.edition(url)
    start = part.size if expected.has_digest or edition else 0
    if start and start == (expected.size or (edition and edition.size)):
        return  # the process was killed before the final rename
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if edition:
            headers["If-Range"] = edition.mark
    try:
        with _ask(url, headers, timeout) as answer:
            if answer.status_code == 416 and start:
                if expected.has_digest and answer.headers.get("Content-Range") == f"bytes */{start}":
                    return
                part.forget()
                raise Interrupted("the server cannot resume the transfer")
            _check_answer(answer, requested_part=bool(start))
            if answer.status_code == 206:
                end, size = _piece(answer, part, start=start, edition=edition, expected=expected)
            else:
                end = size = _length(answer)
                if size is None and not answer.raw.chunked and not (expected.has_digest or expected.size):
                    raise Unusable(
                        "the server does not send the length of the file, so that a truncated file could not be detected"
                    )
                _check_size(size, expected)
                part.begin(_Edition(url, _mark(answer), size))
            _save(answer, part, end=end, expected=expected, timeout=timeout)
            if size is not None and part.size < size:
                raise Interrupted(f"the transfer broke off after {part.size} bytes")
    except ValueError as error:
        raise Unusable(f"it is not an http or https URL, or leads to none ({error})") from error
    except requests.TooManyRedirects as error:
        raise Unusable("it redirects without end") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Interrupted(_reason(error, part.size)) from error


class _Session(requests.Session):
    """A session that does not read the body of a redirection, which may have no end."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            resp.close()
        return target


def _ask(url: str, headers: dict[str, str], timeout: float) -> requests.Response:
    """Return the response once its header has arrived, with a time limit in total: those of sockets are per packet."""
    outcome: queue.SimpleQueue = queue.SimpleQueue()

    def ask() -> None:
        try:
            limits = (min(timeout, LONGEST_CONNECT), timeout)
            outcome.put(_Session().get(url, headers=headers, stream=True, timeout=limits))
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = outcome.get(timeout=LONGEST_HEADER)
    except queue.Empty:
        raise Interrupted(f"the server did not answer within {LONGEST_HEADER:.0f} seconds") from None
    if isinstance(found, Exception):
        raise found
    return found


def _check_answer(answer: requests.Response, *, requested_part: bool) -> None:
    status = f"{answer.status_code} {answer.reason}"[:100]
    if answer.status_code in RETRIED_STATUS:
        raise Interrupted(f"the server answered {status}")
    if answer.status_code == 206 and not requested_part:
        raise Unusable("the server sent a part, though the whole file was requested")
    if answer.status_code not in (200, 206):
        raise Unusable(f"the server answered {status}")
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise Unusable("the server answered with a web page instead of the file")
    for name, plain in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
        if answer.headers.get(name, plain).strip().lower() not in ("", plain):
            raise Unusable(f"the server encodes the file ({name}: {answer.headers[name]}), though asked not to")


def _piece(
    answer: requests.Response, part: Part, *, start: int, edition: _Edition | None, expected: Expected
) -> tuple[int, int]:
    """Return the end of the range that the server sends and the size of the file, after checking that it continues the part."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    first, last, size = map(int, found.groups()) if found else (-1, -1, -1)
    if not first == start <= last < size or _length(answer) not in (None, last + 1 - start):
        part.forget()
        raise Interrupted("the server sent another part than requested")
    mark = _mark(answer)
    known = mark or not expected.has_digest
    if edition and ((edition.size or size) != size or (known and mark != edition.mark)):
        part.forget()
        raise Interrupted("the file on the server is another one than at the beginning of the transfer")
    _check_size(size, expected)
    return last + 1, size


def _length(answer: requests.Response) -> int | None:
    """Return the length of the body in bytes from the header, None if it is missing."""
    found = _NUMBER.fullmatch(answer.headers.get("Content-Length", ""))
    return int(found[0]) if found else None


def _mark(answer: requests.Response) -> str:
    """Return the ETag or date that identifies the version of the file; an empty text if neither is reliable."""
    tag, date = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
    if _STRONG_TAG.fullmatch(tag):
        return tag
    try:
        age = parsedate_to_datetime(answer.headers.get("Date", "")) - parsedate_to_datetime(date)
        return date if age.total_seconds() >= SURE_AGE else ""
    except (ValueError, TypeError):
        return ""


def _check_size(size: int | None, expected: Expected) -> None:
    if size is not None and expected.size is not None and size != expected.size:
        raise Unusable(f"the server offers {size} bytes, but the file has {expected.size}")
    if size is not None and size > LARGEST_FILE:
        raise Unusable(f"the server offers {size} bytes, but no file here has more than {LARGEST_FILE}")


def _save(answer: requests.Response, part: Part, *, end: int | None, expected: Expected, timeout: float) -> None:
    """Append the body to a part, up to `end`, if that is known."""
    start, free = part.size, shutil.disk_usage(part.path.parent).free
    if end is not None and end - start > free:
        raise OSError(f"The disk of {part.path.parent} has {free} bytes left, but {answer.url} needs {end - start}.")
    # a body of unknown length may be endless
    bound = end or expected.size or min(LARGEST_FILE, free // 2)
    progress = Progress(total=end, initial=start, unit="byte", unit_scale=True, desc=part.path.stem)
    with progress, part.path.open("ab") as file:
        window, received = time.monotonic(), 0
        while block := answer.raw.read1(CHUNK, decode_content=False):
            file.write(block)
            progress.update(len(block))
            received += len(block)
            if file.tell() > bound:
                part.forget()
                known = end is not None or expected.size is not None
                raise Unusable(f"the server sends more than {bound} bytes" + ("" if known else ", perhaps without end"))
            if (now := time.monotonic()) - window > timeout:
                if received < LEAST_SPEED * timeout:
                    raise Interrupted(f"the server sends less than {LEAST_SPEED} bytes per second")
                window, received = now, 0


def _reason(error: Exception, received: int) -> str:
    """Return a short description of a nested exception."""
    if isinstance(error, requests.ConnectTimeout):
        return "the host does not answer"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return "the server stopped sending"
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text:
        return "the host name cannot be resolved (no network?)"
    if "refused" in text:
        return "the connection was refused"
    if "unreachable" in text:
        return "the network is unreachable"
    return f"the transfer broke off after {received} bytes ({type(error).__name__})"
