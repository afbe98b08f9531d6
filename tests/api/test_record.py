"""Activations and exemplars in a Python session are those of the workflow's stages."""

import numpy as np
import pandas as pd
import pytest
import torch
from exemplar_stages import make_exemplars
from PIL import Image

from lib.api.record import exemplars, record
from lib.data.formats.exemplars import read_exemplars
from lib.data.stores.tables import write_table
from lib.models.build.loading import open_network, to_input
from lib.models.recording.recorder import Recorder

LAYERS = ["layer1", "layer3"]


@pytest.fixture(scope="module")
def network():
    settings = {"name": "resnet18", "normalisation": "imagenet", "seed": 3}
    return open_network(settings, weights=None, trusted_sha256=[], device="cpu").module


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (31, 40, 40, 3), dtype=np.uint8)


def test_activations_do_not_depend_on_threads_or_company(network, images):
    threads = torch.get_num_threads()
    found = record(network, images, LAYERS, threads=2)
    assert torch.get_num_threads() == threads
    again = record(network, images, LAYERS, threads=1)
    part = record(network, images[5:9], LAYERS)
    for layer in LAYERS:
        assert found[layer].dtype == np.float32 and found[layer].shape[0] == 31
        np.testing.assert_array_equal(found[layer], again[layer])
        np.testing.assert_array_equal(found[layer][5:9], part[layer])


def test_they_are_those_of_the_recorder(network, images):
    torch.set_num_threads(1)
    with Recorder(network, LAYERS) as recorder:
        expected = recorder(to_input(images, "imagenet"))
    found = record(network, to_input(images, "imagenet"), LAYERS)
    for layer in LAYERS:
        np.testing.assert_array_equal(found[layer], expected[layer].numpy())


def test_files_are_resized_and_cut(network, images, tmp_path):
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for path, image in zip(paths, images):
        Image.fromarray(image).save(path)
    found = record(network, paths, ["layer1"], resize=40, input_size=32)
    expected = record(network, np.ascontiguousarray(images[:3, 4:36, 4:36]), ["layer1"])
    np.testing.assert_array_equal(found["layer1"], expected["layer1"])


def test_exemplars_are_those_of_the_stages(network, images, tmp_path):
    paths = [str(tmp_path / f"{i:02}.png") for i in range(len(images))]
    for path, image in zip(paths, images):
        Image.fromarray(image).save(path)
    write_table(pd.DataFrame({"path": paths}), tmp_path / "images.csv", "images")
    settings = {"name": "resnet18", "normalisation": "imagenet", "seed": 3}
    geometry = {"resize": 40, "crop": 32}
    make_exemplars(tmp_path, layers=LAYERS, geometry=geometry, output_size=32, network=settings, k=4, n_shards=2)
    found = exemplars(network, paths, LAYERS, k=4, resize=40, input_size=32)
    for layer in LAYERS:
        stored = read_exemplars(tmp_path / "exemplars", layer)
        for name in ("images", "masks", "units", "ids"):
            np.testing.assert_array_equal(getattr(found[layer], name), getattr(stored, name), err_msg=name)
        np.testing.assert_allclose(found[layer].activations, stored.activations, rtol=1e-5)  # five digits on disk


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 8, 8, 3))}, "must be uint8"),
        ({"images": []}, "there are no images"),
        ({"layers": ["layer9"]}, "layer9"),
        ({"device": "gpu"}, "must be auto, cpu, cuda"),
    ],
)
def test_what_does_not_fit_is_refused(network, images, change, message):
    arguments = {"images": images, "layers": LAYERS, "device": "cpu"} | change
    with pytest.raises(ValueError, match=message):
        record(network, arguments.pop("images"), arguments.pop("layers"), **arguments)


def test_exemplars_need_pictures(network):
    with pytest.raises(ValueError, match="exemplars need pictures"):
        exemplars(network, torch.zeros(2, 3, 8, 8), LAYERS)
    with pytest.raises(ValueError, match="k=0 must be at least 1"):
        exemplars(network, np.zeros((2, 8, 8, 3), np.uint8), LAYERS, k=0)
