"""The published package `compositional_explanations`, in a virtual environment of its own, as a searcher to ask."""

import json
import queue
import subprocess
import tempfile
import threading
import venv
from pathlib import Path

import numpy as np

from lib.kernels.search.beam import ConceptCounts

PACKAGE = "compositional_explanations==0.0.3.4"


class Peer:
    """Context manager: the package in a process that answers one problem after the other.

    Parameters
    ----------
    folder : pathlib.Path
        Its virtual environment, made if missing.
    """

    def __init__(self, folder):
        self._python = folder / "bin" / "python"
        if not self._python.exists():
            venv.create(folder, with_pip=True)
            subprocess.run([self._python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        self._process = None

    def __enter__(self):
        self._scratch = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *exception):
        self._stop()
        self._scratch.cleanup()

    def _start(self):
        script = Path(__file__).with_name("peer_engine.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self._process = subprocess.Popen([self._python, script], **pipes)
        self._answers = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process, self._answers), daemon=True).start()

    @staticmethod
    def _listen(process, answers):
        for line in process.stdout:
            answers.put(json.loads(line))
        answers.put({"error": "the process ended"})

    def _stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def solve(self, problem, method, *, limit=None):
        """Return its answer to a written problem: `seconds`, `iou`, `formula`; or `error`; or None after the limit."""
        if self._process is None:
            self._start()
        self._process.stdin.write(f"{problem}\t{method}\n")
        try:
            answer = self._answers.get(timeout=limit)
        except queue.Empty:
            self._stop()
            return None
        if self._process.poll() is not None:
            self._stop()
        return answer

    def write(self, atoms, bitmap):
        """Write a problem, bitmap bool of shape (n_images, H, W), as the package takes it, and return its path."""
        n_images = atoms.n_images
        images, pixels = [], []
        for concept in range(atoms.n_concepts):
            image, pixel = atoms.concept_mask(concept).reshape(n_images, -1).nonzero()
            images.append(image.astype(np.int32))
            pixels.append(pixel.astype(np.int32))
        disjoint = ConceptCounts(atoms).index.sizes.pair == 0
        np.fill_diagonal(disjoint, True)
        path = Path(self._scratch.name) / "problem.npz"
        np.savez(
            path,
            bitmap=bitmap.reshape(n_images, -1),
            images=np.concatenate(images),
            pixels=np.concatenate(pixels),
            starts=np.cumsum([0, *map(len, images)]),
            disjoint=disjoint,
        )
        return path
