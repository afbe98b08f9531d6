"""Tests of the choice of a device."""

import contextlib
import os

import pytest
import torch

from lib.models.device import prepare_device, processor, seeded


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    threads, fills = torch.get_num_threads(), torch.utils.deterministic.fill_uninitialized_memory
    deterministic, warns = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=warns)
    torch.utils.deterministic.fill_uninitialized_memory = fills


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
    assert torch.are_deterministic_algorithms_enabled() == (gpus > 0)
    assert os.environ.pop("CUBLAS_WORKSPACE_CONFIG", "") == (":4096:8" if gpus else "")
    for device in ("cuda:2", f"cuda:{gpus}"):
        with pytest.raises(ValueError, match=f"finds {gpus} GPUs"):
            prepare_device(device)


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "auto:0", "CUDA"])
def test_unknown_devices(device):
    with pytest.raises(ValueError, match="must be auto, cpu, cuda or cuda:n"):
        prepare_device(device)


def test_results_of_a_gpu_name_it(monkeypatch):
    """So shards of a GPU and of a CPU are told apart, and an interrupted job of one is not continued on the other."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    assert processor(torch.device("cuda", 1)) == "GPU 1"
    assert processor() == processor(torch.device("cpu")) != "GPU 1"


def test_seeding_ends_with_its_context():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with seeded(7, torch.device("cpu")):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with seeded(7, torch.device("cpu")):
        assert torch.equal(torch.rand(3), first)


def test_seeding_reaches_the_gpu(monkeypatch):
    """Dropout draws from the GPU's own generator there."""
    calls = []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: f"state of {device}")
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: calls.append((state, str(device))))
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: calls.append(seed))
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    with seeded(7, torch.device("cuda", 1)):
        assert calls == [7]
    assert calls[1:] == [("state of cuda:1", "cuda:1")]
