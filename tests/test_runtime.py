"""What a job says when it fails."""

import errno
import os

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from small_disk import Mount

from lib.captioning.resuming import write_state
from lib.runtime import _advice

TENSOR = torch.zeros(100_000)
SMALL = torch.zeros(26_000)  # all that does not fit is torch's directory at the end


def write_safetensors(folder):
    save_file({"a": TENSOR}, folder / "file")


def write_training_state(folder):
    write_state(str(folder / "file"), {"a": TENSOR}, key="k")


def write_small_training_state(folder):
    write_state(str(folder / "file"), {"a": SMALL}, key="k")


def write_array(folder):
    with (folder / "file").open("wb") as file:
        np.save(file, TENSOR.numpy())


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (write_safetensors, SafetensorError),
        (write_training_state, OSError),
        (write_small_training_state, OSError),
        (write_array, OSError),
    ],
)
def test_a_full_disk_is_told_whatever_library_writes(write, kind, tmp_path):
    with Mount(tmp_path / "disk", "size=100k") as disk:
        with pytest.raises(kind) as caught:
            write(disk)
        assert "state" not in write.__name__ or not (disk / "file").exists()
    advice = _advice(caught.value)
    assert advice.startswith("the disk is full (") and "free some space" in advice
    if "state" in write.__name__:
        assert "disk/file" in advice


def test_a_used_up_quota_is_a_full_disk():
    error = OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "a.npy")
    assert _advice(error).startswith("the disk is full (") and "a.npy" in _advice(error)


def test_other_errors_are_not():
    for error in (ValueError("no space between words"), OSError(errno.EIO, "Input/output error")):
        assert "full" not in _advice(error)
