"""Tests of reading weights: old names, strictness, and files that would run code."""

import hashlib
import os
import pickle
import re

import pytest
import torch
from safetensors.torch import save_file

from lib.models.build.loading import open_network
from lib.models.build.zoo import build_network
from lib.models.weights.checkpoints import load_weights, n_classes_of, read_state_dict, save_state_dict
from lib.models.weights.renames import rename_keys
from lib.runtime.fingerprints import fingerprint_inputs

NOBODY: list[str] = []


def build(name, seed, n_classes=3):
    return build_network(name, n_classes=n_classes, seed=seed)


@pytest.fixture(scope="module")
def resnet():
    return build("resnet18", 0)


@pytest.fixture(scope="module")
def vgg():
    return build("vgg16", 0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pth.tar"


def assert_same(network, other):
    expected = other.state_dict()
    for key, value in network.state_dict().items():
        assert torch.equal(value, expected[key]), key


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def old_densenet_name(key):
    return re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key)


def caffe_name(key, network):
    """Rename as published: conv<block>_<position> and fc6, fc7, fc8a."""
    names, block, position = {"classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8a"}, 1, 1
    for index, layer in enumerate(network.features):
        if isinstance(layer, torch.nn.Conv2d):
            names[f"features.{index}"] = f"conv{block}_{position}"
            position += 1
        elif isinstance(layer, torch.nn.MaxPool2d):
            block, position = block + 1, 1
    layer, _, kind = key.rpartition(".")
    return f"{names[layer]}.{kind}"


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"epoch": 3, "arch": "x", "state_dict": s}, lambda s: {"model": s}]
)
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])
def test_published_forms(resnet, path, wrap, prefix, zipped):
    state = {prefix + key: value for key, value in resnet.state_dict().items()}
    torch.save(wrap(state), path, _use_new_zipfile_serialization=zipped)
    network = build("resnet18", 1)
    load_weights(network, path, trusted_sha256=NOBODY)
    assert_same(network, resnet)


def test_prefix_in_the_middle(path):
    original, network = build("alexnet", 0), build("alexnet", 1)
    torch.save({key.replace("features.", "features.module."): v for key, v in original.state_dict().items()}, path)
    load_weights(network, path, trusted_sha256=NOBODY)
    assert_same(network, original)


def test_checkpoints_older_than_the_batch_counter(resnet, path):
    torch.save({k: v for k, v in resnet.state_dict().items() if "num_batches" not in k}, path)
    network = build("resnet18", 1)
    load_weights(network, path, trusted_sha256=NOBODY)
    assert_same(network, resnet)


def test_old_densenet_names(path):
    original, network = build("densenet121", 0), build("densenet121", 1)
    state = {"module." + old_densenet_name(key): value for key, value in original.state_dict().items()}
    assert "module.features.denseblock1.denselayer1.norm.1.weight" in state
    torch.save({"state_dict": state}, path)
    load_weights(network, path, trusted_sha256=NOBODY)
    assert_same(network, original)


@pytest.mark.parametrize("grouped", [False, True])
def test_caffe_names_of_vgg(vgg, grouped):
    state = {}
    for key, value in vgg.state_dict().items():
        group = key.split(".")[0] + "." if grouped else ""
        state[group + caffe_name(key, vgg)] = value
    assert not grouped or "features.conv5_3.bias" in state
    assert grouped or {"conv1_1.weight", "conv5_3.bias", "fc8a.weight"} <= set(state)
    renamed = rename_keys(state, vgg)
    assert {key: value.data_ptr() for key, value in renamed.items()} == {
        key: value.data_ptr() for key, value in vgg.state_dict().items()
    }
    assert n_classes_of(state, "vgg16") == 3


def test_two_names_for_one_tensor(resnet):
    with pytest.raises(ValueError, match=r"fc\.bias twice"):
        rename_keys({"fc.bias": torch.zeros(3), "module.fc.bias": torch.zeros(3)}, resnet)


@pytest.mark.parametrize("name", ["resnet18", "alexnet", "densenet121", "squeezenet1_0", "googlenet", "vit_b_16"])
def test_number_of_classes(name):
    state = build(name, 0, n_classes=11).state_dict()
    assert n_classes_of({f"module.{key}": value for key, value in state.items()}, name) == 11


