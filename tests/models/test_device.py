"""Tests of the choice of a device."""

import pytest
import torch

from lib.models.device import prepare_device


@pytest.fixture(autouse=True)
def restore_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_one_thread_on_the_cpu():
    torch.set_num_threads(2)
    assert prepare_device("cpu") == torch.device("cpu")
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("gpus", [0, 2])
def test_auto_and_numbers(monkeypatch, gpus):
    """D27: a device that is not there is refused, not replaced by another."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert prepare_device("auto").type == ("cuda" if gpus else "cpu")
    if gpus:
        assert prepare_device("cuda:1") == torch.device("cuda", 1)
        assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.deterministic
    for device in ("cuda:2", f"cuda:{gpus}"):
        with pytest.raises(ValueError, match=f"finds {gpus} GPUs"):
            prepare_device(device)


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "auto:0", "CUDA"])
def test_unknown_devices(device):
    with pytest.raises(ValueError, match="must be auto, cpu, cuda or cuda:n"):
        prepare_device(device)
