import json
import os
import shutil

import pytest

import lib.data.contents
from lib.data.contents import Contents

DATE = (1_500_000_000, 1_500_000_000)


@pytest.fixture
def digest(tmp_path):
    """Return a function that digests as a new run would, with what earlier ones remember."""
    return lambda path: Contents(tmp_path / "memory.json").digest(path)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photos"
    (place / "cats").mkdir(parents=True)
    for name in ("a.png", "b.png", "cats/c.png"):
        (place / name).write_bytes(name.encode())
        os.utime(place / name, DATE)
    return place


def test_a_file_counts_by_its_bytes_alone(tmp_path, digest):
    path = tmp_path / "weights.pth"
    assert digest(path) == ""
    path.write_bytes(b"one")
    first = digest(path)
    assert len(first) == 16
    os.utime(path, DATE)
    assert digest(path) == first == digest(os.path.relpath(path))
    copy = tmp_path / "copy.pth"
    shutil.copy(path, copy)
    assert digest(copy) == first


def test_another_file_of_the_same_size_and_an_older_date_is_noticed(tmp_path, digest):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"one")
    first, before = digest(path), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digest(path) != first, "written in place, with the date of before"
    (tmp_path / "new").write_bytes(b"1+1")
    os.utime(tmp_path / "new", DATE)
    os.replace(tmp_path / "new", path)
    assert len({first, digest(path)}) == 2


def test_a_file_is_read_once(tmp_path, digest, monkeypatch):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"one")
    first = digest(path)
    monkeypatch.setattr(lib.data.contents.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert digest(path) == first
    (tmp_path / "memory.json").write_text(json.dumps({str(path): "damaged"}))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        digest(path)


def test_a_large_file_counts_by_size_and_date(tmp_path, digest, monkeypatch):
    monkeypatch.setattr(lib.data.contents, "LARGEST_READ", 2)
    path = tmp_path / "images.tar"
    path.write_bytes(b"one")
    os.utime(path, DATE)
    first = digest(path)
    path.write_bytes(b"two")
    os.utime(path, DATE)
    assert digest(path) == first
    os.utime(path, (1, 1))
    assert digest(path) != first


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "moved", "longer", "dated", "linked"])
def test_another_list_of_files_is_noticed(folder, digest, change):
    first = digest(folder)
    one = folder / "a.png"
    if change == "added":
        (folder / "cats/d.png").write_bytes(b"d")
        os.utime(folder / "cats/d.png", (1, 1))
    elif change == "removed":
        one.unlink()
    elif change == "renamed":
        one.rename(folder / "z.png")
    elif change == "moved":
        one.rename(folder / "cats/a.png")
    elif change == "longer":
        one.write_bytes(b"more than before")
        os.utime(one, DATE)
    elif change == "dated":
        os.utime(one, (1, 1))
    else:
        (folder.parent / "elsewhere").mkdir()
        (folder.parent / "elsewhere/d.png").touch()
        (folder / "dogs").symlink_to(folder.parent / "elsewhere")
    assert digest(folder) not in (first, "")


def test_copies_with_their_dates_and_hidden_files_count_the_same(folder, digest, tmp_path):
    first = digest(folder)
    (folder / ".DS_Store").touch()
    (folder / ".thumbs").mkdir()
    (folder / ".thumbs/a.png").touch()
    (folder / "empty").mkdir()
    (folder / "cats/c.png").chmod(0o600)
    assert digest(folder) == first
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert digest(tmp_path / "elsewhere") == first


def test_strange_folders_end(folder, digest):
    (folder / "above").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "nowhere").symlink_to("there/is/none")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"\xff.png")).touch()
    place = folder
    for _ in range(200):
        place = place / "deeper"
    place.mkdir(parents=True)
    first = digest(folder)
    (place / "x").touch()
    assert digest(folder) != first


def test_a_pipe_is_not_read(tmp_path, digest):
    os.mkfifo(tmp_path / "pipe")
    assert digest(tmp_path / "pipe") == ""


def test_a_folder_that_may_not_be_read_counts_as_empty(folder, digest, monkeypatch):
    scan = os.scandir

    def refuse(place):
        if str(place).endswith("cats"):
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    monkeypatch.setattr(lib.data.contents.os, "scandir", refuse)
    first = digest(folder)
    (folder / "cats/d.png").touch()
    assert digest(folder) == first
