"""Tests of the two stages that bring data to their place, without any network."""

import hashlib
import zipfile

import pytest

from lib.data.downloads import obtain
from lib.data.downloads.sources import Source
from lib.stages.downloads import fetch_file as file_stage
from lib.stages.downloads import fetch_folder as folder_stage
from lib.stages.downloads.fetch_file import fetch_file
from lib.stages.downloads.fetch_folder import fetch_folder

CONTENT = b"weights"


@pytest.fixture
def source(monkeypatch):
    """Replace the table by one source whose published URL leads nowhere."""
    row = Source("x", "1", "http://127.0.0.1:9/x", (), "", "", None, "none", "nobody", "Get it yourself.")

    def use(**changes):
        changed = Source(**{**row.__dict__, **changes})
        for stage in (file_stage, folder_stage):
            monkeypatch.setattr(stage, "find_source", lambda _: changed)

    monkeypatch.setattr(obtain, "RETRIES", 0)
    use()
    return use


@pytest.fixture
def zipped(tmp_path):
    with zipfile.ZipFile(tmp_path / "my.zip", "w") as archive:
        archive.writestr("root/a.txt", "a")
        archive.writestr("root/b.txt", "b")
    return tmp_path / "my.zip"


def call(stage, tmp_path, local):
    target = tmp_path / "out" / "target"
    stage(source="x", target=str(target), local=str(local) if local else None, config_key="my.key")
    return target


def test_a_local_file_is_linked(source, tmp_path):
    """D12: the parent folder need not exist, and the link may."""
    (tmp_path / "copy").write_bytes(CONTENT)
    source(sha256=hashlib.sha256(CONTENT).hexdigest())
    for _ in range(2):
        target = call(fetch_file, tmp_path, tmp_path / "copy")
        assert target.is_symlink() and target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_wrong_local_file_is_refused(source, tmp_path):
    (tmp_path / "copy").write_bytes(CONTENT)
    source(sha256="0" * 64)
    with pytest.raises(ValueError, match=r"copy has the sha256 .* not x, version 1.*`my\.key`"):
        call(fetch_file, tmp_path, tmp_path / "copy")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stage", [fetch_file, fetch_folder])
def test_a_missing_local_copy(source, tmp_path, stage):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist.*`my\.key`"):
        call(stage, tmp_path, tmp_path / "nowhere")


@pytest.mark.parametrize("stage", [fetch_file, fetch_folder])
@pytest.mark.parametrize("local", [None, "http://127.0.0.1:9/other"])
def test_without_network(source, tmp_path, stage, local, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(OSError, match=rf"(?s){local or 'http://127.0.0.1:9/x'}: .*refused.*`my\.key`"):
        call(stage, tmp_path, local)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_local_folder_is_linked(source, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"1")
    (tmp_path / "out" / "target").mkdir(parents=True)  # workflow engines make it
    target = call(fetch_folder, tmp_path, tmp_path / "images")
    assert target.is_symlink() and (target / "a.jpg").read_bytes() == b"1"


def test_a_folder_with_contents_is_not_replaced(source, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "out" / "target" / "precious").mkdir(parents=True)
    with pytest.raises(OSError):
        call(fetch_folder, tmp_path, tmp_path / "images")
    assert (tmp_path / "out" / "target" / "precious").exists()


def test_a_local_archive_is_unpacked_and_stays(source, tmp_path, zipped):
    target = call(fetch_folder, tmp_path, zipped)
    assert sorted(path.name for path in target.iterdir()) == ["a.txt", "b.txt"]
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert zipped.exists()


def test_a_local_file_that_is_no_archive(source, tmp_path):
    (tmp_path / "copy").write_bytes(CONTENT)
    with pytest.raises(ValueError, match="neither a zip nor a tar"):
        call(fetch_folder, tmp_path, tmp_path / "copy")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_must_be_got_by_hand_says_how(tmp_path):
    with pytest.raises(ValueError, match=r"imagenet_val is not downloaded.*image-net\.org.*`my\.key`"):
        fetch_folder(source="imagenet_val", target=str(tmp_path / "t"), local=None, config_key="my.key")
