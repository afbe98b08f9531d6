"""The folder of a long job while it is filled, so that a killed job goes on from what is complete."""

import json
import logging
import os
import shutil
from pathlib import Path

from .atomic import draft_of, new_file

logger = logging.getLogger(__name__)


class UnfinishedFolder:
    """A folder that gets its name when it is complete, with a mark of how far it is.

    Parameters
    ----------
    target : pathlib.Path
        The folder to make; until then it is `<target>.part`.
    fingerprint : str
        As `fingerprint` returns it: what another job has left is removed.

    Attributes
    ----------
    path : pathlib.Path
        Where the job writes; empty if `n_done` is 0.
    n_done : int
        Items that are complete.
    """

    def __init__(self, target: Path, fingerprint: str) -> None:
        self._target, self._fingerprint = target, fingerprint
        self.path = draft_of(target)
        self._mark = self.path / "progress.json"
        self.n_done = self._read_mark()
        if self.n_done:
            logger.info("going on after %d images of an interrupted run", self.n_done)
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
            logger.warning("%s is damaged (%s): starting anew", self._mark, error)
            return 0

    def mark(self, n_done: int) -> None:
        """Note that so many items are complete in the folder."""
        with new_file(self._mark) as draft:
            draft.write_text(json.dumps({"fingerprint": self._fingerprint, "n_done": n_done}), encoding="utf-8")
        self.n_done = n_done

    def finish(self, inner: str = "") -> None:
        """Give the folder, or a folder in it, the name of the target; an older target is removed."""
        self._mark.unlink(missing_ok=True)
        shutil.rmtree(self._target, ignore_errors=True)
        os.replace(self.path / inner, self._target)
        shutil.rmtree(self.path, ignore_errors=True)
