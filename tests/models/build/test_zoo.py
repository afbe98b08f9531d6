"""Tests of the networks by name."""

import pytest
import torch

from lib.models.build.zoo import NORMALISATION, build_network, build_skeleton, layer_names


def test_the_seed_decides_the_weights():
    first, again, other = (build_network("resnet18", n_classes=5, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_global_random_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    build_network("squeezenet1_0", n_classes=None, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", ["resnet18", "alexnet", "squeezenet1_0", "mobilenet_v2", "shufflenet_v2_x1_0"])
def test_networks_give_one_number_per_class(name):
    network = build_network(name, n_classes=7, seed=0)
    assert not network.training
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


@pytest.mark.parametrize(
    "name", ["densenet161", "vgg16", "vit_b_16", "convnext_tiny", "swin_t", "googlenet", "regnet_y_128gf"]
)
def test_layers_are_known_without_weights(name):
    layers = layer_names(name)
    assert len(layers) > 20 and "" not in layers
    assert all(weights.is_meta for weights in build_skeleton(name, n_classes=2).parameters())


def test_layer_names_are_those_of_the_network():
    network = build_network("resnet18", n_classes=None, seed=0)
    assert layer_names("resnet18") == [name for name, _ in network.named_modules()][1:]


@pytest.mark.parametrize("call", [layer_names, lambda name: build_network(name, n_classes=2, seed=0)])
@pytest.mark.parametrize("name", ["resnet_18", "fasterrcnn_resnet50_fpn", "", "ResNet18"])
def test_unknown_networks_get_the_nearest(call, name):
    with pytest.raises(ValueError, match=f"no network '{name}'.*nearest names are .*,"):
        call(name)


def test_wrong_number_of_classes():
    with pytest.raises(ValueError, match="n_classes=0"):
        build_network("resnet18", n_classes=0, seed=0)


def test_normalisation_has_three_channels():
    assert set(NORMALISATION) == {"imagenet", "untrained", "none"}
    assert all(len(mean) == len(std) == 3 and min(std) > 0 for mean, std in NORMALISATION.values())
