"""Networks from files of the user's, timm, Hugging Face and archives, opened and recorded."""

import os
from collections import OrderedDict

import pytest
import torch
import torchvision
from own_networks import ResNet20
from places import HELPERS

from lib.config.networks import resolve_layers
from lib.models.build.factories import Recipe, build, known_layers
from lib.models.build.loading import open_network
from lib.models.recording.layer_survey import LayerSurvey
from lib.models.recording.recorder import Recorder
from lib.models.weights.checkpoints import read_state_dict
from lib.models.weights.trust import digest_of

FILE = str(HELPERS / "own_networks.py")
LAYERS = ["conv1", "bn1", "layer1", "layer2.0", "layer3.2.conv2", "fc"]


def opened(factory, weights=None, trusted_sha256=(), **recipe):
    settings = {"name": "mine", "normalisation": "untrained", "seed": 0, "recipe": {"factory": factory, **recipe}}
    return open_network(settings, weights=weights, trusted_sha256=list(trusted_sha256), device="cpu").module


def batch(*shape, seed=0):
    return torch.randn(9, 3, *shape, generator=torch.Generator().manual_seed(seed))


def recorded(network, layers, images):
    with Recorder(network, layers) as recorder:
        return recorder(images)


def shapes(network, images):
    with LayerSurvey(network) as survey:
        return survey(images)


@pytest.fixture(scope="module")
def trained():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return ResNet20(7).eval()


@pytest.fixture(scope="module")
def expected(trained):
    return recorded(trained, LAYERS, batch(32, 32))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for layer, maps in found.items():
        torch.testing.assert_close(maps, expected[layer], rtol=1e-5, atol=1e-5)


def test_a_function_in_a_file_with_a_checkpoint_of_parallel_training(trained, expected, tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"state_dict": {f"module.{key}": value for key, value in trained.state_dict().items()}}, path)
    for prefix in ("", "module."):
        network = opened(f"{FILE}:resnet20", str(path), arguments={"n_classes": 7}, key_prefix=prefix)
        assert_same(recorded(network, LAYERS, batch(32, 32)), expected)
    with pytest.raises(ValueError, match=r"fc\.weight \(7, 64\) instead of \(10, 64\)"):
        opened(f"{FILE}:resnet20", str(path))


def test_a_function_in_a_file_draws_its_weights_from_the_seed():
    first, again = (opened(f"{FILE}:resnet20").state_dict() for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_names_of_tensors_are_edited(trained, expected, tmp_path):
    path = tmp_path / "model.pth"
    state = {f"net.{key}".replace("layer", "stage_"): value for key, value in trained.state_dict().items()}
    torch.save(state | {"loss.margin": torch.zeros(1)}, path)
    edits = {"key_prefix": "net.", "renames": [[r"^stage_(\d)", r"layer\1"], [r"^loss\..*", ""]]}
    network = opened(f"{FILE}:resnet20", str(path), arguments={"n_classes": 7}, **edits)
    assert_same(recorded(network, LAYERS, batch(32, 32)), expected)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"key_prefix": "model."}, "'model.' fits no tensor.*conv1.weight"),
        ({"renames": [["lyer", "x"]]}, "'lyer' fits no tensor"),
        ({"renames": [["(", "x"]]}, "no regular expression"),
        ({"renames": [["layer(1)", r"\2"]]}, "no regular expression"),
        ({"renames": [["layer[12]", "x"]]}, "the same name: x"),
        ({"sha256": "0" * 64}, "instead of 0000"),
    ],
)
def test_wrong_edits_are_refused(trained, tmp_path, edits, words):
    path = tmp_path / "model.pth"
    torch.save(trained.state_dict(), path)
    with pytest.raises(ValueError, match=words):
        opened(f"{FILE}:resnet20", str(path), arguments={"n_classes": 7}, **edits)


def test_the_right_digest_passes(trained, tmp_path):
    path = tmp_path / "model.pth"
    torch.save(trained.state_dict(), path)
    opened(f"{FILE}:resnet20", str(path), arguments={"n_classes": 7}, sha256=digest_of(path).upper())


