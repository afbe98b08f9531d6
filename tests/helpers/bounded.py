"""Runs something in a process of its own, with a limit on time and on memory."""

import multiprocessing
import re
import time
from pathlib import Path

import pytest

FORK = multiprocessing.get_context("fork")


def _memory(key):
    """Return the process's memory now (VmRSS) or at most so far (VmHWM), in MiB."""
    return int(re.search(rf"{key}:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def _run(connection, function):
    before, began = _memory("VmRSS"), time.monotonic()
    try:
        function()
        outcome = None
    except Exception as error:
        outcome = error
    connection.send((outcome, time.monotonic() - began, _memory("VmHWM") - before))


def run_bounded(function, *, seconds, mib):
    """Call a function and raise what it raises; the test fails if it takes longer or more memory than allowed."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_run, args=(sender, function))
    process.start()
    sender.close()
    try:
        assert receiver.poll(seconds + 5), f"it did not end within {seconds} s"
        outcome, lasted, grown = receiver.recv()
    except EOFError:
        pytest.fail("it was killed")
    finally:
        process.kill()
        process.join()
    assert lasted < seconds, f"it took {lasted:.1f} s instead of {seconds}"
    assert grown < mib, f"it took {grown:.0f} MiB more memory instead of {mib}"
    if outcome is not None:
        raise outcome
