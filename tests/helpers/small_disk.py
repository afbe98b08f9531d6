"""A file system of its own over a folder, such as a full or read-only disk."""

import os
import subprocess

import pytest


class Mount:
    """Mounts a tmpfs over a folder for as long as the context lasts; skips the test where that is not allowed.

    `options` are those of mount, such as `size=200k` or `ro`.
    """

    def __init__(self, folder, options):
        self.folder, self.options = folder, options

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("mounting a small file system needs root")
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", str(self.folder)], check=True)