@pytest.mark.parametrize(
    ("factory", "arguments", "words"),
    [
        (f"{FILE}:resnet21", {}, "no function 'resnet21'.*resnet20"),
        (f"{FILE}:nothing", {}, "returned Tensor"),
        (f"{FILE}:ends", {}, "failed: SystemExit"),
        (f"{FILE}:resnet20", {"classes": 3}, "failed: TypeError.*classes"),
        (FILE, {}, "names no function"),
        ("nowhere.py:f", {}, r"nowhere\.py does not exist"),
        ("nowhere.pt", {}, r"nowhere\.pt does not exist"),
        ("timm:vit_tinny_patch16_224", {}, "vit_tiny_patch16_224"),
        ("timm:vit_tiny_patch16_224", {"img_sice": 3}, "could not be built.*img_sice"),
        ("hf:nowhere/nothing", {}, "neither a folder.*hf download nowhere/nothing"),
        ("resnet18", {"widht": 3}, "does not take the arguments"),
        ("resnet18", {"weights": "DEFAULT"}, "does not take the arguments"),
        ("resnet19", {}, "resnet18"),
    ],
)
def test_wrong_factories_are_refused_in_one_message(factory, arguments, words):
    with pytest.raises(ValueError, match=words):
        opened(factory, arguments=arguments)


def test_arguments_reach_torchvision(tmp_path):
    network = opened("mobilenet_v2", arguments={"num_classes": 3, "width_mult": 0.25})
    torch.save(network.state_dict(), tmp_path / "x.pth")
    again = opened("mobilenet_v2", str(tmp_path / "x.pth"), arguments={"width_mult": 0.25})
    assert again.classifier[1].out_features == 3 and torch.equal(
        again.features[0][0].weight, network.features[0][0].weight
    )


def test_a_transformer_of_timm_gives_maps_of_its_patches():
    network = opened("timm:vit_tiny_patch16_224", arguments={"img_size": [48, 32], "num_classes": 3, "depth": 2})
    layers = ["patch_embed.proj", "blocks.0.mlp.fc1", "blocks.1.mlp.act", "blocks.1", "norm", "head"]
    images = batch(48, 32)
    found = recorded(network, layers, images)
    sizes = [(192, 3, 2), (768, 3, 2), (768, 3, 2), (192, 3, 2), (192, 3, 2), (3, 1, 1)]
    assert [tuple(maps.shape[1:]) for maps in found.values()] == sizes
    tokens = {}
    handle = network.blocks[1].register_forward_hook(lambda module, inputs, output: tokens.update(found=output))
    with torch.no_grad():
        network(images)
    handle.remove()
    # the class token stands first and is dropped
    torch.testing.assert_close(found["blocks.1"].flatten(2), tokens["found"][:, 1:].transpose(1, 2))


def test_register_tokens_are_dropped():
    arguments = {"img_size": 28, "num_classes": 0, "depth": 1, "reg_tokens": 4, "patch_size": 14}
    network = opened("timm:vit_tiny_patch16_224", arguments=arguments)
    assert recorded(network, ["blocks.0"], batch(28, 28))["blocks.0"].shape == (9, 192, 2, 2)


def channels_of(network, layers, images):
    return {layer: maps.shape[1:] for layer, maps in recorded(network, layers, images).items()}


def test_channels_are_found_wherever_they_stand():
    """GELU, Dropout and Permute put them last in these networks, convolutions first, blocks either."""
    swin = torchvision.models.SwinTransformer([4, 4], 12, [1, 1], [2, 2], [3, 3], num_classes=3).eval()
    for layer, shape in shapes(swin, torch.zeros(2, 3, 48, 32)).items():
        if layer.startswith("features.1.0.") and "attn" not in layer:
            assert shape == (48 if layer[-5:] in ("mlp.0", "mlp.1", "mlp.2") else 12, 12, 8), layer
    blocks = torchvision.models.convnext.CNBlockConfig
    convnext = torchvision.models.ConvNeXt([blocks(8, 12, 1), blocks(12, None, 1)], num_classes=3).eval()
    found = shapes(convnext, torch.zeros(2, 3, 64, 48))
    first = {layer: shape for layer, shape in found.items() if layer.startswith("features.1")}
    assert len(first) == 11
    for layer, shape in first.items():
        assert shape == (32 if layer[-7:] in ("block.3", "block.4") else 8, 16, 12), layer
    assert found["features.2"] == (12, 8, 6) and found["classifier"] == (3, 1, 1)
    other = opened("timm:convnext_atto", arguments={"depths": [1, 1, 1, 1], "num_classes": 3})
    found = shapes(other, torch.zeros(2, 3, 64, 96))
    assert found["stages.0.blocks.0"] == found["stages.0.blocks.0.norm"] == (40, 16, 24)
    assert found["stages.0.blocks.0.mlp.act"] == found["stages.0.blocks.0.mlp.drop1"] == (160, 16, 24)


