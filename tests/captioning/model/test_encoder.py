"""The encoders against golden features, and their independence of grouping."""

import numpy as np
import pytest
import torch
import torchvision
from places import GOLDEN, NO_GOLDEN
from torch import nn

from lib.captioning.checkpoints.published import read_published
from lib.captioning.model.encoder import Encoder, count_distinct, encode_exemplars

needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason=NO_GOLDEN)


class TinyResNet(nn.Module):
    """Module names and channels of a ResNet-18 without its work."""

    def __init__(self):
        super().__init__()
        sizes = (3, 64, 64, 128, 256, 512)
        names = ("conv1", "layer1", "layer2", "layer3", "layer4")
        for name, before, after in zip(names, sizes[:-1], sizes[1:], strict=True):
            self.add_module(name, nn.Conv2d(before, after, 3, stride=2, padding=1))

    def forward(self, x):
        for layer in self.children():
            x = torch.tanh(layer(x))
        return x


@pytest.fixture(scope="module")
def tiny():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Encoder(TinyResNet(), "resnet18", mean=(0.5,) * 3, std=(0.25,) * 3)


@pytest.fixture(scope="module")
def exemplars():
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (23, 3, 40, 40), dtype=np.uint8)
    images = [pool[rng.integers(0, 23, (9, 4))], pool[rng.integers(0, 23, (6, 4))]]
    masks = [rng.integers(0, 2, (len(layer), 4, 1, 40, 40), dtype=np.uint8) for layer in images]
    masks[0][2, 1] = 0
    return images, masks


def golden_exemplars(layer):
    folder = GOLDEN / "exemplars/resnet18/synthetic" / layer
    return np.load(folder / "images.npy"), np.load(folder / "masks.npy")


@needs_golden
def test_resnet18_features_equal_golden():
    network = torchvision.models.resnet18(num_classes=1000)
    payload = read_published(str(GOLDEN / "weights/milan-synthetic.pth"))
    network.load_state_dict(payload.encoder.weights)
    encoder = Encoder(network, "resnet18")
    images, masks = zip(*map(golden_exemplars, ("layer3", "layer4")), strict=True)
    features = np.concatenate(encode_exemplars(encoder, images, masks, threads=2))
    assert np.abs(features - np.load(GOLDEN / "golden/features.npy")).max() < 2e-5
    pictures = torch.from_numpy(images[0][:4].reshape(-1, 3, 224, 224)).float() / 255
    unmasked = encoder(pictures).numpy().reshape(4, 5, -1)
    assert np.abs(unmasked - np.load(GOLDEN / "golden/features_unmasked_first4.npy")).max() < 2e-5
    zero = encoder(pictures[:5], torch.zeros(5, 1, 224, 224)).numpy()
    assert np.abs(zero - np.load(GOLDEN / "golden/features_zero_mask_first1.npy")).max() == 0
    plain = Encoder(network, "resnet18", mean=(0, 0, 0), std=(1, 1, 1))
    covers = torch.from_numpy(masks[0][0]).float()
    expected = np.load(GOLDEN / "golden/features_not_normalized_first1.npy")
    assert np.abs(plain(pictures[:5], covers).numpy() - expected).max() < 2e-5


@needs_golden
@pytest.mark.parametrize(
    ("config", "kind"),
    [("alexnet", "pyramid"), ("resnet18", "pyramid"), ("resnet50", "pyramid"), ("resnet18", "spatial")],
)
def test_other_encoders_equal_golden(config, kind):
    expected = np.load(GOLDEN / f"golden/features_seed7_{kind}_{config}.npy")
    with torch.random.fork_rng():
        torch.manual_seed(7)
        encoder = Encoder(torchvision.models.get_model(config, weights=None), config, kind=kind)
    images, masks = golden_exemplars("layer4")
    n, k = expected.shape[:2]
    (features,) = encode_exemplars(encoder, [images[:n, :k]], [masks[:n, :k]])
    bound = 2e-5 * max(1.0, np.abs(expected).max() / 10)  # float32 resolves larger values more coarsely
    assert np.abs(features.reshape(expected.shape) - expected).max() < bound


def test_company_of_a_unit_changes_no_bit(tiny, exemplars):
    images, masks = exemplars
    whole = encode_exemplars(tiny, images, masks, threads=1)
    for number, (pictures, covers) in enumerate(zip(images, masks, strict=True)):
        for unit in range(len(pictures)):
            (alone,) = encode_exemplars(tiny, [pictures[unit : unit + 1]], [covers[unit : unit + 1]])
            assert np.array_equal(alone[0], whole[number][unit])
    assert all(map(np.array_equal, whole, encode_exemplars(tiny, images, masks, threads=3)))


def test_shared_pictures_equal_direct_encoding(tiny, exemplars):
    images, masks = exemplars
    shared = encode_exemplars(tiny, images, masks)
    assert count_distinct(images) <= 23
    for pictures, covers, features in zip(images, masks, shared, strict=True):
        pictures, covers = (torch.from_numpy(array).flatten(0, 1).float() for array in (pictures, covers))
        direct = tiny(pictures / 255, covers)
        assert np.allclose(direct.numpy().reshape(features.shape), features, atol=1e-5)


def test_vanishing_mask_leaves_zeros(tiny, exemplars):
    images, masks = exemplars
    features = encode_exemplars(tiny, images, masks)[0]
    assert not features[2, 1].any() and features[2, 0].any()


def test_hooks_are_gone_after_an_exception(tiny):
    with pytest.raises(RuntimeError):
        tiny.maps(torch.zeros(1, 5, 8, 8))
    assert not any(module._forward_hooks for module in tiny.modules())


def test_rectified_layers_are_seen_after_relu():
    """D26: the published features of AlexNet are what its in-place ReLUs leave, and the encoder keeps to them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = Encoder(torchvision.models.alexnet(weights=None), "alexnet")
    assert all(level.min() == 0 for level in encoder.maps(torch.rand(1, 3, 64, 64)))


def test_unknown_encoder_and_unequal_shapes_are_refused(tiny, exemplars):
    with pytest.raises(ValueError, match="milan.training.encoder"):
        Encoder(nn.Identity(), "resnet34")
    with pytest.raises(ValueError, match="not of the same exemplars"):
        encode_exemplars(tiny, exemplars[0], exemplars[1][::-1])
