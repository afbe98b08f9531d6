"""Tests of downloads against a real server on this machine."""

import hashlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lib.data.downloads import download as module
from lib.data.downloads import transfer
from lib.data.downloads.download import download, verify_file

DATA = bytes(range(256)) * 4000  # 1 MB
PIECE = 4 * transfer.CHUNK  # what comes before the line breaks
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves DATA under paths that each misbehave in one way; notes the requests."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Range")))
        getattr(self, f"send_{self.path.strip('/')}", self.send_missing)()

    def log_message(self, *_):
        pass

    def begin(self, status, length, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send_ok(self, etag='"1"', breaks_off=False):
        start = 0
        if (wanted := self.headers.get("Range")) and self.headers.get("If-Range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.begin(206, len(DATA) - start, Content_Range=f"bytes {start}-{len(DATA) - 1}/{len(DATA)}", ETag=etag)
        else:
            self.begin(200, len(DATA), ETag=etag)
        self.wfile.write(DATA[start : start + PIECE] if breaks_off else DATA[start:])

    def send_fragile(self):
        self.send_ok(breaks_off=True)

    def send_deaf(self):
        self.begin(200, len(DATA))
        self.wfile.write(DATA[:500_000] if len(self.server.seen) == 1 else DATA)

    def send_corrupt(self):
        self.begin(200, len(DATA))
        self.wfile.write(b"x" + DATA[1:])

    def send_short(self):
        self.begin(200, 10)
        self.wfile.write(DATA[:10])

    def send_busy(self):
        if len(self.server.seen) < 3:
            self.begin(503, 0)
        else:
            self.send_ok()

    def send_page(self):
        self.begin(200, 4, Content_Type="text/html; charset=utf-8")
        self.wfile.write(b"Sold")

    def send_moved(self):
        self.begin(302, 0, Location="/ok")

    def send_circle(self):
        self.begin(302, 0, Location="/circle")

    def send_silent(self):
        time.sleep(1)

    def send_missing(self):
        self.begin(404, 0)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.seen = []
    running.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def get(server, tmp_path):
    def call(page, **changes):
        url = page if "://" in page else f"{server.url}/{page}"
        settings = dict(mirrors=[], sha256=SHA256, md5="", size=None, retries=4, timeout=5.0, config_key="data.here")
        return download(url, tmp_path / "new" / "file.bin", **settings | changes)

    return call


@pytest.fixture
def left(tmp_path):
    return lambda: sorted(path.name for path in (tmp_path / "new").iterdir())


@pytest.mark.parametrize("page", ["ok", "moved", "busy"])
def test_the_file_arrives(get, left, page):
    assert get(page).read_bytes() == DATA
    assert left() == ["file.bin"]


@pytest.mark.parametrize(
    "known", [{"sha256": ""}, {"sha256": "", "md5": MD5.upper()}, {"sha256": SHA256[:8]}, {"size": len(DATA)}]
)
def test_what_is_known_is_checked(get, known):
    assert get("ok", **known).read_bytes() == DATA


def test_an_interrupted_transfer_is_continued(get, left, server):
    assert get("fragile").read_bytes() == DATA
    assert [wanted for _, wanted in server.seen] == [None, *(f"bytes={n * PIECE}-" for n in (1, 2, 3))]
    assert left() == ["file.bin"]


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_later_call_continues(get, left, server, sha256):
    with pytest.raises(OSError, match=rf"broke off after {PIECE} bytes .*\(tried 1 times\)"):
        get("fragile", retries=0, sha256=sha256)
    assert left() == ["file.bin.part", "file.bin.part.edition"]
    assert get("fragile", sha256=sha256).read_bytes() == DATA
    assert [wanted for _, wanted in server.seen] == [None, *(f"bytes={n * PIECE}-" for n in (1, 2, 3))]
    assert left() == ["file.bin"]


def test_a_part_that_nothing_vouches_for_is_not_continued(get, server, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/file.bin.part").write_bytes(b"?" * 1000)
    assert get("ok", sha256="").read_bytes() == DATA
    assert server.seen == [("/ok", None)]


def test_a_wrong_part_is_thrown_away(get, server, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/file.bin.part").write_bytes(b"?" * 1000)
    assert get("ok").read_bytes() == DATA
    assert [wanted for _, wanted in server.seen] == ["bytes=1000-", None]


def test_a_server_that_cannot_continue_starts_again(get):
    assert get("deaf").read_bytes() == DATA


@pytest.mark.parametrize(
    ("page", "changes", "reason"),
    [
        ("nothing", {}, "404"),
        ("corrupt", {}, f"sha256 .* instead of {SHA256}"),
        ("ok", {"sha256": "", "md5": "0" * 32}, f"md5 {MD5} instead of 000"),
        ("ok", {"size": 7}, "offers 1024000 bytes, but the file has 7"),
        ("short", {"sha256": "", "size": 2000}, "offers 10 bytes"),
        ("page", {"sha256": ""}, "a web page"),
        ("circle", {}, "redirects without end"),
        ("silent", {"timeout": 0.1, "retries": 1}, r"stopped sending \(tried 2 times\)"),
        ("ftp://127.0.0.1/x", {}, "not an http or https URL"),
    ],
)
def test_failures_say_why_and_leave_nothing(get, left, page, changes, reason):
    with pytest.raises(OSError, match=rf"(?s){page}.*{reason}.*config key `data\.here`"):
        get(page, **changes)
    assert left() == []


def test_an_old_file_stays_when_the_new_one_is_wrong(get, tmp_path):
    get("ok").write_bytes(b"old")
    with pytest.raises(OSError):
        get("corrupt")
    assert (tmp_path / "new/file.bin").read_bytes() == b"old"


def test_without_a_server_it_fails_fast(get, left):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a"
    start = time.perf_counter()
    with pytest.raises(OSError, match=r"connection was refused \(tried 2 times\)"):
        get(url)
    assert time.perf_counter() - start < 5
    assert left() == []


def test_mirrors_are_tried_in_order(get, server):
    mirrors = [f"{server.url}/corrupt", f"{server.url}/ok", f"{server.url}/never"]
    assert get("nothing", mirrors=mirrors).read_bytes() == DATA
    assert [page for page, _ in server.seen] == ["/nothing", "/corrupt", "/ok"]


def test_all_failures_are_listed(get, server):
    with pytest.raises(OSError, match=r"(?s)/nothing: .*404.*/corrupt: .*not the expected one"):
        get("nothing", mirrors=[f"{server.url}/corrupt"])


def test_a_full_disk_is_no_reason_to_try_again(get, server, monkeypatch):
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5}))
    with pytest.raises(OSError, match="has 5 bytes left"):
        get("ok")
    assert len(server.seen) == 1


def test_verify_file_returns_the_digest(tmp_path):
    (tmp_path / "a").write_bytes(DATA)
    assert verify_file(tmp_path / "a", sha256="", md5=MD5, size=len(DATA)) == SHA256
    with pytest.raises(ValueError, match="1024000 bytes instead of 3"):
        verify_file(tmp_path / "a", sha256="", md5="", size=3)
