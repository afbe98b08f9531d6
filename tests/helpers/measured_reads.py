"""Reads files and measures what each takes, in a process of its own: `read_in_another_process`."""

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from torch import nn  # noqa: E402

from lib.captioning.checkpoints.native import read_captioner
from lib.models.weights.checkpoints import load_weights, n_classes_of, read_state_dict


def read_weights(path):
    """Read weights into a network of one layer, or first into a ResNet-18 if they are of one."""
    state = read_state_dict(path, trusted_sha256=["0" * 64])
    if "fc.weight" in state:
        n_classes_of(state, "resnet18", path=path)
    load_weights(nn.Linear(2, 3), path, trusted_sha256=["0" * 64])


READERS = {"captioner": read_captioner, "weights": read_weights}


def memory(name):
    """Return a figure of this process in bytes: VmRSS is its memory now, VmHWM the largest since `forget_peak`."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def measure(read, path):
    """Read a file and return the kind of error, whether it is one for the user, its message, CPU seconds and memory."""
    forget_peak()
    before, cpu = memory("VmRSS"), time.process_time()
    try:
        read(path)
        kind, refused, message = "read", False, ""
    except Exception as error:
        kind, refused, message = type(error).__name__, isinstance(error, (ValueError, OSError)), str(error)
    took = {"seconds": time.process_time() - cpu, "bytes": memory("VmHWM") - before}
    return {"kind": kind, "refused": refused, "message": message, **took}


def read_in_another_process(reader, paths):
    """Return what reading each file took; the first is a good one, so that the reader loads what it needs."""
    command = [sys.executable, __file__, reader, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


if __name__ == "__main__":
    print(json.dumps({path: measure(READERS[sys.argv[1]], path) for path in sys.argv[2:]}))
