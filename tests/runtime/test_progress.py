"""Progress: a bar on a terminal, a line a minute elsewhere, and what each job says at its end."""

import os
import pty
import subprocess
import sys
import termios

import pytest
from places import ROOT

JOB = """
from types import SimpleNamespace
from lib.runtime import job as runtime
from lib.runtime import progress
progress.SECONDS_BETWEEN_LINES = {seconds}
task = SimpleNamespace(rule="explain_units", log=[{log!r}], wildcards=["resnet18", "layer4"],
                       input={{}}, output={{}}, params={{}}, resources={{}})
with runtime.stage(task), progress.Progress(total=200, unit="image", desc="encoding", miniters=1) as bar:
    for _ in range(4):
        bar.update(50)
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a small job and gives what its log holds."""

    def run_job(stream, seconds=60):
        log = tmp_path / "job.log"
        code = JOB.format(seconds=seconds, log=str(log))
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=stream, check=True)
        return log.read_text()

    return run_job


def test_a_log_gets_no_bar_from_a_short_job_and_one_line_at_its_end(run, tmp_path):
    """D27: where no bar is wanted there is none."""
    with (tmp_path / "seen").open("w") as seen:
        log = run(seen)
    line = (tmp_path / "seen").read_text()
    assert line.startswith("explain_units resnet18 layer4: 200 images, ")
    assert line.endswith(" MiB\n")
    assert log.endswith(line)
    assert log.count("\n") == 1


def test_a_log_gets_whole_lines_from_a_long_job(run, tmp_path):
    with (tmp_path / "seen").open("w") as seen:
        log = run(seen, seconds=0)
    assert "\r" not in log
    assert "explain_units resnet18 layer4 encoding: 150 of 200 images, " in log


def test_a_terminal_gets_the_bar_and_the_log_does_not(run):
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 120))
    log = run(slave)
    seen = os.read(master, 10000).decode()
    assert "explain_units resnet18 layer4 encoding:   0%" in seen
    assert "explain_units resnet18 layer4: 200 images, " in seen
    assert "encoding" not in log
