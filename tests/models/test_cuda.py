"""Every path on a GPU beside the CPU, where there is a GPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from device_paths import PATHS, TINY, largest_difference, share_equal

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

# random numbers of dropout are others on a GPU, and the smallest difference grows in training
TRAINED = ("classifier", "captioner", "autoencoders", "generator")
TOLERANCE = {"reduced": 0.05}
"""Largest difference relative to the largest value; 0.001 where nothing is said."""


@pytest.fixture(scope="module", params=list(PATHS))
def found(request, tmp_path_factory, tiny_clip):
    """The name of a path, its results on the CPU, and two on the GPU."""
    size = replace(TINY, clip=tiny_clip)
    run = PATHS[request.param](size, tmp_path_factory.mktemp(request.param))
    threads, state = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield request.param, run("cpu"), run("cuda"), run("cuda")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(state)


def test_results_are_those_of_the_cpu(found):
    name, expected, on_gpu, _ = found
    if name == "counts":
        np.testing.assert_array_equal(on_gpu["counts"], expected["counts"])
    elif name not in TRAINED:
        assert largest_difference(on_gpu, expected) < TOLERANCE.get(name, 1e-3)
        assert share_equal(on_gpu, expected) in (None, pytest.approx(1, abs=0.05))
    assert all(np.isfinite(own).all() for own in map(np.asarray, on_gpu.values()) if own.dtype.kind == "f")


def test_a_second_run_has_the_same_bytes(found):
    name, _, first, second = found
    assert [own for own in first if not np.array_equal(first[own], second[own])] == []
