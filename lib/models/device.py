"""Choose the device and configure it for reproducible results."""

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

# variables that force libraries to an instruction set
INSTRUCTION_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "ATEN_CPU_CAPABILITY")


def prepare_device(device: str) -> torch.device:
    """Choose a device for a whole process and make its results reproducible.

    On the CPU each operation uses one thread: sums split among threads would change their last digits, and with them
    thresholds and ranks, with the number of cores. Jobs run in parallel instead.

    Parameters, result and errors are those of `choose_device`.
    """
    chosen = choose_device(device)
    if chosen.type == "cpu":
        torch.set_num_threads(1)
    return chosen


def choose_device(device: str) -> torch.device:
    """Choose a device.

    On a GPU, rounding to 19 bits (TF32) and the choice of algorithms by timing are switched off, and deterministic algorithms
    are chosen where PyTorch has them; of the others it warns.

    Parameters
    ----------
    device : str
        `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:n`.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If the text is none of these, or if there is no such GPU.
    """
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (":" in device and not (kind == "cuda" and number.isdecimal())):
        raise ValueError(f"device={device!r} must be auto, cpu, cuda or cuda:n with n = 0, 1, ...")
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and int(number or 0) >= available:
        raise ValueError(
            f"device={device!r} does not exist: PyTorch {torch.__version__} finds {available} GPUs. "
            "Use auto or cpu, or install a PyTorch that fits the GPU driver."
        )
    if kind == "cpu" or not available:
        return torch.device("cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    # cuBLAS reads this at its first product
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # would cost time
    return torch.device("cuda", int(number or 0))


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators of the CPU and of a device within the context, and restore their states afterwards."""
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also change the state of other GPUs
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield


def processor(device: torch.device | None = None) -> str:
    """Return the model of the processor and its instruction set, as the libraries use it.

    Results are bitwise equal on processors with the same text; between others last digits may differ.

    Parameters
    ----------
    device : torch.device or None
        Where networks run; of a GPU the model is returned. None for the CPU.
    """
    if device is not None and device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux
        facts = ""
    model = re.search(r"^model name\s*:\s*(.+)$", facts, re.M)
    forced = [f"{name}={os.environ[name]}" for name in INSTRUCTION_VARIABLES if name in os.environ]
    name = model[1] if model else platform.processor() or platform.machine()
    return ", ".join([name, torch.backends.cpu.get_cpu_capability(), *forced])
