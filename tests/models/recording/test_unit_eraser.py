"""Erasing units equals running the network by hand with these units set to 0, whatever is shared between passes."""

import pytest
import torch
from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer, alexnet, densenet121

from lib.models.build.zoo import build_network
from lib.models.device import prepare_device
from lib.models.recording.unit_eraser import UnitEraser

N_CLASSES = 30


@pytest.fixture(scope="module", autouse=True)
def cpu():
    prepare_device("cpu")


@pytest.fixture(scope="module")
def resnet():
    """Return a network whose predictions differ between images."""
    network = build_network("resnet18", n_classes=N_CLASSES, seed=1).eval()
    with torch.no_grad():
        network.fc.bias -= network(pictures()).mean(0)
    return network


def pictures(n=13, size=48):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def by_hand(network, images, sets, *, axis=1):
    """Return the predictions with hooks that multiply the outputs by 0, one whole pass per set."""
    n_sets = len(next(iter(sets.values())))
    found = []
    for number in range(-1, n_sets):
        handles = []
        for layer, erased in sets.items() if number >= 0 else ():
            kept = (~erased[number]).float()
            kept = kept[:, None, None] if axis == 1 else kept
            module = network.get_submodule(layer)
            handles.append(module.register_forward_hook(lambda m, i, output, kept=kept: output.clone() * kept))
        with torch.no_grad():
            found.append(network(images).argmax(1))
        for handle in handles:
            handle.remove()
    return torch.stack(found)


def some_sets(n_units, n_sets=5, seed=0, share=0.5):
    return torch.rand(n_sets, n_units, generator=torch.Generator().manual_seed(seed)) < share


UNITS = {"layer1": 64, "layer2": 128, "layer3": 256, "layer4": 512}


@pytest.mark.parametrize(
    ("layers", "n_calls"),
    [
        (["layer1"], 5),
        (["layer3"], 7),
        (["layer4"], 8),
        (["layer4", "layer2"], 6),
        (["layer3.0.conv2"], 6 + 4),
        (["layer3.1.relu"], None),  # used twice
        (["conv1", "layer4"], 1),
        (["layer1.1.bn1"], 7),
    ],
)
def test_equals_a_direct_recomputation(resnet, layers, n_calls):
    n_units = {"conv1": 64, "layer1.1.bn1": 64, "layer3.0.conv2": 256, "layer3.1.relu": 256} | UNITS
    sets = {layer: some_sets(n_units[layer], seed=k) for k, layer in enumerate(layers)}
    with UnitEraser(resnet, layers) as eraser:
        found = eraser(pictures(), sets)
        if n_calls is not None:
            assert eraser._prefix.n_calls == n_calls
    if layers == ["layer3.1.relu"]:
        sets = {"layer3": sets["layer3.1.relu"]}  # its last use is the output of the layer
    assert torch.equal(found, by_hand(resnet, pictures(), sets))
    assert (found[1:] != found[0]).any(), "nothing would have been seen"
    assert not any("forward" in vars(module) for module in resnet.modules()), "the network is as it was"


def test_modules_in_place_and_outputs_that_are_read_later():
    network = alexnet(num_classes=N_CLASSES).eval()
    for layer, n_units in (("features.0", 64), ("features.1", 64), ("features.8", 256), ("classifier.1", 4096)):
        sets = {layer: some_sets(n_units)}
        with UnitEraser(network, [layer]) as eraser:
            found = eraser(pictures(5, 96), sets)
            assert eraser._prefix.n_calls
        assert torch.equal(found, by_hand(network, pictures(5, 96), sets, axis=1 if layer[0] == "f" else -1)), layer
    network = densenet121(num_classes=N_CLASSES).eval()
    sets = {"features.denseblock3.denselayer4.conv1": some_sets(128, 2)}
    with UnitEraser(network, list(sets)) as eraser:
        found = eraser(pictures(3, 64), sets)
    assert torch.equal(found, by_hand(network, pictures(3, 64), sets))