def test_number_of_classes_of_another_network(resnet):
    with pytest.raises(ValueError, match="not one of vgg16: it holds no classifier.6"):
        n_classes_of(resnet.state_dict(), "vgg16")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layer1.0.conv1.weight"), "1 missing: layer1.0.conv1.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), "1 surplus: extra"),
        (lambda s: s.update({"fc.bias": torch.zeros(5)}), r"another shape .*fc.bias \(5,\) instead of \(3,\)"),
        (lambda s: s.update({"fc.bias": torch.tensor([0, float("nan"), 0])}), "1 with NaN.*fc.bias"),
        (lambda s: s.update({"bn1.running_var": torch.full((64,), float("inf"))}), "1 with NaN.*bn1.running_var"),
        (
            lambda s: s.update({"fc.bias": torch.tensor([0, 1e300, 0], dtype=torch.float64)}),
            "too large numbers: fc.bias",
        ),
        (
            lambda s: s.update({"fc.bias": torch.zeros(3, dtype=torch.int8)}),
            "another kind: fc.bias int8 instead of float32",
        ),
        (lambda s: s.update({"fc.bias": torch.zeros(3, dtype=torch.bool)}), "fc.bias bool instead of float32"),
        (
            lambda s: s.update({"fc.bias": torch.zeros(3, dtype=torch.complex64)}),
            "fc.bias complex64 instead of float32",
        ),
        (
            lambda s: s.update({"fc.bias": torch.zeros(3).to(torch.float8_e4m3fn)}),
            "fc.bias float8_e4m3fn instead of float32",
        ),
        (
            lambda s: s.update({"bn1.num_batches_tracked": torch.tensor(1.5)}),
            "bn1.num_batches_tracked float32 instead of int64",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(resnet, path, change, message):
    state = dict(resnet.state_dict())
    change(state)
    torch.save(state, path)
    network = build("resnet18", 1)
    with pytest.raises(ValueError, match=message):
        load_weights(network, path, trusted_sha256=NOBODY)
    assert_same(network, build("resnet18", 1))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_other_precision_fit(resnet, path, kind):
    torch.save(
        {key: value.to(kind) if value.is_floating_point() else value for key, value in resnet.state_dict().items()},
        path,
    )
    network = build("resnet18", 1)
    load_weights(network, path, trusted_sha256=NOBODY)
    assert network.fc.weight.dtype == torch.float32
    assert torch.equal(network.fc.weight, resnet.fc.weight.to(kind).float())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensor: tensor.to_sparse(), "bias sparse instead of float32"),
        (lambda tensor: tensor.to("meta"), "bias without values instead of float32"),
        (lambda tensor: torch.quantize_per_tensor(tensor, 1.0, 0, torch.qint8), "bias quantised instead of float32"),
        (lambda tensor: torch.zeros(1).expand(3_000_000_000), r"bias \(3000000000,\) instead of \(3,\)"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_tensors_of_a_trusted_file_do_not_fit(path, change, message):
    """Such a file is read by torch itself."""
    network = torch.nn.Linear(2, 3)
    torch.save({**network.state_dict(), "bias": change(torch.zeros(3))}, path)
    with pytest.raises(ValueError, match=r"checkpoint\.pth\.tar holds a tensor"):
        load_weights(network, path, trusted_sha256=NOBODY)
    with pytest.raises(ValueError, match=rf"checkpoint\.pth\.tar does not fit Linear: .*{message}"):
        load_weights(network, path, trusted_sha256=[sha256(path)])


def test_a_trusted_file_that_cannot_be_read_is_named(path):
    path.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ValueError, match=r"checkpoint\.pth\.tar is trusted, but reading it fails"):
        read_state_dict(path, trusted_sha256=[sha256(path)])


@pytest.mark.parametrize(
    "head",
    [
        {"fc.bias": torch.zeros(3_000_000)},
        {"fc.bias": torch.zeros(3_000_000), "fc.weight": torch.zeros(3_000_000, 0)},
        {"fc.bias": torch.tensor(3)},
        {"fc.bias": torch.zeros(0), "fc.weight": torch.zeros(0, 512)},
    ],
)
def test_a_last_layer_that_is_none_gives_no_classes(resnet, head):
    """A network of three million classes takes 6 GB."""
    with pytest.raises(ValueError, match=r"checkpoint x\.pth is not one of resnet18: the shapes of fc\.(weight|bias)"):
        n_classes_of({**resnet.state_dict(), **head}, "resnet18", path="x.pth")


