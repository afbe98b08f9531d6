"""Output folder of a long job in progress, so that an interrupted job resumes."""

import json
import logging
import os
import shutil
from pathlib import Path

from .atomic import draft_of, new_file

logger = logging.getLogger(__name__)


class UnfinishedFolder:
    """A folder that is renamed when complete, with a record of its progress.

    Parameters
    ----------
    target : pathlib.Path
        The final folder; during the job it is `<target>.part`.
    fingerprint : str
        From `fingerprint`: results with another fingerprint are removed.

    Attributes
    ----------
    path : pathlib.Path
        Folder for the output; empty if `n_done` is 0.
    n_done : int
        Number of complete items.
    """

    def __init__(self, target: Path, fingerprint: str) -> None:
        self._target, self._fingerprint = target, fingerprint
        self.path = draft_of(target)
        self._mark = self.path / "progress.json"
        self.n_done = self._read_mark()
        if self.n_done:
            logger.info("resuming after %d images of an interrupted run", self.n_done)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True)

    def _read_mark(self) -> int:
        try:
            mark = json.loads(self._mark.read_text(encoding="utf-8"))
            return mark["n_done"] if mark["fingerprint"] == self._fingerprint else 0
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("%s is damaged (%s): starting from the beginning", self._mark, error)
            return 0

    def mark(self, n_done: int) -> None:
        """Record the number of complete items."""
        with new_file(self._mark) as draft:
            draft.write_text(json.dumps({"fingerprint": self._fingerprint, "n_done": n_done}), encoding="utf-8")
        self.n_done = n_done

    def finish(self, inner: str = "") -> None:
        """Rename the folder, or a folder in it, to the target, replacing an older one."""
        self._mark.unlink(missing_ok=True)
        shutil.rmtree(self._target, ignore_errors=True)
        os.replace(self.path / inner, self._target)
        shutil.rmtree(self.path, ignore_errors=True)
