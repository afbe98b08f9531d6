"""The four networks of Clustered Compositional Explanations with its three kinds of weights, old names included.

Tensors have shapes but no values here; that values arrive is tested on smaller networks.
"""

import re
from collections import OrderedDict

import pytest
import torch

from lib.models.build.zoo import build_skeleton
from lib.models.recording.recorder import Recorder
from lib.models.weights.checkpoints import n_classes_of, read_state_dict
from lib.models.weights.renames import rename_keys
from lib.models.weights.trust import digest_of

MAPS = {
    "resnet18": ("layer4", 64, (512, 2, 2)),
    "vgg16": ("features.29", 64, (512, 4, 4)),
    "alexnet": ("features.11", 227, (256, 13, 13)),
    "densenet161": ("features", 64, (2208, 2, 2)),
}
CAFFE = [*("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3"), *("4_1", "4_2", "4_3", "5_1", "5_2", "5_3")]


def caffe_names(state):
    layers = list(dict.fromkeys(key.rpartition(".")[0] for key in state))
    names = dict(zip(layers, [f"conv{block}" for block in CAFFE] + ["fc6", "fc7", "fc8a"], strict=True))
    return {f"{names[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value for key, value in state.items()}


def old_densenet():
    """Return a whole network with the names of its modules as torchvision had them until 2018."""
    network = build_skeleton("densenet161", n_classes=365)
    for path, module in network.named_modules():
        if re.fullmatch(r".*denselayer\d+", path):
            children = module._modules.items()
            module._modules = OrderedDict(
                (re.sub(r"^(norm|relu|conv)(\d)$", r"\1.\2", key), child) for key, child in children
            )
    assert "features.denseblock1.denselayer1.norm.1.weight" in network.state_dict()
    return network


def published(name):
    """Return what was published for Places365."""
    state = build_skeleton(name, n_classes=365).state_dict()
    if name == "densenet161":
        return old_densenet()
    if name == "vgg16":
        return caffe_names(state)
    old = (lambda key: key.replace("features.", "features.module.")) if name == "alexnet" else "module.{}".format
    return {"arch": name, "state_dict": {old(key): value for key, value in state.items()}}


@pytest.mark.parametrize("kind", ["places365", "imagenet"])
@pytest.mark.parametrize("name", MAPS)
def test_published_weights_have_a_place_for_each_tensor(name, kind, tmp_path):
    n_classes = {"places365": 365, "imagenet": 1000}[kind]
    network = build_skeleton(name, n_classes=n_classes)
    path = tmp_path / "x.pth.tar"
    torch.save(published(name) if kind == "places365" else network.state_dict(), path)
    if (name, kind) == ("densenet161", "places365"):
        with pytest.raises(ValueError, match=r"`checkpoints\.trusted_sha256`"):
            read_state_dict(path, trusted_sha256=[])
    state = read_state_dict(path, trusted_sha256=[digest_of(path)])
    assert n_classes_of(state, name) == n_classes
    found = {key: tensor.shape for key, tensor in rename_keys(state, network).items()}
    assert found == {key: tensor.shape for key, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", MAPS)
def test_each_network_puts_out_maps(name):
    layer, side, shape = MAPS[name]
    with Recorder(build_skeleton(name, n_classes=2), [layer]) as recorder:
        assert tuple(recorder(torch.zeros(1, 3, side, side, device="meta"))[layer].shape[1:]) == shape
