"""The lock of a job: one process at a time, given back by whatever end, and the message that names who holds it."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import ROOT

from lib.runtime import locks
from lib.runtime.locks import hold_lock

# runs as a job does: the stage's context around something that lasts
JOB = """
import sys, time
from types import SimpleNamespace
from lib.runtime import locks
from lib.runtime.job import stage

log, seconds, patience = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
locks.PATIENCE = patience
names = {"input": {}, "output": {}, "params": {}, "resources": {}, "wildcards": []}
with stage(SimpleNamespace(log=[log], rule="record_activations", **names)) as arguments:
    open(log + ".runs", "w").close()
    time.sleep(seconds)
"""
# a job whose work is done by worker processes
POOL = """
import sys, time
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from lib.runtime.locks import hold_lock
from lib.runtime.parallel import end_with_parent

with hold_lock(sys.argv[1]):
    pool = ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("fork"), initializer=end_with_parent)
    waiting = [pool.submit(time.sleep, 300) for _ in range(3)]
    open(sys.argv[1] + ".runs", "w").write(" ".join(map(str, pool._processes)))
    waiting[0].result()
"""


@pytest.fixture
def start():
    """Return a function that starts a Python program; whatever is left of it at the end is killed."""
    started = []
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}

    def run(program, *arguments):
        started.append(subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], cwd=ROOT, **options))
        return started[-1]

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def orphan(start, tmp_path):
    """A job that is running, and its log."""
    log = tmp_path / "job.log"
    process = start(JOB, log, 300, 0)
    wait_for(tmp_path / "job.log.runs")
    return process, log


def test_a_job_that_is_still_run_is_named_and_not_repeated(orphan, start, tmp_path):
    process, log = orphan
    log.unlink()  # as Snakemake does before it runs a job
    (tmp_path / "job.log.runs").unlink()
    again = start(JOB, log, 0, 0.2)
    text, _ = again.communicate(timeout=30)
    assert again.returncode == 1
    message = log.read_text()
    assert f"record_activations: this job is still run by process {process.pid}, which is left" in message
    assert f"(kill {process.pid})" in message and "Traceback" not in message + text
    assert not (tmp_path / "job.log.runs").exists(), "the stage must not have begun"
    assert process.poll() is None, "the other one is left alone"


def test_a_killed_job_gives_the_lock_back(orphan, start, tmp_path):
    process, log = orphan
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "job.log.lock").exists(), "it could not clean up"
    again = start(JOB, log, 0, 0)
    text, _ = again.communicate(timeout=30)
    assert again.returncode == 0, text + log.read_text()
    assert not (tmp_path / "job.log.lock").exists()


def test_a_job_that_is_just_ending_is_waited_for(start, tmp_path):
    start(JOB, tmp_path / "job.log", 1, 0)
    wait_for(tmp_path / "job.log.runs")
    again = start(JOB, tmp_path / "job.log", 0, 20)
    text, _ = again.communicate(timeout=30)
    assert again.returncode == 0, text


def test_workers_of_a_killed_job_end_and_give_the_lock_back(start, tmp_path, monkeypatch):
    process = start(POOL, tmp_path / "lock")
    wait_for(tmp_path / "lock.runs")
    while len(workers := (tmp_path / "lock.runs").read_text().split()) < 3:
        time.sleep(0.02)
    process.kill()
    monkeypatch.setattr(locks, "PATIENCE", 10)
    with hold_lock(tmp_path / "lock"):
        assert not any(Path("/proc", worker, "cwd").exists() for worker in workers)


def test_another_machine_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0)
    with hold_lock(tmp_path / "lock"):
        (tmp_path / "lock").write_text("17 node3")
        with (
            pytest.raises(BlockingIOError, match=r"process 17 on node3.*\(kill 17 on node3\)"),
            hold_lock(tmp_path / "lock"),
        ):
            pytest.fail("held twice")
    assert not (tmp_path / "lock").exists()


def test_a_file_system_without_locks_is_no_reason_to_stop(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with hold_lock(tmp_path / "lock"):
        assert "cannot be locked" in caplog.text


def count(folder, n):
    """Add to a number in a file, again and again, as only one process at a time may."""
    locks.PATIENCE = 60
    number = folder / "number"
    for _ in range(n):
        with hold_lock(folder / "lock"):
            value = int(number.read_text())
            os.sched_yield()
            number.write_text(str(value + 1))


def test_one_process_at_a_time_though_the_file_comes_and_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(locks.time, "sleep", lambda _: os.sched_yield())
    (tmp_path / "number").write_text("0")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=count, args=(tmp_path, 300)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert (tmp_path / "number").read_text() == "1200"