def test_units_of_transformers():
    torch.manual_seed(0)
    swin = SwinTransformer([4, 4], 16, [2, 2], [2, 2], [2, 2], num_classes=N_CLASSES).eval()
    vit = VisionTransformer(32, 8, 2, 2, 24, 48, num_classes=N_CLASSES).eval()
    sets = {"features.1.1": some_sets(16), "features.3": some_sets(32, seed=1)}
    with UnitEraser(swin, list(sets)) as eraser:
        assert torch.equal(eraser(pictures(4, 32), sets), by_hand(swin, pictures(4, 32), sets, axis=-1))
    layer = "encoder.layers.encoder_layer_0.mlp.1"
    sets = {layer: some_sets(48)}
    with UnitEraser(vit, [layer]) as eraser:
        found = eraser(pictures(4, 32), sets)

    def but_the_class_token(output, kept):
        output = output.clone()
        output[:, 1:] *= kept
        return output

    for number, erased in enumerate(sets[layer]):
        kept = (~erased).float()
        handle = vit.get_submodule(layer).register_forward_hook(
            lambda m, i, output, kept=kept: but_the_class_token(output, kept)
        )
        with torch.no_grad():
            assert torch.equal(found[1 + number], vit(pictures(4, 32)).argmax(1))
        handle.remove()


class Reordering(nn.Module):
    """Handles tokens first and images second, so that images cannot be chosen by the first axis."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.cut, self.mix, self.head = nn.Conv2d(3, 6, 8, 8), nn.Linear(6, 6), nn.Linear(6, N_CLASSES)
        self.swap = nn.Identity()
        self.maps = nn.Identity()

    def forward(self, images):
        cut = self.cut(images).flatten(2).permute(2, 0, 1)
        mixed = self.swap(self.mix(cut)).permute(1, 2, 0)
        return self.head(self.maps(mixed[..., None]).amax((2, 3)))


def test_networks_that_cannot_share_a_prefix_run_whole():
    network, sets = Reordering().eval(), {"maps": some_sets(6)}
    with UnitEraser(network, ["maps"]) as eraser:
        found = eraser(pictures(7, 16), sets)
        assert eraser._prefix.n_calls == 0
    assert torch.equal(found, by_hand(network, pictures(7, 16), sets))
    assert (found[1:] != found[0]).any()


def test_blocks_and_batches_change_nothing(resnet):
    sets = {"layer2": some_sets(128), "layer4": some_sets(512, seed=2)}
    images = pictures(30)
    with UnitEraser(resnet, list(sets)) as eraser:
        whole = eraser(images, sets)
        parts = torch.cat([eraser(images[:24], sets), eraser(images[24:], sets)], dim=1)
        alone = torch.cat([eraser(images, {k: s[i : i + 1] for k, s in sets.items()})[1:] for i in range(5)])
    assert torch.equal(whole, parts) and torch.equal(whole[1:], alone)
    with UnitEraser(resnet, ["layer4"]) as eraser:
        nothing = eraser(images, {"layer4": torch.zeros(2, 512, dtype=torch.bool)})
    assert (nothing == nothing[0]).all()


def test_wrong_uses_are_refused(resnet):
    with UnitEraser(resnet, ["layer4"]) as eraser, pytest.raises(ValueError, match="512 units, not 3"):
        eraser(pictures(2), {"layer4": torch.zeros(1, 3, dtype=torch.bool)})
    body = nn.Sequential(resnet.conv1, resnet.bn1).eval()
    with UnitEraser(body, ["0"]) as eraser, pytest.raises(ValueError, match="one value per image and class"):
        eraser(pictures(2), {"0": torch.zeros(1, 64, dtype=torch.bool)})


def test_an_eraser_that_cannot_start_leaves_the_network_as_it_was(monkeypatch):
    network = alexnet(num_classes=N_CLASSES).train()
    register, left = nn.Module.register_forward_hook, [3]

    def fail_at_the_fourth(module, hook):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("no hook")
        return register(module, hook)

    monkeypatch.setattr(nn.Module, "register_forward_hook", fail_at_the_fourth)
    with pytest.raises(RuntimeError, match="no hook"), UnitEraser(network, ["features.0"]):
        pass
    assert network.training and not any(module._forward_hooks for module in network.modules())
