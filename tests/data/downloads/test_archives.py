"""Tests of unpacking, above all of what must be refused."""

import io
import stat
import tarfile
import zipfile

import pytest

from lib.data.downloads.archives import unpack

LIMITS = dict(max_size=10**7, max_ratio=100.0)
FILES = {"data/index.csv": b"image\n", "data/images/a b.png": b"1" * 500, "data/images/deep/ö.png": b"2"}


def write_zip(path, files, *, kind=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def write_tar(path, files, *, kind=tarfile.REGTYPE, mode="w", **fields):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return path


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(archive, tmp_path, reason, limits=LIMITS):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=reason):
        unpack(archive, tmp_path / "target", **limits)
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_the_only_folder_is_dropped(tmp_path, suffix):
    path = tmp_path / "archive"  # the kind is not taken from the name
    write_zip(path, FILES) if suffix == "zip" else write_tar(path, FILES, mode=f"w:{suffix[4:]}")
    folder = unpack(path, tmp_path / "new" / "target", **LIMITS)
    assert contents(folder) == {name.removeprefix("data/"): content for name, content in FILES.items()}
    assert [path.name for path in folder.parent.iterdir()] == ["target"]


def test_several_roots_are_kept(tmp_path):
    files = {"layer1/x": b"1", "layer2/x": b"2", "__MACOSX/layer1/._x": b"3"}
    assert set(contents(unpack(write_zip(tmp_path / "a", files), tmp_path / "t", **LIMITS))) == {"layer1/x", "layer2/x"}


def test_dangerous_modes_are_not_taken_over(tmp_path):
    folder = unpack(write_tar(tmp_path / "a", {"x": b"1"}, mode="w", uid=12345), tmp_path / "t", **LIMITS)
    assert not (folder / "x").stat().st_mode & (stat.S_ISUID | stat.S_IXUSR)


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:evil", "a/.."])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_paths_that_lead_out(tmp_path, write, name):
    assert_refused(write(tmp_path / "a", {"good": b"1", name: b"2"}), tmp_path, "leads out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar(tmp_path, kind):
    assert_refused(write_tar(tmp_path / "a", {"good": b""}, kind=kind, linkname="/etc"), tmp_path, "a link or a device")


def test_link_in_a_zip(tmp_path):
    assert_refused(write_zip(tmp_path / "a", {"x": b"/etc"}, kind=stat.S_IFLNK), tmp_path, "a link or a device")


@pytest.mark.parametrize("limits", [dict(max_size=10**9, max_ratio=100.0), dict(max_size=10**6, max_ratio=1e9)])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_bombs(tmp_path, limits, kind):
    files = {"small": b"1", "bomb": bytes(2 * 10**7)}
    path = write_zip(tmp_path / "a", files) if kind == "zip" else write_tar(tmp_path / "a", files, mode="w:gz")
    assert_refused(path, tmp_path, "unpack to more than", limits)


def test_damaged_archives(tmp_path):
    path = write_zip(tmp_path / "a", {"x": bytes(range(256)) * 20})
    damaged = bytearray(path.read_bytes())
    damaged[60] ^= 0xFF
    path.write_bytes(damaged)
    assert_refused(path, tmp_path, "damaged")


@pytest.mark.parametrize("kept", [0.4, 0.9])
def test_truncated_tar(tmp_path, kept):
    path = write_tar(tmp_path / "a", {"x": bytes(range(256)) * 20, "y": b"1" * 999}, mode="w:gz")
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    assert_refused(path, tmp_path, "damaged|neither")


def test_no_archive(tmp_path):
    (tmp_path / "a").write_bytes(b"<html>gone</html>")
    assert_refused(tmp_path / "a", tmp_path, "neither a zip nor a tar")


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "t").mkdir()
    archive = write_zip(tmp_path / "a", FILES)
    unpack(archive, tmp_path / "t", **LIMITS)
    with pytest.raises(FileExistsError, match="remove it"):
        unpack(archive, tmp_path / "t", **LIMITS)
