"""Folded batch norms and bfloat16 as settings of a network: other digits, the same in any shards, and in no result by default."""

import numpy as np
import pytest
import torch
from exemplar_stages import make_exemplars

from lib.data.formats.exemplars import read_exemplars
from lib.models.build.loading import open_network
from lib.models.recording.recorder import open_recorder
from lib.stages.exemplars.list_images import list_images
from lib.stages.playground.draw_playground import draw_playground

LAYERS = ["conv1", "layer2"]
NETWORK = {"name": "resnet18", "normalisation": "imagenet", "seed": 0}
OPTIONS = [{"fold_batch_norms": True}, {"precision": "bfloat16"}, {"fold_batch_norms": True, "precision": "bfloat16"}]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a few scenes and the list of them."""
    folder = tmp_path_factory.mktemp("options")
    data = str(folder / "playground")
    draw_playground(folder=data, n_images=9, image_size=64, validation_share=0.25, blurred=[], seed=3, threads=1)
    listed = {"images": str(folder / "images.csv"), "skipped": str(folder / "skipped.csv")}
    list_images(data=data, **listed, subset="", column="path", threads=1)
    return folder


def maps_of(settings):
    network = open_network(settings, weights=None, trusted_sha256=[], device="cpu")
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    with open_recorder(network, LAYERS) as recorder:
        return recorder(network.to_input(images))


@pytest.mark.parametrize("option", OPTIONS, ids=["folded", "bfloat16", "both"])
def test_activations_are_near_those_without(option):
    exact, found = maps_of(NETWORK), maps_of(NETWORK | option)
    for layer in LAYERS:
        assert found[layer].dtype == torch.float32
        error = (found[layer] - exact[layer]).norm() / exact[layer].norm()
        assert error < (0.02 if "precision" in option else 1e-5), layer
    assert not torch.equal(found["layer2"], exact["layer2"])


@pytest.mark.parametrize("option", OPTIONS, ids=["folded", "bfloat16", "both"])
def test_exemplars_are_the_same_in_any_shards_and_batches(made, tmp_path, option):
    results = []
    for n_shards, batch_size in ((1, 24), (3, 1)):
        folder = tmp_path / str(n_shards)
        folder.mkdir()
        (folder / "images.csv").write_bytes((made / "images.csv").read_bytes())
        options = {"layers": LAYERS, "geometry": {"resize": 32, "crop": 32}, "output_size": 32, "k": 3}
        options |= {"network": NETWORK | option, "n_shards": n_shards, "batch_size": batch_size}
        make_exemplars(folder, **options)
        results.append(
            [(folder / "units.csv").read_bytes(), *(read_exemplars(folder / "exemplars", x) for x in LAYERS)]
        )
    assert results[0][0] == results[1][0]
    for one, other in zip(results[0][1:], results[1][1:]):
        assert np.array_equal(one.ids, other.ids) and np.array_equal(one.masks, other.masks)
