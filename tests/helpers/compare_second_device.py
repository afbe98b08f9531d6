"""Run all paths in main memory and on the second device, whose bytes must be the same; print what differs as JSON."""

import json
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

import lib.models.device
from tests.conftest import add_tiny_clip
from tests.helpers.device_paths import PATHS, TINY
from tests.helpers.second_device import AWAY

# autocast does not know the device
COMPARED = [name for name in PATHS if name != "reduced"]
# LSTM cells are fused there, as on a GPU, which rounds otherwise
ROUNDED = {"captions": 1e-4, "captioner": 1e-3}

lib.models.device.choose_device = lambda name: AWAY if name == "away" else torch.device(name)


def differences(path, size, folder):
    """Return the names of the results that differ, or the error."""
    run = path(size, folder)
    expected = run("cpu")
    try:
        found = run("away")
    except Exception:
        return traceback.format_exc()
    tolerance = ROUNDED.get(path.__name__, 0)
    return [name for name, own in expected.items() if not _are_alike(found[name], own, tolerance)]


def _are_alike(found, expected, tolerance):
    if not tolerance or np.asarray(expected).dtype.kind != "f":
        return np.array_equal(found, expected)
    return np.allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def is_mixing_refused():
    """Return whether tensors on the device and in main memory cannot be added, as on a GPU."""
    try:
        torch.ones(2).to(AWAY) + torch.ones(2)
    except RuntimeError as error:
        return "in main memory" in str(error)
    return False


def main(names):
    assert is_mixing_refused()
    with tempfile.TemporaryDirectory() as folder:
        size = replace(TINY, clip=add_tiny_clip(Path(folder)))
        print(json.dumps({name: differences(PATHS[name], size, Path(folder)) for name in names or COMPARED}))


if __name__ == "__main__":
    main(sys.argv[1:])
