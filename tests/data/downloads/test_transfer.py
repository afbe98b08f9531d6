"""Downloads from servers that are broken or hostile: nothing but the whole file of one edition is accepted, in bounded time."""

import hashlib
import shutil
import socket
import socketserver
import threading
import time
from email.utils import formatdate

import pytest
from urllib3.util import connection

from lib.data.downloads import download as patience
from lib.data.downloads import transfer as module
from lib.data.downloads.download import download
from lib.data.downloads.transfer import Part

OLD = bytes(range(256)) * 800  # 200 kB
NEW = bytes(reversed(range(256))) * 800
LONGER = NEW + b"and more"
HALF = len(OLD) // 2
SHA256 = hashlib.sha256(OLD).hexdigest()
BUFFER = 1 << 16
CHUNKED = {"Transfer-Encoding": "chunked"}


def header(status, **fields):
    lines = [f"HTTP/1.1 {status} Said", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def whole(data, status=200, **fields):
    return [header(status, Content_Length=len(data), **fields), data]


def broken_off(data, **fields):
    return [header(200, Content_Length=len(data), **fields), data[:HALF]]


def piece(data, start=HALF, **fields):
    given = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}", "Content_Length": len(data) - start}
    return [header(206, **given | fields), data[start:]]


def chunks(*parts, end=True, **fields):
    return [
        header(200, Transfer_Encoding="chunked", **fields),
        *(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts),
        *([b"0\r\n\r\n"] if end else []),
    ]


def dripping(start, n=10_000):
    """Send something and then single bytes, 50 in a second."""
    yield start
    for _ in range(n):
        time.sleep(0.02)
        yield b"x"


def endless(start, block=b"x" * 10_000):
    yield start
    while True:
        yield block


