"""Weights that would hang, crash or fill the machine are refused at once, in one message with their path."""

import hostile_files
import pytest
import torch
from measured_reads import measure, read_in_another_process

SECONDS, BYTES = 1.0, 200 * 10**6


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    torch.save({"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}, root / "good.pth")
    paths = {name: make(root / f"{name}.pth") for name, make in hostile_files.ALL.items()}
    found = read_in_another_process("weights", [root / "good.pth", *paths.values()])
    assert found[str(root / "good.pth")]["kind"] == "read"
    return {name: (path, found[str(path)]) for name, path in paths.items()}


@pytest.mark.parametrize("name", hostile_files.ALL)
def test_hostile_weights_are_refused_at_once(results, name):
    path, result = results[name]
    message = result["message"]
    assert result["kind"] == "ValueError" and str(path) in message, result
    assert message.isprintable() and len(message) < 1000
    assert result["seconds"] < SECONDS and result["bytes"] < BYTES


def test_memory_that_was_given_back_is_measured_too():
    def read(_path):
        held = bytearray(b"x") * (300 << 20)
        del held
        sum(range(3_000_000))

    # the kernel may take back other pages of this process meanwhile, but not each time
    results = [measure(read, "x") for _ in range(3)]
    assert all(result["kind"] == "read" and result["seconds"] > 0.01 for result in results)
    assert max(result["bytes"] for result in results) > 300_000_000
