"""What a job says when it fails."""

import errno
import os
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from places import ROOT
from small_disk import Mount

from lib.captioning.training.resuming import write_state
from lib.models.weights.safetensors_files import write_safetensors
from lib.runtime.job import MEMORY_KEYS, _advice, failures, stage

TENSOR = torch.zeros(100_000)
SMALL = torch.zeros(26_000)  # all that does not fit is torch's directory at the end


def write_model(folder):
    write_safetensors(folder / "file", {"a": TENSOR}, about={})


def write_training_state(folder):
    write_state(str(folder / "file"), {"a": TENSOR}, key="k")


def write_small_training_state(folder):
    write_state(str(folder / "file"), {"a": SMALL}, key="k")


def write_array(folder):
    with (folder / "file").open("wb") as file:
        np.save(file, TENSOR.numpy())


@pytest.mark.parametrize("write", [write_model, write_training_state, write_small_training_state, write_array])
def test_a_full_disk_is_told_whatever_library_writes(write, tmp_path):
    with Mount(tmp_path / "disk", "size=100k") as disk:
        with pytest.raises(OSError) as caught:
            write(disk)
        assert write is write_array or not (disk / "file").exists()
    advice = _advice(caught.value)
    assert advice.startswith("the disk is full (") and "free some space" in advice
    if "state" in write.__name__:
        assert "disk/file" in advice


def test_a_used_up_quota_is_a_full_disk():
    error = OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "a.npy")
    assert _advice(error).startswith("the disk is full (") and "a.npy" in _advice(error)


def test_a_full_disk_is_told_from_an_error_that_quotes_it():
    """As readers and writers here put the system's errors into their own, and as Rust libraries word them."""
    text = f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"
    assert _advice(ValueError(f"a.zarr cannot be written ({text})")).startswith("the disk is full (a.zarr")


def test_other_errors_are_not():
    for error in (ValueError("no space between words"), OSError(errno.EIO, "Input/output error")):
        assert "full" not in _advice(error)


def test_the_advice_on_memory_names_rules_and_settings_that_exist():
    root = ROOT
    rules = "".join(path.read_text() for path in root.glob("rules/*.smk"))
    config = yaml.safe_load((root / "config.yaml").read_text())
    for rule, text in MEMORY_KEYS.items():
        assert f"rule {rule}:" in rules
        for key in re.findall(r"[a-z_]+(?:\.[a-z_]+)+", text):
            value = config
            for part in key.split("."):
                value = value[part]
        advice = _advice(MemoryError("1 GiB"), rule)
        assert text in advice and "--cores" in advice
    assert "lower" not in _advice(MemoryError("1 GiB"), "explain_units")


def test_failures_of_a_run_are_its_own(tmp_path):
    def run(name, error):
        names = {"input": {}, "output": {}, "params": {}, "resources": {}, "wildcards": []}
        (tmp_path / "logs").mkdir(exist_ok=True)
        with pytest.raises(SystemExit), stage(SimpleNamespace(log=[str(tmp_path / "logs" / name)], rule="r", **names)):
            print("on the way")
            raise error

    run("old.log", ValueError("an older run"))
    since = time.time()
    os.utime(tmp_path / "logs/old.log.traceback", (since - 9, since - 9))
    run("a.log", ValueError("k=0 must be at least 1;\nset exemplars.k"))
    assert failures(tmp_path / "logs", since=since - 1) == [
        f"r: k=0 must be at least 1;\nset exemplars.k (log: {tmp_path}/logs/a.log)"
    ]