class Server(socketserver.ThreadingTCPServer):
    """Answers the n-th request with the n-th script, the last of them again and again; a script gives bytes to send."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts, self.requests, self.sent = [], [], 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)

    def handle(self):
        lines = []
        while (line := self.rfile.readline().decode().strip()) != "":
            lines.append(line)
        fields = dict(line.split(": ", 1) for line in lines[1:])
        script = self.server.scripts[min(len(self.server.requests), len(self.server.scripts) - 1)]
        self.server.requests.append((lines[0].split()[1], fields))
        try:
            for data in script() if callable(script) else script:
                self.wfile.write(data)
                self.server.sent += len(data)
        except OSError:
            return  # the client has left


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.01)
    # buffers that grow hold more than what is counted as sent and never read
    connect = connection.create_connection

    def connect_with_small_buffer(*place, socket_options, **settings):
        small = (socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        return connect(*place, socket_options=[*socket_options, small], **settings)

    monkeypatch.setattr(connection, "create_connection", connect_with_small_buffer)
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def get(server, tmp_path):
    """Return a function that downloads a file without a digest, from a server that follows scripts; it has 10 seconds."""
    target = tmp_path / "file.bin"

    def call(*scripts, url="/a", keep=False, **changes):
        server.scripts = scripts
        if not keep:
            for left in tmp_path.iterdir():
                left.unlink()
            server.requests.clear()
        settings = dict(mirrors=[], sha256="", md5="", size=None, retries=3, timeout=0.5, config_key="data.here")
        began = time.monotonic()
        try:
            return download(server.url + url, target, **settings | changes).read_bytes()
        finally:
            assert time.monotonic() - began < 10
            assert not (tmp_path / "file.bin").exists() or not (tmp_path / "file.bin.part").exists()

    return call


def ranges(server):
    return [fields.get("Range") for _, fields in server.requests]


DATE = formatdate(time.time() - 86_400, usegmt=True)
LATER = formatdate(time.time() - 43_200, usegmt=True)
NOW = formatdate(time.time(), usegmt=True)


@pytest.mark.parametrize(
    ("marked", "changed"),
    [
        ({"ETag": '"1"'}, piece(NEW, ETag='"2"')),
        ({"ETag": '"1"'}, piece(LONGER, ETag='"1"')),
        ({"ETag": '"1"'}, piece(NEW)),
        ({"ETag": '"1"'}, piece(NEW, ETag='W/"1"')),
        ({"Last_Modified": DATE, "Date": NOW}, piece(NEW, Last_Modified=LATER, Date=NOW)),
        ({"Last_Modified": DATE, "Date": NOW}, piece(LONGER, Last_Modified=DATE, Date=NOW)),
    ],
)
def test_two_editions_are_not_mixed(get, server, marked, changed):
    """The server continues whatever it is asked for, though If-Range forbids it: start over with the new edition."""
    expected = LONGER if str(len(LONGER)).encode() in changed[0] else NEW
    assert get(broken_off(OLD, **marked), changed, whole(expected, ETag='"2"')) == expected
    assert ranges(server) == [None, f"bytes={HALF}-", None]
    assert server.requests[1][1]["If-Range"] == (marked.get("ETag") or DATE)


@pytest.mark.parametrize("marked", [{"ETag": '"1"'}, {"Last_Modified": DATE, "Date": NOW}])
def test_the_same_edition_is_continued(get, server, marked):
    assert get(broken_off(OLD, **marked), piece(OLD, **marked)) == OLD
    assert ranges(server) == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize(
    "marked",
    [{}, {"ETag": 'W/"1"'}, {"ETag": "1"}, {"Last_Modified": NOW, "Date": NOW}, {"Last_Modified": DATE, "Date": "?"}],
)
def test_what_does_not_surely_tell_an_edition_is_not_continued(get, server, marked):
    assert get(broken_off(OLD, **marked), whole(NEW)) == NEW
    assert ranges(server) == [None, None]


def test_a_mirror_does_not_continue_the_file_of_another(get, server):
    """An ETag means something for its own URL only."""
    found = get(broken_off(OLD, ETag='"1"'), whole(NEW, ETag='"1"'), mirrors=[f"{server.url}/b"], retries=0)
    assert found == NEW and [page for page, _ in server.requests] == ["/a", "/b"] and ranges(server) == [None, None]


def test_a_mirror_continues_a_file_of_known_digest(get, server):
    assert get(broken_off(OLD), piece(OLD), mirrors=[f"{server.url}/b"], retries=0, sha256=SHA256) == OLD
    assert get(broken_off(OLD), piece(NEW), whole(OLD), sha256=SHA256) == OLD, "a wrong one is thrown away"


def test_a_later_call_does_not_mix_editions(get, server, tmp_path):
    with pytest.raises(OSError, match="broke off"):
        get(broken_off(OLD, ETag='"1"'), retries=0)
    assert get(piece(NEW, ETag='"2"'), whole(NEW), keep=True) == NEW


def test_a_part_is_never_beside_the_note_of_another_edition(tmp_path, monkeypatch):
    """Whenever the process is killed."""
    part = Part(tmp_path / "file")
    part.path.write_bytes(OLD)

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(part.path), "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        part.begin(module._Edition("http://a", '"2"', 5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        piece(OLD, start=0, Content_Range=f"bytes 0-{HALF - 1}/{len(OLD)}", Content_Length=HALF),
        piece(OLD, start=0),
    ],
)
def test_a_piece_that_was_not_asked_for_is_refused(get, server, answer):
    with pytest.raises(OSError, match="sent a part, though the whole file was requested"):
        get(answer)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"Content_Range": ""},
        {"Content_Range": "bytes"},
        {"Content_Range": f"bytes {HALF}-{len(OLD) - 1}/*"},
        {"Content_Range": f"bytes {HALF}-{len(OLD)}/{len(OLD)}"},
        {"Content_Range": f"bytes {HALF}-{HALF - 1}/{len(OLD)}"},
        {"Content_Range": f"bytes {HALF + 1}-{len(OLD) - 1}/{len(OLD)}", "Content_Length": HALF - 1},
        {"Content_Range": f"bytes 0-{len(OLD) - 1}/{len(OLD)}"},
        {"Content_Range": f"bytes {HALF}-{'9' * 5000}/{'9' * 5000}"},
        {"Content_Length": HALF - 1},
        {"Content_Length": HALF + 1},
    ],
)
def test_another_piece_than_asked_for_starts_over(get, server, fields):
    assert get(broken_off(OLD, ETag='"1"'), piece(OLD, ETag='"1"', **fields), whole(NEW)) == NEW
    assert ranges(server) == [None, f"bytes={HALF}-", None]


def test_a_shorter_piece_than_asked_for_is_not_the_end(get, server):
    """As a server may send it, or one that wants a third of a file to pass for the file."""
    third = {"Content_Range": f"bytes {HALF}-{HALF + 999}/{len(OLD)}", "Content_Length": 1000, "ETag": '"1"'}
    short = [header(206, **third), OLD[HALF : HALF + 1000]]
    assert get(broken_off(OLD, ETag='"1"'), short, piece(OLD, start=HALF + 1000, ETag='"1"')) == OLD
    assert ranges(server) == [None, f"bytes={HALF}-", f"bytes={HALF + 1000}-"]
    with pytest.raises(OSError, match="broke off after"):
        get(broken_off(OLD, ETag='"1"'), short, retries=1)


def test_416_as_the_first_answer_is_a_refusal(get, server):
    with pytest.raises(OSError, match="the server answered 416"):
        get(whole(b"", 416))
    assert len(server.requests) == 1


def test_416_to_a_whole_file_of_known_digest(get, server, tmp_path):
    """The process was killed between the last byte and the final name."""
    for known, n_requests in (({"size": len(OLD)}, 0), ({}, 1)):
        (tmp_path / "file.bin.part").write_bytes(OLD)
        server.requests.clear()
        answer = whole(b"", 416, Content_Range=f"bytes */{len(OLD)}")
        assert get(answer, keep=True, sha256=SHA256, **known) == OLD
        assert len(server.requests) == n_requests


def test_a_whole_part_is_not_asked_for_again(get, server, tmp_path):
    with pytest.raises(OSError, match="broke off"):
        get(broken_off(OLD, ETag='"1"'), retries=0)
    (tmp_path / "file.bin.part").write_bytes(OLD)
    assert get(whole(NEW), keep=True) == OLD and len(server.requests) == 1


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "zstd", "GZIP, identity"])
@pytest.mark.parametrize("digest", ["", SHA256])
def test_packed_bodies_are_refused(get, server, encoding, digest):
    with pytest.raises(OSError, match=r"encodes the file \(Content-Encoding: .*\), though asked not to"):
        get(whole(OLD, Content_Encoding=encoding), sha256=digest)
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


def test_identity_is_no_packing(get):
    assert get(whole(OLD, Content_Encoding="Identity")) == OLD
    assert get(chunks(OLD[:HALF], OLD[HALF:])) == OLD


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (broken_off(OLD), f"broke off after {HALF} bytes"),
        (chunks(OLD, end=False), "broke off"),
        (chunks(OLD, end=False)[:-1] + [b"fff\r\nabc"], "broke off"),
        (chunks(OLD, Content_Length=len(OLD) + 1), "broke off"),
        (chunks(OLD, Content_Length=len(OLD) - 1), f"sends more than {len(OLD) - 1} bytes"),
        ([header(200), OLD], "does not send the length of the file"),
        ([header(200, Content_Length="²"), OLD], "does not send the length"),
        ([header(200, Content_Length="-5"), OLD], "does not send the length"),
        ([header(200, Content_Length="1_0"), OLD], "does not send the length"),
        ([header(200, Content_Length="9" * 5000), OLD], "does not send the length"),
        ([header(200, Content_Length="9" * 18), OLD], "offers 999999999999999999 bytes, but no file here"),
        ([b"HTTP/1.1 200\r\n" + b"a: b\r\n" * 200 + b"\r\n", OLD], "broke off"),
        ([b"nonsense\r\n\r\n"], "broke off"),
    ],
)
def test_bodies_of_unsure_length_are_not_accepted(get, tmp_path, answer, reason):
    with pytest.raises(OSError, match=reason):
        get(answer, retries=1)
    assert list(tmp_path.iterdir()) == [], "what nothing can continue is not left behind"


def test_a_body_without_a_length_is_accepted_where_the_digest_or_size_is_known(get):
    assert get([header(200), OLD], sha256=SHA256) == OLD
    assert get([header(200), OLD], size=len(OLD)) == OLD
    with pytest.raises(OSError, match="sha256"):
        get([header(200), OLD[:HALF]], sha256=SHA256)
    with pytest.raises(OSError, match=f"has {HALF} bytes instead of"):
        get([header(200), OLD[:HALF]], size=len(OLD))


@pytest.mark.parametrize("known", [{}, {"sha256": SHA256}, {"size": 300_000}])
def test_an_endless_body_is_bounded(get, server, tmp_path, monkeypatch, known):
    monkeypatch.setattr(module, "LARGEST_FILE", 1_000_000)
    with pytest.raises(OSError, match="sends more than (1000000|300000) bytes"):
        get(lambda: endless(header(200, Transfer_Encoding="chunked"), b"2710\r\n" + b"x" * 10_000 + b"\r\n"), **known)
    assert server.sent < 5_000_000 and list(tmp_path.iterdir()) == []


def test_an_endless_body_leaves_half_of_the_disk(get, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 400_000))
    with pytest.raises(OSError, match="sends more than 200000 bytes, perhaps without end"):
        get(lambda: endless(header(200)), sha256=SHA256)


@pytest.mark.parametrize(
    "start", [header(200, Content_Length=10**6), header(200, Transfer_Encoding="chunked") + b"ffff\r\n"]
)
def test_a_dripping_body_is_left(get, start):
    with pytest.raises(OSError, match=r"less than 1000 bytes per second \(tried 2 times\)"):
        get(lambda: dripping(start), retries=1)


def test_a_dripping_header_is_left(get, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_HEADER", 0.5)
    with pytest.raises(OSError, match=r"did not answer within 0 seconds \(tried 2 times\)"):
        get(lambda: dripping(b"HTTP/1.1 200 OK\r\nX: "), retries=1)


def test_the_body_of_a_redirection_is_not_read(get, server):
    assert get(lambda: endless(header(302, Location="/b")), whole(OLD)) == OLD
    assert server.sent < 20_000_000


@pytest.mark.parametrize("place", ["http://[::1", "file:///etc/passwd", "http://.", "http://a:b"])
def test_a_redirection_to_nowhere(get, place):
    with pytest.raises(OSError, match="not an http or https URL, or leads to none"):
        get([header(302, Location=place)])
