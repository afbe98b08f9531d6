"""Every path on a device whose tensors do not mix with those in main memory; it rounds as the CPU does."""

import json
import subprocess
import sys

import pytest
from places import ROOT

# the names of `device_paths.PATHS`, which is not imported here because the device is made in another process; it has no bfloat16
NAMES = [
    "forward",
    "folded",
    "record",
    "exemplars",
    "counts",
    "captions",
    "clip",
    "erased",
    "classifier",
    "captioner",
    "autoencoders",
    "generator",
]


@pytest.fixture(scope="module")
def differences():
    script = ROOT / "tests" / "helpers" / "compare_second_device.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", NAMES)
def test_results_are_the_bytes_of_main_memory(differences, name):
    assert differences[name] == []


def test_all_paths_are_compared(differences):
    assert list(differences) == NAMES
