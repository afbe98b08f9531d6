"""Batch norms folded into convolutions: the same activations but for rounding, whatever is recorded, and no trace behind."""

import pytest
import torch
from torch import nn

from lib.models.build.zoo import build_network
from lib.models.device import prepare_device
from lib.models.recording.folding import find_pairs
from lib.models.recording.recorder import Recorder

LAYERS = ["conv1", "bn1", "layer1.0.conv2", "layer2.0.downsample.0", "layer2.0.downsample.1", "layer4", "fc"]


@pytest.fixture(scope="module")
def resnet():
    prepare_device("cpu")
    network = build_network("resnet18", n_classes=4, seed=1).eval().to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.uniform_(0.5, 1.5, generator=generator)
    return network


@pytest.fixture(scope="module")
def images():
    return torch.randn(5, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def outputs_of(network, images):
    """Return what plain hooks see."""
    found = {}
    for name in LAYERS:
        keep = lambda *call, name=name: found.__setitem__(name, call[2].detach().clone())  # noqa: E731
        network.get_submodule(name).register_forward_hook(keep)
    with torch.inference_mode():
        network(images)
    for module in network.modules():
        module._forward_hooks.clear()
    return found


def test_activations_differ_in_last_digits_alone(resnet, images):
    expected = outputs_of(resnet, images)
    with Recorder(resnet, LAYERS, fold_batch_norms=True) as recorder:
        found = recorder(images)
    for layer in LAYERS:
        own = expected[layer].view(found[layer].shape)
        torch.testing.assert_close(found[layer], own, rtol=1e-4, atol=1e-4 * own.std().item())
    assert not torch.equal(found["layer4"], expected["layer4"]), "nothing is folded"


def test_no_activation_depends_on_what_else_is_recorded(resnet, images):
    with Recorder(resnet, LAYERS, fold_batch_norms=True) as recorder:
        together = recorder(images)
    for layer in LAYERS:
        with Recorder(resnet, [layer], fold_batch_norms=True) as recorder:
            assert torch.equal(recorder(images)[layer], together[layer]), layer


def test_the_network_is_as_before(resnet, images):
    before, state = outputs_of(resnet, images), {name: tensor.clone() for name, tensor in resnet.state_dict().items()}
    with pytest.raises(RuntimeError, match="stop"), Recorder(resnet, LAYERS, fold_batch_norms=True):
        raise RuntimeError("stop")
    after = outputs_of(resnet, images)
    assert all(torch.equal(before[layer], after[layer]) for layer in LAYERS)
    assert list(state) == list(resnet.state_dict()) and resnet.conv1.bias is None
    assert all(torch.equal(tensor, state[name]) for name, tensor in resnet.state_dict().items())


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.two, self.other = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, images):
        first = self.one(images)
        return self.other(self.two(self.norm(first))) + first


class Branching(Small):
    def forward(self, images):
        return super().forward(images) if images.sum() > 0 else images


def test_only_convolutions_that_nothing_else_reads_are_folded(resnet):
    small = Small().eval()
    assert find_pairs(small) == {small.two: small.other}
    assert find_pairs(Branching().eval()) == {}
    assert len(find_pairs(resnet)) == 20
    small.register_forward_hook(lambda *_: None)
    assert find_pairs(small) == {}


def test_a_network_without_batch_norms_to_fold_is_refused():
    network = Branching().train()
    refused = pytest.raises(ValueError, match="no batch norm of Branching can be folded.*models.*fold_batch_norms")
    with refused, Recorder(network, ["one"], fold_batch_norms=True):
        pass
    assert network.training and network.norm.training


class Stem(nn.Module):
    """The convolution is the last of a container that the batch norm is not in, as in timm's resnet18d."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1)), nn.BatchNorm2d(4)
        self.last, self.final = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.kept = None

    def forward(self, images):
        if self.kept is None:
            self.kept = images.new_zeros(1)
        return self.final(self.last(self.norm(self.stem(images)))) + self.kept


def test_the_output_of_a_container_is_not_that_of_the_batch_norm_behind_it(images):
    stem = Stem().eval()
    stem.norm.running_mean.fill_(3)
    assert find_pairs(stem) == {stem.last: stem.final}
    assert stem.kept is None, "tracing leaves nothing in the network"
    with Recorder(stem, ["stem", "final"]) as recorder:
        expected = recorder(images)
    with Recorder(stem, ["stem", "final"], fold_batch_norms=True) as recorder:
        found = recorder(images)
    assert torch.equal(found["stem"], expected["stem"])
    torch.testing.assert_close(found["final"], expected["final"])


class ByKeyword(Small):
    def forward(self, images):
        return self.norm(self.one(input=images))


def test_a_convolution_called_by_keyword_is_not_folded():
    assert find_pairs(ByKeyword().eval()) == {}
