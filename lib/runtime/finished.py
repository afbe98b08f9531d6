"""Finished items of a job: kept beside its output, so that a later job computes only the others."""

import logging
import time
from pathlib import Path
from typing import Any

from .cache import recall, remember

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_SAVES = 60


class FinishedItems:
    """Results of single items of a job, by key, in a hidden file for each chunk of the job.

    A killed job loses at most the last minute, and a job with more items, or with other chunks, computes only what is
    new. The files may be deleted at any time.

    Parameters
    ----------
    output : str or pathlib.Path
        Output file of the chunk, such as `.../0-of-4.csv`.
    fingerprint : str
        Of all that the results depend on beside the key; results with another fingerprint are not used.
    """

    def __init__(self, output: str | Path, fingerprint: str) -> None:
        output = Path(output)
        folder, self._fingerprint = output.parent / ".finished", fingerprint
        self._path = folder / f"{output.stem}.json"
        self._own = self._read(self._path)
        self._known = self._own.copy()
        for path in sorted(folder.glob("*.json")):
            self._known |= self._read(path)
        self._last = time.monotonic()
        if self._known:
            logger.info("%d results of earlier runs are used again", len(self._known))

    def _read(self, path: Path) -> dict[str, Any]:
        found = recall(path)
        fits = found.get("fingerprint") == self._fingerprint and isinstance(found.get("items"), dict)
        return found["items"] if fits else {}

    def get(self, key: str) -> Any:
        """Return the result of an item, as JSON gives it back; None if it is not known."""
        return self._known.get(key)

    def add(self, key: str, value: Any) -> None:
        """Keep the result of an item, serialisable as JSON; it is written within a minute."""
        if key not in self._known:
            self._known[key] = self._own[key] = value
        if time.monotonic() - self._last > SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Write all results that jobs of this chunk have computed."""
        remember(self._path, {"fingerprint": self._fingerprint, "items": self._own})
        self._last = time.monotonic()