def test_weights_are_read_from_files_only(tmp_path):
    settings = {"name": "resnet18", "normalisation": "imagenet", "seed": 0}
    settings["recipe"] = {"factory": "resnet18", "sha256": "0" * 64}
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(ValueError, match=f"{path} is .*, but must be a regular file"):
            open_network(settings, weights=str(path), trusted_sha256=["0" * 64], device="cpu")
        with pytest.raises(ValueError, match=f"{path} is .*, but must be a regular file"):
            fingerprint_inputs([], str(path))


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_and_not_run(path, tmp_path, zipped):
    trap = tmp_path / "trap"
    torch.save(
        {"state_dict": {"a": torch.zeros(1), "b": Malicious(str(trap))}}, path, _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(ValueError, match=rf"mkdir.*{sha256(path)}.*`checkpoints\.trusted_sha256`"):
        read_state_dict(path, trusted_sha256=["0" * 64])
    assert not trap.exists()


def test_a_plain_pickle_is_refused_and_not_run(path, tmp_path):
    path.write_bytes(pickle.dumps(Malicious(str(tmp_path / "trap"))))
    with pytest.raises(ValueError):
        read_state_dict(path, trusted_sha256=NOBODY)
    assert not (tmp_path / "trap").exists()


def test_a_whole_module_needs_trust(resnet, path):
    torch.save(resnet, path)
    network = build("resnet18", 1)
    with pytest.raises(ValueError, match="holds more than tensors"):
        load_weights(network, path, trusted_sha256=NOBODY)
    load_weights(network, path, trusted_sha256=[sha256(path).upper()])
    assert_same(network, resnet)


@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2], {}, {"state_dict": {"a": 1.0}}, {0: torch.zeros(1)}])
def test_no_state_dict(path, content):
    torch.save(content, path)
    with pytest.raises(ValueError, match="no state dict|no tensors"):
        read_state_dict(path, trusted_sha256=NOBODY)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 broken"])
def test_damaged_files(tmp_path, suffix, content):
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match="checkpoint .*x"):
        read_state_dict(tmp_path / f"x{suffix}", trusted_sha256=NOBODY)


def test_truncated_file(resnet, path):
    torch.save(resnet.state_dict(), path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ValueError, match="damaged"):
        read_state_dict(path, trusted_sha256=NOBODY)


def test_missing_file(path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_state_dict(path, trusted_sha256=NOBODY)


def test_round_trip_and_same_bytes(resnet, tmp_path):
    first, second = tmp_path / "new" / "a.safetensors", tmp_path / "b.safetensors"
    save_state_dict(resnet, first)
    save_state_dict(build("resnet18", 0), second)
    assert first.read_bytes() == second.read_bytes()
    assert [file.name for file in first.parent.iterdir()] == ["a.safetensors"]
    network = build("resnet18", 1)
    load_weights(network, first, trusted_sha256=NOBODY)
    assert_same(network, resnet)


def test_damage_of_written_weights_is_noticed(resnet, tmp_path):
    path = tmp_path / "net.safetensors"
    save_state_dict(resnet, path)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for place in (*range(20, header, 997), header, header + 1000, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"checkpoint .*net\.safetensors (is|has)"):
            read_state_dict(path, trusted_sha256=NOBODY)


def test_weights_that_others_wrote_have_no_checksum(resnet, tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "net.safetensors", metadata={"format": "pt"})
    assert torch.equal(read_state_dict(tmp_path / "net.safetensors", trusted_sha256=NOBODY)["a"], torch.ones(2))


def test_written_weights_have_the_mode_that_the_user_chose(tmp_path):
    before = os.umask(0o027)
    try:
        save_state_dict(torch.nn.Linear(2, 3), tmp_path / "net.safetensors")
    finally:
        os.umask(before)
    assert (tmp_path / "net.safetensors").stat().st_mode & 0o777 == 0o640


def test_a_link_to_safetensors_is_read_as_such(resnet, tmp_path):
    save_state_dict(resnet, tmp_path / "mine.safetensors")
    (tmp_path / "resnet18.pth").symlink_to(tmp_path / "mine.safetensors")
    assert set(read_state_dict(tmp_path / "resnet18.pth", trusted_sha256=NOBODY)) == set(resnet.state_dict())


def test_safetensors_need_no_suffix(resnet, tmp_path):
    save_state_dict(resnet, tmp_path / "net.safetensors")
    (tmp_path / "net.safetensors").rename(tmp_path / "net")
    assert read_state_dict(tmp_path / "net", trusted_sha256=NOBODY).keys() == resnet.state_dict().keys()


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*TorchScript archive:UserWarning")
def test_a_torchscript_archive_needs_trust(path):
    """OpenAI's CLIPs are such archives, with the sizes of the network beside its weights."""
    original, network = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    original.register_buffer("vocab_size", torch.tensor(7))
    torch.jit.save(torch.jit.script(original), path)
    with pytest.raises(ValueError, match=rf"more than tensors \(TorchScript archive\).*{sha256(path)}"):
        load_weights(network, path, trusted_sha256=NOBODY)
    load_weights(network, path, trusted_sha256=[sha256(path)])
    assert_same(network, original)


def test_tensors_that_share_memory_are_saved(tmp_path):
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    network[1].weight = network[0].weight
    save_state_dict(network, tmp_path / "x.safetensors")
    load_weights(network, tmp_path / "x.safetensors", trusted_sha256=NOBODY)
