"""Choice of the device that computes, set up so that results can be repeated."""

import torch


def prepare_device(device: str) -> torch.device:
    """Choose a device and make its results repeatable.

    On the CPU one thread is used inside each operation: sums are split among the threads, so that with another number
    of cores their last digits, and with them thresholds and ranks, would change. Jobs run beside each other instead.
    On a GPU, rounding to 19 bits (TF32) and the choice of algorithms by timing are switched off.

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
            f"device={device!r} does not exist: PyTorch {torch.__version__} sees {available} GPUs here. "
            "Use auto or cpu, or install a PyTorch that fits the GPU driver."
        )
    if kind == "cpu" or not available:
        torch.set_num_threads(1)
        return torch.device("cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda", int(number or 0))
