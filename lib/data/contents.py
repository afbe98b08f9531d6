"""Digests of the user's files and folders, cached between runs."""

import hashlib
import os
from pathlib import Path

from ..runtime.cache import recall, remember

LARGEST_READ = 1 << 32  # bytes; reading a larger archive would delay the planning for minutes


class Contents:
    """Digests of files and folders.

    The digest of a file depends on its bytes, or above 4 GiB on its size and modification time. The digest of a folder
    depends on the names, sizes and modification times (in seconds) of all files below it except hidden ones, because
    reading a million images on every run would take too long.

    Parameters
    ----------
    memory : str or pathlib.Path
        Cache file of the digests, so that each file is read once.
    """

    def __init__(self, memory: str | Path) -> None:
        self._memory = memory
        self._files = recall(memory)
        self._found = {}

    def digest(self, path: str | Path) -> str:
        """Return the digest of a file or folder, 16 hexadecimal digits; an empty text if it does not exist.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        path = os.path.abspath(path)
        if path not in self._found:
            if os.path.isdir(path):
                self._found[path] = _digest_folder(path)
            else:
                self._found[path] = self._digest_file(path) if os.path.isfile(path) else ""
        return self._found[path]

    def _digest_file(self, path: str) -> str:
        status = os.stat(path)
        if status.st_size > LARGEST_READ:
            return hashlib.sha256(f"{status.st_size} {int(status.st_mtime)}".encode()).hexdigest()[:16]
        # modification times can be set, but that changes st_ctime
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = self._files.get(path)
        if not isinstance(known, dict) or known.get("state") != state:
            with open(path, "rb") as file:
                known = {"state": state, "digest": hashlib.file_digest(file, "sha256").hexdigest()[:16]}
            self._files[path] = known
            remember(self._memory, recall(self._memory) | {path: known})
        return known["digest"]


def _digest_folder(folder: str) -> str:
    found = hashlib.sha256()
    waiting, visited = [(folder, "")], set()
    while waiting:
        place, below = waiting.pop()
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in visited:  # a link to a parent folder would recurse forever
            continue
        visited.add((status.st_dev, status.st_ino))
        lines, folders = [below], []
        for entry in _entries(place):
            try:
                if entry.is_dir():
                    folders.append((entry.path, f"{below}{entry.name}/"))
                    continue
                status = entry.stat()
                lines.append(f"{entry.name}\0{status.st_size} {int(status.st_mtime)}")
            except OSError:  # a broken or circular link
                lines.append(entry.name)
        if lines[1:]:
            found.update(os.fsencode("\n".join([*lines, ""])))
        waiting += reversed(folders)
    return found.hexdigest()[:16]


def _entries(folder: str) -> list[os.DirEntry]:
    """Return the entries of a folder by name, without hidden ones; an empty list if it is not readable."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except PermissionError:
        return []
    return sorted(shown, key=lambda entry: entry.name)