def test_a_layer_whose_channels_cannot_be_told_is_refused():
    class Square(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.act = torch.nn.Linear(3, 6), torch.nn.GELU()

        def forward(self, images):
            return self.act(self.mix(images.permute(0, 2, 3, 1)))

    with pytest.raises(ValueError, match=r"layer act outputs \(24, 6, 6, 6\).*units"):
        recorded(Square(), ["act"], batch(6, 6))
    assert recorded(Square(), ["act"], batch(6, 4))["act"].shape == (9, 6, 6, 4)


def test_a_folder_of_hugging_face(tmp_path):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    transformers.ViTConfig(**sizes, image_size=32, patch_size=8, num_labels=3).save_pretrained(tmp_path / "a")
    factory = f"hf:{tmp_path / 'a'}"
    network = opened(factory)
    layer = next(name for name, _ in network.named_modules() if name.endswith("fc1") or "intermediate.dense" in name)
    found = recorded(network, [layer, "classifier"], batch(32, 32))
    assert [tuple(maps.shape[1:]) for maps in found.values()] == [(24, 4, 4), (3, 1, 1)]
    network.classifier.weight.data.fill_(0.25)
    network.save_pretrained(tmp_path / "a")
    assert opened(factory, own_weights=True).classifier.weight.eq(0.25).all()
    assert not opened(factory).classifier.weight.eq(0.25).any()
    (tmp_path / "a/model.safetensors").unlink()
    state = network.state_dict()
    torch.save(
        {key: value for key, value in state.items() if key != "classifier.bias"}, tmp_path / "a/pytorch_model.bin"
    )
    with pytest.raises(ValueError, match=r"lack classifier\.bias"):
        opened(factory, own_weights=True)


class Trap:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_pickles_of_hugging_face_do_not_run(tmp_path):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    transformers.ViTConfig(**sizes, image_size=32, patch_size=8, num_labels=3).save_pretrained(tmp_path / "a")
    torch.save({"x": Trap(str(tmp_path / "trap"))}, tmp_path / "a/pytorch_model.bin")
    with pytest.raises(ValueError, match="could not be built"):
        opened(f"hf:{tmp_path / 'a'}", own_weights=True)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("traced", [False, True])
def test_a_torchscript_archive_is_recorded_like_the_network(trained, expected, tmp_path, traced):
    path = str(tmp_path / "net.pt")
    (torch.jit.trace(trained, batch(32, 32, seed=1)) if traced else torch.jit.script(trained)).save(path)
    trusted = [digest_of(path)]
    network = opened(path, path, own_weights=True, trusted_sha256=trusted)
    assert known_layers(Recipe(path), trusted_sha256=trusted) == [name for name, _ in trained.named_modules() if name]
    assert_same(recorded(network, LAYERS, batch(32, 32)), expected)
    with torch.no_grad():
        torch.testing.assert_close(network(batch(32, 32)), trained(batch(32, 32)))
    assert shapes(network, batch(32, 32))["layer2.0"] == (32, 16, 16)


def test_torchscript_with_in_place_operations_and_branches(tmp_path):
    original = torchvision.models.resnet18(num_classes=3).eval()
    path = str(tmp_path / "net.pt")
    torch.jit.script(original).save(path)
    layers = ["bn1", "relu", "layer1.0.bn1", "layer1.0.relu", "layer1.1", "layer4", "avgpool"]
    network = opened(path, trusted_sha256=[digest_of(path)])
    assert_same(recorded(network, layers, batch(64, 64)), recorded(original, layers, batch(64, 64)))


def test_torchscript_refuses_what_it_cannot_do(trained, tmp_path):
    path = str(tmp_path / "net.pt")
    torch.jit.script(trained).save(path)
    network = opened(path, trusted_sha256=[digest_of(path)])
    handle = network.layer1.register_forward_hook(lambda module, inputs, output: output * 0)
    with pytest.raises(ValueError, match="read but not changed"):
        network(batch(32, 32))
    handle.remove()
    with pytest.raises(ValueError, match="takes no `arguments`"):
        opened(path, arguments={"n": 1})
    torch.jit.freeze(torch.jit.script(trained)).save(path)
    with pytest.raises(ValueError, match="frozen"):
        opened(path, trusted_sha256=[digest_of(path)])
    torch.save({"x": Trap(str(tmp_path / "trap"))}, path)
    with pytest.raises(ValueError, match="not a readable TorchScript archive.*`weights`"):
        opened(path, trusted_sha256=[digest_of(path)])
    assert not (tmp_path / "trap").exists()


class WritesFiles(torch.nn.Module):
    """Makes a file when an archive of it is read, and another one when it runs."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.register_buffer("one", torch.ones(1))

    @torch.jit.export
    def __getstate__(self):
        return self.path, self.one, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, torch.Tensor, bool]):
        self.path = state[0]
        self.one = state[1]
        self.training = state[2]
        torch.save(torch.zeros(1), self.path + ".read")

    def forward(self, images):
        return images + torch.from_file(self.path + ".run", True, 1)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_code_of_a_torchscript_archive_runs_only_if_it_is_trusted(tmp_path):
    network = torch.nn.Sequential(
        OrderedDict(layer1=torch.nn.Conv2d(3, 3, 1), layer2=WritesFiles(str(tmp_path / "trap")))
    )
    path = str(tmp_path / "net.pt")
    torch.jit.script(network).save(path)

    def traps():
        return {trap.suffix for trap in tmp_path.glob("trap.*")}

    def plan(layers, trusted):
        config = {"models": {"mine": {"factory": path, "weights": "own", "layers": layers}}}
        config["checkpoints"] = {"trusted_sha256": trusted}
        resolve_layers(config, tmp_path / "memory.json")
        return config["models"]["mine"]["layers"]

    refused = rf"net\.pt is an archive of TorchScript.*{digest_of(path)}.*`checkpoints\.trusted_sha256`"
    for trusted in ([], ["0" * 64]):
        with pytest.raises(ValueError, match=refused):
            opened(path, path, own_weights=True, trusted_sha256=trusted)
        with pytest.raises(ValueError, match=rf"models\.mine: .*{refused}"):
            plan(["layer*"], trusted)
    assert plan(["layer1", "layer2"], []) == ["layer1", "layer2"] and traps() == set()
    assert plan(["layer*"], [digest_of(path).upper()]) == ["layer1", "layer2"] and traps() == {".read"}, "it is hostile"
    opened(path, trusted_sha256=[digest_of(path)])(batch(8, 8))
    assert traps() == {".read", ".run"}


def test_planning_without_globs_does_not_open_an_archive(tmp_path):
    """Reading a pipe would never end."""
    path = str(tmp_path / "net.pt")
    os.mkfifo(path)
    models = {"mine": {"factory": path, "weights": "own", "layers": ["layer1"]}}
    resolve_layers({"models": models, "checkpoints": {"trusted_sha256": []}}, tmp_path / "memory.json")
    models["mine"]["layers"] = ["layer*"]
    with pytest.raises(ValueError, match=r"net\.pt is .*, but must be a regular file"):
        resolve_layers({"models": models, "checkpoints": {"trusted_sha256": []}}, tmp_path / "memory.json")


def test_an_exported_archive_is_recorded_like_the_network(trained, tmp_path):
    network = torch.nn.Sequential(OrderedDict(conv1=trained.conv1, bn1=trained.bn1, layer1=trained.layer1[:1])).eval()
    path, layers = str(tmp_path / "net.pt2"), ["conv1", "layer1", "layer1.0", "layer1.0.bn2"]
    some = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(network, (batch(8, 8),), dynamic_shapes=some), path)
    with pytest.raises(ValueError, match=rf"{digest_of(path)}.*`checkpoints\.trusted_sha256`"):
        opened(path)
    archive = opened(path, path, own_weights=True, trusted_sha256=[digest_of(path)])
    assert_same(recorded(archive, layers, batch(8, 8)), recorded(network, layers, batch(8, 8)))
    torch.export.save(torch.export.export(network.conv1, (batch(8, 8)[:2],)), path)
    with pytest.raises(ValueError, match="for batches of 2 images.*dynamic_shapes"):
        opened(path, trusted_sha256=[digest_of(path)])


def test_packages_are_missed_by_name(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match="pip install timm"):
        build(Recipe("timm:vit_tiny_patch16_224"), n_classes=None, seed=0, trusted_sha256=[])


def test_weights_that_timm_brings(tmp_path):
    arguments = {"img_size": 32, "num_classes": 3, "depth": 1}
    source = opened("timm:vit_tiny_patch16_224", arguments=arguments)
    source.head.bias.data.fill_(0.5)
    torch.save(source.state_dict(), tmp_path / "x.pth")
    local = {"pretrained_cfg_overlay": {"file": str(tmp_path / "x.pth"), "num_classes": 3}}
    network = opened("timm:vit_tiny_patch16_224", arguments={**arguments, **local}, own_weights=True)
    assert network.head.bias.eq(0.5).all() and read_state_dict(tmp_path / "x.pth", trusted_sha256=[])
