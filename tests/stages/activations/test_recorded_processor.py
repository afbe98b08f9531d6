"""Activations and tallies name what computed them, so that those of a GPU and of a CPU are not mixed unnoticed."""

import numpy as np
import zarr
from device_paths import PATHS, TINY

from lib.stages.activations import record_activations as recording
from lib.stages.exemplars import tally_units as tallying


def test_the_processor_is_that_of_the_device(tmp_path, monkeypatch):
    for stage in (recording, tallying):
        monkeypatch.setattr(stage, "processor", lambda device: f"that of {device.type}")
    for path in ("record", "exemplars"):
        PATHS[path](TINY, tmp_path)("cpu")
    store = zarr.open_array(str(tmp_path / "activations-cpu" / "0-of-1" / "layer4.zarr"), mode="r")
    assert store.attrs["processor"] == "that of cpu"
    found = [
        str(arrays["processor"])
        for file in (tmp_path / "exemplars-cpu" / "tallies").rglob("*.npz")
        if "processor" in (arrays := np.load(file))
    ]
    assert found and set(found) == {"that of cpu"}
