"""One transfer of a file over http: what a server may send, and what is kept of a transfer that breaks off.

A server may be slow, broken or hostile. Where no digest is known, only what it says of the file's length and edition
tells a whole file from a piece, or from a mixture of two editions.
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
LARGEST_FILE = 500 * 10**9  # bytes; no data set here comes near
LEAST_SPEED = 1000  # bytes per second, on the average of the time after which silence is an interruption
LONGEST_CONNECT = 5.0  # seconds until a host counts as unreachable, so that a machine without network learns it soon
LONGEST_HEADER = 120.0  # seconds until a server that sends its answer's header bit by bit is left
SURE_AGE = 60  # seconds since a file changed from which its date tells its edition: it may change twice in one second
WORTH_REPEATING = frozenset({408, 425, 429, 500, 502, 503, 504})

_STRONG_TAG = re.compile(r'"[!#-~]+"')  # a weak one does not promise the same bytes
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class Unusable(Exception):
    """The URL does not give the file, and would not if asked again."""


class Interrupted(Exception):
    """The transfer broke off; asking again may help."""


@dataclass(frozen=True)
class Expected:
    """What is known about a file before it is fetched; empty or None where nothing is known.

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
        """Whether a wrong file would be noticed at the end."""
        return bool(self.sha256 or self.md5)


@dataclass(frozen=True)
class _Edition:
    """Which file a part is of: where it came from, its ETag or date, its size in bytes if the server said so."""

    url: str
    mark: str
    size: int | None


class Part:
    """What has been got of a file, with a note of its edition.

    Parameters
    ----------
    target : pathlib.Path
        The file; the part is `<target>.part`.
    """

    def __init__(self, target: Path) -> None:
        self.path, self._note = Path(f"{target}.part"), Path(f"{target}.part.edition")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def forget(self) -> None:
        """Remove it."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Give the whole file its name."""
        self._note.unlink(missing_ok=True)
        self.path.replace(target)

    def begin(self, edition: _Edition) -> None:
        """Start anew with the edition that a server is about to send; a note is never beside bytes of another edition."""
        self.forget()
        if edition.mark:
            self._note.write_text(json.dumps(asdict(edition)), encoding="utf-8")

    def edition(self, url: str) -> _Edition | None:
        """Return the edition, None if it is not known or from elsewhere: an ETag means something for its own URL only."""
        try:
            found = _Edition(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.url == url else None


def transfer(url: str, part: Part, *, expected: Expected, timeout: float) -> None:
    """Get what is missing of a file in one transfer, or all of it where the server cannot continue.

    Parameters
    ----------
    url : str
        Where the file is, http or https.
    part : Part
        What is there of it; afterwards the whole file, not verified by its digest.
    expected : Expected
        What is known of the file.
    timeout : float
        Seconds of silence after which the transfer counts as interrupted.

    Raises
    ------
    Unusable
        If the URL does not give the file.
    Interrupted
        If asking again may help.
    OSError
        If the disk is too small.
    """
    edition = part.edition(url)
    start = part.size if expected.has_digest or edition else 0
    if start and start == (expected.size or (edition and edition.size)):
        return  # the process was killed between the last byte and the final name
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
                raise Interrupted("the server cannot continue the transfer")
            _check_answer(answer, asked_for_piece=bool(start))
            if answer.status_code == 206:
                end, size = _piece(answer, part, start=start, edition=edition, expected=expected)
            else:
                end = size = _length(answer)
                if size is None and not answer.raw.chunked and not (expected.has_digest or expected.size):
                    raise Unusable("the server does not say how long the file is, so that a part would pass for it")
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
    """Return the answer once its header is there; the time limits of sockets are for each packet only."""
    outcome: queue.SimpleQueue = queue.SimpleQueue()

    def ask() -> None:
        try:
            patience = (min(timeout, LONGEST_CONNECT), timeout)
            outcome.put(_Session().get(url, headers=headers, stream=True, timeout=patience))
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


def _check_answer(answer: requests.Response, *, asked_for_piece: bool) -> None:
    said = f"{answer.status_code} {answer.reason}"[:100]
    if answer.status_code in WORTH_REPEATING:
        raise Interrupted(f"the server answered {said}")
    if answer.status_code == 206 and not asked_for_piece:
        raise Unusable("the server sent a piece, though all of the file was asked for")
    if answer.status_code not in (200, 206):
        raise Unusable(f"the server answered {said}")
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise Unusable("the server answered with a web page instead of the file")
    for name, plain in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
        if answer.headers.get(name, plain).strip().lower() not in ("", plain):
            raise Unusable(f"the server packs the file ({name}: {answer.headers[name]}), though asked not to")


def _piece(
    answer: requests.Response, part: Part, *, start: int, edition: _Edition | None, expected: Expected
) -> tuple[int, int]:
    """Return where a piece of the file and the file end, after a check that the piece continues the part."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    first, last, size = map(int, found.groups()) if found else (-1, -1, -1)
    if not first == start <= last < size or _length(answer) not in (None, last + 1 - start):
        part.forget()
        raise Interrupted("the server sent another piece than was asked for")
    mark = _mark(answer)
    known = mark or not expected.has_digest
    if edition and ((edition.size or size) != size or (known and mark != edition.mark)):
        part.forget()
        raise Interrupted("the file on the server is another one than at the beginning of the transfer")
    _check_size(size, expected)
    return last + 1, size


def _length(answer: requests.Response) -> int | None:
    """Return the length of the body in bytes by what the server says, None if it does not."""
    found = _NUMBER.fullmatch(answer.headers.get("Content-Length", ""))
    return int(found[0]) if found else None


def _mark(answer: requests.Response) -> str:
    """Return what tells an edition of the file from any other; an empty text if nothing surely does."""
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
    """Append the body to a part, which must not go beyond `end`, if that is known."""
    start, free = part.size, shutil.disk_usage(part.path.parent).free
    if end is not None and end - start > free:
        raise OSError(f"The disk of {part.path.parent} has {free} bytes left, but {answer.url} needs {end - start}.")
    # what does not say how long it is may have no end
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
    """Return one plain sentence for an exception that nests others."""
    if isinstance(error, requests.ConnectTimeout):
        return "the host does not answer"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return "the server fell silent"
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text:
        return "the host name cannot be resolved (no network?)"
    if "refused" in text:
        return "the connection was refused"
    if "unreachable" in text:
        return "the network is unreachable"
    return f"the transfer broke off after {received} bytes ({type(error).__name__})"
