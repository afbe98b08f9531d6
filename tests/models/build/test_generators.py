"""The playground's generator and its training; BigGAN by its configuration."""

import importlib.util
import json

import numpy as np
import pytest
import torch

from lib.models.build.factories import Recipe, build
from lib.models.build.loading import Network
from lib.models.device import prepare_device
from lib.models.recording.generating import generate, train_generator

CONFIGURATION = {"output_dim": 16, "z_dim": 8, "class_embed_dim": 8, "channel_width": 8, "num_classes": 5, "n_stats": 2}
CONFIGURATION |= {"layers": [[True, 16, 8], [False, 8, 4], [True, 4, 2], [False, 2, 1]], "attention_layer_position": 1}


def made(factory, **arguments):
    return build(Recipe(factory, arguments), n_classes=None, seed=0, trusted_sha256=[])


def images_of_two_kinds(n):
    """Return images that are dark and red on the left, or bright and blue on the right."""
    images = np.zeros((n, 64, 64, 3), np.uint8)
    images[: n // 2, :, :32, 0], images[n // 2 :, :, 32:, 2] = 90, 230
    return images + np.random.default_rng(0).integers(0, 20, (n, 1, 1, 3), dtype=np.uint8)


def test_training_teaches_the_generator_its_images_and_repeats_itself():
    images, states = images_of_two_kinds(24), []
    for _ in range(2):
        network = made("playground_generator", latent_size=4, width=8)
        before = torch.random.get_rng_state()
        settings = {"epochs": 15, "batch_size": 8, "learning_rate": 0.01, "seed": 3}
        left = train_generator(network, images, **settings, device=prepare_device("cpu"))
        assert torch.equal(torch.random.get_rng_state(), before)
        states.append(network.state_dict())
    assert left < 0.5
    assert all(torch.equal(first, second) for first, second in zip(*(state.values() for state in states)))
    latents = np.random.default_rng(1).standard_normal((64, 4), dtype=np.float32)
    pictures = generate(Network(network, torch.device("cpu"), "untrained"), (latents,)).astype(float)
    assert pictures.mean((1, 2, 3)).std() > 5, "latents make different images"
    assert pictures.shape == (64, 64, 64, 3) and pictures[:, :, :28, 1].mean() < 40


def test_too_few_images_to_train_on():
    with pytest.raises(ValueError, match=r"latent_size=32 needs more than 32 training images.*playground\.n_images"):
        options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "seed": 0, "device": torch.device("cpu")}
        train_generator(made("playground_generator"), images_of_two_kinds(32), **options)


def test_arguments_that_no_generator_takes():
    for arguments in ({"width": 12}, {"size": 3}, {"latent_size": 0}):
        with pytest.raises(ValueError, match="playground_generator with the arguments"):
            made("playground_generator", **arguments)


def test_an_image_does_not_depend_on_its_batch():
    network = Network(made("playground_generator"), torch.device("cpu"), "untrained")
    latents = np.random.default_rng(0).standard_normal((11, 32), dtype=np.float32)
    whole = generate(network, (latents,))
    assert np.array_equal(whole, np.concatenate([generate(network, (latents[i : i + 1],)) for i in range(11)]))


@pytest.mark.skipif(importlib.util.find_spec("pytorch_pretrained_biggan") is None, reason="needs BigGAN's package")
def test_biggan_by_its_configuration(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIGURATION))
    network = Network(made(f"biggan:{path}", truncation=0.4), torch.device("cpu"), "untrained")
    latents, classes = np.random.default_rng(0).standard_normal((2, 8), dtype=np.float32), np.array([0, 4])
    pictures = generate(network, (latents, classes))
    assert pictures.shape == (2, 16, 16, 3) and not np.array_equal(*pictures)
    with pytest.raises(ValueError, match="fails on latents"):
        generate(network, (latents, np.array([0, 5])))


def test_biggan_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json does not exist; config key models\.\*\.factory"):
        made("biggan:none.json")
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="takes the argument truncation, above 0 to 1"):
        made(f"biggan:{path}", truncation=2)
    missing = importlib.util.find_spec("pytorch_pretrained_biggan") is None
    expected = (ModuleNotFoundError, "pip install") if missing else (ValueError, "is no configuration of BigGAN")
    with pytest.raises(expected[0], match=expected[1]):
        made(f"biggan:{path}")
