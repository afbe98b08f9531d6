"""Erasing ranges equals running the network by hand with edited activations, for any kind of layer."""

import pytest
import torch
from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer

from lib.models.build.zoo import build_network
from lib.models.device import prepare_device
from lib.models.recording.ablation import RangeEraser
from lib.models.recording.recorder import Recorder

INF = float("inf")


@pytest.fixture(scope="module")
def resnet():
    prepare_device("cpu")
    return build_network("resnet18", n_classes=30, seed=1).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(13, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def head_of(resnet, layer):
    """Return the part of a ResNet after a layer."""
    stages = [resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4]
    return nn.Sequential(*stages[int(layer[-1]) :], resnet.avgpool, nn.Flatten(), resnet.fc)


def quantile_bounds(maps, low, high):
    """Return a range of each unit between two quantiles of its activations, of shape (1, n_units)."""
    flat = maps.transpose(0, 1).flatten(1)
    return flat.quantile(low, dim=1)[None], flat.quantile(high, dim=1)[None]


@pytest.mark.parametrize("layer", ["layer2", "layer4"])
def test_equals_a_direct_recomputation(resnet, images, layer):
    with Recorder(resnet, [layer]) as recorder:
        maps = recorder(images)[layer]
    ranges = [quantile_bounds(maps, *ends) for ends in ((0.0, 0.5), (0.3, 0.9), (0.9, 1.0))]
    lower, upper = (torch.cat(ends) for ends in zip(*ranges))
    with RangeEraser(resnet, layer) as eraser:
        found = eraser(images, lower=lower, upper=upper)
    with torch.no_grad():
        expected = [resnet(images).argmax(1)]
        for low, high in zip(lower, upper):
            inside = (maps > low[:, None, None]) & (maps < high[:, None, None])
            expected.append(head_of(resnet, layer)(torch.where(inside, 0.0, maps)).argmax(1))
    assert torch.equal(found, torch.stack(expected))
    assert (found[1:] != found[0]).any(), "nothing would have been seen"


def test_the_range_of_all_numbers_zeroes_the_unit(resnet, images):
    """Units one by one, beside the same network with a hook of its own."""
    n_units = 512
    lower, upper = torch.full((n_units, n_units), INF), torch.full((n_units, n_units), -INF)
    lower.fill_diagonal_(-INF)
    upper.fill_diagonal_(INF)
    chosen = torch.arange(0, n_units, 64)
    with RangeEraser(resnet, "layer4") as eraser:
        found = eraser(images, lower=lower[chosen], upper=upper[chosen])
        everything = eraser(images, lower=torch.full((1, n_units), -INF), upper=torch.full((1, n_units), INF))
    for unit, predictions in zip(chosen, found[1:]):
        handle = resnet.layer4.register_forward_hook(
            lambda module, inputs, output, unit=unit: output.index_fill(1, unit[None], 0.0)
        )
        with torch.no_grad():
            assert torch.equal(predictions, resnet(images).argmax(1))
        handle.remove()
    assert (everything[1] == resnet.fc.bias.argmax()).all(), "of an empty layer only the bias is left"
    assert (everything[0] == found[0]).all()


def test_empty_ranges_erase_nothing(resnet, images):
    with Recorder(resnet, ["layer4"]) as recorder:
        most = recorder(images)["layer4"].amax((0, 2, 3))
    nothing = torch.full_like(most, INF), torch.full_like(most, torch.nan), most
    with RangeEraser(resnet, "layer4") as eraser:
        found = eraser(images, lower=torch.stack(nothing), upper=torch.stack([-nothing[0], nothing[1], most]))
    assert found.shape == (4, 13) and (found == found[0]).all()


def vision_transformer():
    network = VisionTransformer(
        image_size=48, patch_size=16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=20
    )
    nn.init.normal_(network.heads.head.weight, generator=torch.Generator().manual_seed(0))
    return network, "encoder.layers.encoder_layer_0.mlp.0"


def swin():
    network = SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=20)
    return network, "features.1"


@pytest.mark.parametrize("build", [vision_transformer, swin])
def test_other_layouts_are_edited_where_they_were_recorded(build, images):
    torch.manual_seed(3)
    network, layer = build()
    network.eval()
    with Recorder(network, [layer]) as recorder:
        maps = recorder(images)[layer]
    lower, upper = quantile_bounds(maps, 0.3, 1.0)
    seen = {}
    with RangeEraser(network, layer) as eraser:
        reader = dict(network.named_modules())[layer].register_forward_hook(
            lambda module, inputs, output: seen.update(edited=output[: len(images)].clone())
        )
        eraser(images, lower=lower, upper=upper)
        reader.remove()
    expected = maps.masked_fill((maps > lower[0, :, None, None]) & (maps < upper[0, :, None, None]), 0)
    if build is swin:
        assert torch.equal(seen["edited"].permute(0, 3, 1, 2), expected)
    else:
        tokens = seen["edited"]
        assert torch.equal(tokens[:, 1:].transpose(1, 2).unflatten(2, (3, 3)), expected)
        assert (tokens[:, 0] != 0).any(), "the class token stays"


def test_a_module_used_twice_is_edited_where_it_was_recorded():
    relu = nn.ReLU()
    network = nn.Sequential(nn.Linear(4, 6), relu, nn.Linear(6, 6), relu).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=generator)
    inputs = torch.randn(9, 4, generator=generator)
    lower, upper = torch.full((1, 6), 0.5), torch.full((1, 6), INF)
    with RangeEraser(network, "1") as eraser:
        found = eraser(inputs, lower=lower, upper=upper)
    with torch.no_grad():
        last = network(inputs)
    assert torch.equal(found[1], torch.where(last > 0.5, 0.0, last).argmax(1))


class _Several(nn.Module):
    def __init__(self, pack):
        super().__init__()
        self.pack = pack

    def forward(self, x):
        return self.pack(x)


@pytest.mark.parametrize("pack", [lambda x: (x, 1), lambda x: [None, x], lambda x: {"out": x}, lambda x: x])
def test_the_first_of_several_outputs_is_edited(pack):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.several = _Several(pack)

        def forward(self, x):
            output = self.several(x)
            values = list(output.values()) if isinstance(output, dict) else output
            edited = values if isinstance(values, torch.Tensor) else next(v for v in values if torch.is_tensor(v))
            assert type(output) is type(pack(x))
            return torch.cat([edited, x - 0.5], 1)  # the input itself must not change

    inputs = torch.rand(9, 5, generator=torch.Generator().manual_seed(0))
    with RangeEraser(Network().eval(), "several") as eraser:
        found = eraser(inputs, lower=torch.full((1, 5), -INF), upper=torch.full((1, 5), INF))
    assert torch.equal(found[0], inputs.argmax(1))
    assert torch.equal(found[1], torch.cat([torch.zeros_like(inputs), inputs - 0.5], 1).argmax(1))


def test_a_network_without_classes_is_refused_and_left_as_it_was(images):
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    with RangeEraser(network, "0") as eraser, pytest.raises(ValueError, match="use a network with its classifier"):
        eraser(images, lower=torch.zeros(1, 4), upper=torch.ones(1, 4))
    assert not network[0]._forward_hooks and network.training
