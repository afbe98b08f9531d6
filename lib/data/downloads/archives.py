"""Unpack untrusted zip and tar archives."""

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ...runtime.progress import Progress
from ...runtime.regular_files import check_regular_file

IGNORED_ROOTS = ("__MACOSX",)
BUFFER = 1 << 20  # bytes
LARGEST_FOLDER = 500 * 10**9  # bytes, unpacked; far above every known data set
LARGEST_RATIO = 100.0  # unpacked to packed; photographs stay near 1, label maps below 30
# published annotations: masks of zeros and ones pack to 1 in 150, and deflate cannot do better than 1 in 1,032
LARGEST_ANNOTATIONS = 50 * 10**9  # bytes, unpacked
LARGEST_ANNOTATIONS_RATIO = 1032.0


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    is_folder: bool
    refusal: str  # why it is refused; empty if it is accepted
    handle: zipfile.ZipInfo | tarfile.TarInfo


def unpack(archive: str | Path, folder: str | Path, *, max_size: int, max_ratio: float) -> Path:
    """Unpack a zip or tar archive into a new folder.

    The folder is created atomically. If the archive contains a single folder, the contents of that folder are unpacked.
    Modes, owners and times in the archive are ignored.

    Parameters
    ----------
    archive : str or pathlib.Path
        The archive: zip, or tar with any compression that Python reads. Its format is detected from its contents.
    folder : str or pathlib.Path
        The folder to create; it must be missing or empty.
    max_size : int
        Largest sum of the unpacked sizes, in bytes.
    max_ratio : float
        Largest ratio of the unpacked sizes to the size of the archive.

    Returns
    -------
    pathlib.Path
        `folder`.

    Raises
    ------
    ValueError
        If the file is no archive, is damaged or encrypted, has members that lead out of the folder or are links or
        devices, or unpacks to more than allowed.
    FileExistsError
        If `folder` exists and is not empty.
    OSError
        If the disk has too little space.
    """
    archive, folder = Path(archive), Path(folder)
    check_regular_file(archive, name="archive")
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise FileExistsError(f"{folder} exists already; remove it to unpack {archive} there.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    limit = min(max_size, int(max_ratio * archive.stat().st_size))
    workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        content = workplace / "content"
        content.mkdir()
        try:
            _unpack_members(archive, content, limit)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f"{archive} cannot be unpacked: it is damaged or encrypted ({error}).") from error
        entries = list(content.iterdir())
        (entries[0] if len(entries) == 1 and entries[0].is_dir() else content).replace(folder)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return folder


def _unpack_members(archive: Path, content: Path, limit: int) -> None:
    unpacked = 0
    with _open_archive(archive) as (members, read):
        for member in Progress(members, desc=f"unpacking {archive.name}", unit="file"):
            _check_member(archive, member)
            if PurePosixPath(member.name).parts[:1] in [(root,) for root in IGNORED_ROOTS]:
                continue
            path = content / member.name
            if member.is_folder:
                path.mkdir(parents=True, exist_ok=True)
                continue
            unpacked += member.size
            if unpacked > limit:
                raise ValueError(
                    f"{archive} is refused: its {archive.stat().st_size} bytes unpack to more than {limit}, which is "
                    "not plausible. If it is right, unpack it yourself and give the folder instead."
                )
            if member.size > shutil.disk_usage(content).free:
                raise OSError(f"The disk of {content.parent.parent} is too small to unpack {archive}. Free some space.")
            path.parent.mkdir(parents=True, exist_ok=True)
            with read(member) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, BUFFER)


def _check_member(archive: Path, member: _Member) -> None:
    name = member.name
    leads_out = (
        "\\" in name
        or "\0" in name
        or PurePosixPath(name).is_absolute()
        or ".." in PurePosixPath(name).parts
        or bool(PureWindowsPath(name).drive)
    )
    refusal = "its path leads out of the folder" if leads_out else member.refusal
    if refusal:
        raise ValueError(f"{archive} is refused: its member {name!r} must not be unpacked, {refusal}.")


@contextmanager
def _open_archive(archive: Path) -> Iterator[tuple[Iterator[_Member], object]]:
    """Open an archive and yield its members, in order, and a function that opens one of them."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield map(_zip_member, opened.infolist()), lambda member: opened.open(member.handle)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:

            def read(member: _Member) -> IO[bytes]:
                return opened.extractfile(member.handle)

            yield map(_tar_member, opened), read
    else:
        raise ValueError(f"{archive} is neither a zip nor a tar archive.")


def _zip_member(info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    # Archives made on other systems store no kind at all.
    refusal = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "it is a link or a device"
    return _Member(info.filename, info.file_size, info.is_dir(), refusal, info)


def _tar_member(info: tarfile.TarInfo) -> _Member:
    refusal = "" if info.isfile() or info.isdir() else "it is a link or a device"
    return _Member(info.name, info.size, info.isdir(), refusal, info)
