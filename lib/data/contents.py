"""What a file or folder of the user's holds, as a short text that changes with it and costs little to find again."""

import hashlib
import os
from pathlib import Path

from ..runtime.cache import recall, remember

LARGEST_READ = 1 << 32  # bytes; reading a larger archive would delay the planning for minutes


class Contents:
    """Digests of files and folders.

    A file counts by its bytes, whatever its date; one of more than 4 GiB by its size and time of change. A folder counts by
    the names, sizes and times of change (in seconds) of all files in it and its sub-folders but hidden ones: nobody could
    read a million images whenever a workflow is planned.

    Parameters
    ----------
    memory : str or pathlib.Path
        File that remembers the digests of files, so that each is read once.
    """

    def __init__(self, memory: str | Path) -> None:
        self._memory = memory
        self._files = recall(memory)
        self._found = {}

    def digest(self, path: str | Path) -> str:
        """Return the digest of a file or folder, 16 hexadecimal digits; an empty text if there is neither.

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

    def _digest_file(self, path: Path) -> str:
        status = os.stat(path)
        if status.st_size > LARGEST_READ:
            return hashlib.sha256(f"{status.st_size} {int(status.st_mtime)}".encode()).hexdigest()[:16]
        # dates can be set at will, but that changes st_ctime
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = self._files.get(path)
        if not isinstance(known, dict) or known.get("state") != state:
            with open(path, "rb") as file:
                known = {"state": state, "digest": hashlib.file_digest(file, "sha256").hexdigest()[:16]}
            self._files[path] = known
            remember(self._memory, recall(self._memory) | {path: known})
        return known["digest"]


def _digest_folder(folder: Path) -> str:
    found = hashlib.sha256()
    waiting, visited = [(folder, "")], set()
    while waiting:
        place, below = waiting.pop()
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in visited:  # a link to a folder above would never end
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
            except OSError:  # a link that leads nowhere, or to itself
                lines.append(entry.name)
        if lines[1:]:
            found.update(os.fsencode("\n".join([*lines, ""])))
        waiting += reversed(folders)
    return found.hexdigest()[:16]


def _entries(folder: Path) -> list[os.DirEntry]:
    """Return what is in a folder but hidden files, by name; nothing of one that may not be read, as nobody can use it."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except PermissionError:
        return []
    return sorted(shown, key=lambda entry: entry.name)
