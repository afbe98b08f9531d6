"""Progress of long jobs: a bar on the user's terminal, or one line per minute without a terminal."""

import sys
from typing import IO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 60


class Progress(tqdm):
    """A tqdm bar that writes to the user's terminal or to the log.

    Class attributes
    ----------------
    terminal : file or None
        The user's terminal, which `runtime.job` sets while everything else goes to the job's log; None if there is none.
    label : str
        Name of the job, shown before a bar's own description.
    finished : dict of str to int
        Items done by unit (`image`, `unit`, ...) in the bars that have ended, without those of an earlier run.
    """

    terminal = None
    label = ""
    finished: dict[str, int] = {}

    def __init__(self, *arguments: object, **options: object) -> None:
        if Progress.terminal is not None:
            settings = {"file": Progress.terminal, "leave": False, "dynamic_ncols": True}
        else:
            settings = {
                "file": _Lines(sys.stderr),
                "leave": False,
                "delay": SECONDS_BETWEEN_LINES,
                "mininterval": SECONDS_BETWEEN_LINES,
                "maxinterval": SECONDS_BETWEEN_LINES,
                "ncols": 100,
                "bar_format": "{desc}: {n_fmt} of {total_fmt} {unit}s, {rate_fmt}, {remaining} left",
            }
        options["desc"] = " ".join(filter(None, [Progress.label, options.get("desc")]))
        self._counted = False
        super().__init__(*arguments, **settings | options)

    def close(self) -> None:
        """End the bar and record the number of its items."""
        if not self._counted:
            self._counted = True
            Progress.finished[self.unit] = Progress.finished.get(self.unit, 0) + self.n - self.initial
        super().close()


class _Lines:
    """A stream that writes whole lines instead of a redrawn bar."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        line = text.replace("\r", "").strip()
        if line:
            self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()
