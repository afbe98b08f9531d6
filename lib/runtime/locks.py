"""Lock of a running job.

A job outlives a killed Snakemake. Without the lock the same job of the next run would write the same files at the same
time. The kernel releases the lock whenever the process ends.
"""

import contextlib
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds to wait for a process that is being terminated


@contextlib.contextmanager
def hold_lock(path: str | Path) -> Iterator[None]:
    """Hold a lock within the context.

    Child processes that are forked hold it too: they must end with their parent (see `runtime.parallel.end_with_parent`).

    Parameters
    ----------
    path : str or pathlib.Path
        The lock's file, in an existing folder; it is removed at the end.

    Raises
    ------
    BlockingIOError
        If another process holds the lock; the message names it.
    """
    path = Path(path)
    lock = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.close()


def _acquire(path: Path) -> IO[str]:
    deadline = time.monotonic() + PATIENCE
    while True:
        lock = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read()
            lock.close()
            if time.monotonic() > deadline:
                raise BlockingIOError(_advice(path, holder)) from None
            time.sleep(0.1)
            continue
        except OSError as error:
            logger.warning(
                "%s cannot be locked (%s): make sure that no job of a killed run is still writing", path, error
            )
            return lock
        if _is_current(lock, path):
            lock.truncate(0)
            lock.write(f"{os.getpid()} {socket.gethostname()}")
            lock.flush()
            return lock
        lock.close()  # its last holder has just removed it


def _is_current(lock: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _advice(path: Path, holder: str) -> str:
    process, _, host = holder.partition(" ")
    place = "" if host == socket.gethostname() else f" on {host or 'another machine'}"
    return (
        f"this job is still run by process {process or '(unknown)'}{place}, which is left from a killed run, "
        f"and writes the same files ({path} is locked). Wait until it has ended, or end it "
        f"(kill {process or 'PROCESS'}{place}), and run again."
    )
