"""Files of torch.save, as torch itself and its old versions write them, read as torch reads them."""

import contextlib
import copyreg
import gc
import io
import pickle
import sys
import zipfile
from collections import Counter, OrderedDict

import pytest
import torch
from hostile_files import MAGIC, PROTOCOL, STOP, archive, call, number, state, storage, tensor, text

from lib.models.weights.plain_pickles import MOST_OPERATIONS
from lib.models.weights.refusals import HoldsCode, Unreadable
from lib.models.weights.tensor_files import read_tensor_file


def same(own, other):
    """Compare what two readers made of a file, mappings of all kinds being alike."""
    if isinstance(other, torch.Tensor):
        return own.dtype == other.dtype and own.stride() == other.stride() and torch.equal(own, other)
    if isinstance(other, dict):
        return list(own) == list(other) and all(same(own[key], other[key]) for key in other)
    if isinstance(other, list | tuple) and not isinstance(other, torch.Size):
        return type(own) is type(other) and len(own) == len(other) and all(map(same, own, other))
    return own == other


def trained():
    """Return what a training script keeps."""
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 2, 1))
    network[2].weight.requires_grad_(False)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    return {
        "epoch": 3,
        "arch": "net",
        "best_acc1": 71.25,
        "state_dict": network.to(memory_format=torch.channels_last).state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "parameter": torch.nn.Parameter(torch.randn(2)),
    }


SHARED = torch.arange(12.0).view(3, 4)
CONTENTS = {
    "training": trained(),
    "tied": {"a": SHARED, "b": SHARED, "part": SHARED[1:, :2], "turned": SHARED.t(), "row": SHARED[2]},
    "types": {
        str(kind): torch.ones(2, 3).to(kind) for kind in (torch.float16, torch.bfloat16, torch.float64, torch.bool)
    }
    | {
        str(kind): torch.ones(3, dtype=kind)
        for kind in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)
    }
    | {str(kind): torch.ones(3, dtype=kind) * 1j for kind in (torch.complex64, torch.complex128)},
    "shapes": {
        "number": torch.tensor(3.0),
        "nothing": torch.zeros(0),
        "none of 4": torch.zeros(0, 4),
        "1": torch.ones(1, 1),
    },
    "plain": [1, -1, 2**40, 1.5, "text", None, True, (1, (2, 3)), {1: 2, None: 3, 2.5: [{}]}, {"a", "b"}, 1 + 2j, ""],
    "mappings": OrderedDict(counter=Counter("aab"), ordered=OrderedDict(a=1)),
    "size": torch.Size([1, 2]),
    "type": {"dtype": torch.float16},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", CONTENTS)
def test_what_torch_writes_is_read_as_torch_reads_it(tmp_path, name, zipped):
    path = tmp_path / "x.pth"
    torch.save(CONTENTS[name], path, _use_new_zipfile_serialization=zipped)
    assert same(read_tensor_file(path), torch.load(path, weights_only=True))


def test_types_without_a_storage_of_their_own(tmp_path):
    content = {"u16": torch.arange(5).to(torch.uint16), "u64": torch.ones(3, dtype=torch.uint64)}
    content["f8"] = torch.ones(4).to(torch.float8_e4m3fn)
    torch.save(content, tmp_path / "x.pth")
    read = read_tensor_file(tmp_path / "x.pth")
    assert {name: value.dtype for name, value in read.items()} == {name: value.dtype for name, value in content.items()}
    assert all(torch.equal(read[name].view(torch.uint8), content[name].view(torch.uint8)) for name in content)


def test_tensors_with_attributes_lose_them(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.weight_decay = 0.5
    torch.save({"a": parameter}, tmp_path / "x.pth")
    assert torch.equal(read_tensor_file(tmp_path / "x.pth")["a"], torch.ones(2))


def test_bytes_and_long_texts_are_left_out(tmp_path):
    torch.save(
        {"a": b"bytes", "b": bytearray(b"x"), "long": "x" * 70_000, "device": torch.device("cpu")}, tmp_path / "x"
    )
    assert read_tensor_file(tmp_path / "x") == {"a": None, "b": None, "long": None, "device": None}


def test_texts_of_python_2_are_read(tmp_path):
    r"""There, a text is bytes: UTF-8 mostly, and if it is not, Latin-1."""
    short = b"U\x02\xc3\xa9" + b"U\x01\xe9" + b"U\x06weight"
    path = archive(tmp_path / "x", b"(" + short + b"T\x02\x00\x00\x00ab" + b"t")
    assert read_tensor_file(path) == ("\N{LATIN SMALL LETTER E WITH ACUTE}",) * 2 + ("weight", "ab")


def test_ordered_mappings_of_python_2_are_read(tmp_path):
    pairs = b"](](" + text("a") + number(1) + b"e" + b"](" + text("b") + number(2) + b"ee"
    assert read_tensor_file(archive(tmp_path / "x", call("collections.OrderedDict", pairs))) == {"a": 1, "b": 2}


@pytest.mark.parametrize("place", ["torch", "torch.cuda"])
def test_tensors_of_the_first_versions_of_torch_are_read(tmp_path, place):
    """They were made empty and got their state afterwards, on the GPU where they were trained."""
    kind = f"c{place}\nFloat".encode()
    memory = b"(" + text("storage") + kind + b"Storage\n" + text("7") + text("cuda:0") + number(6) + b"NtQ"
    made = kind + b"Tensor\n)\x81q\x05(" + memory + number(0) + b"(K\x02K\x03t(K\x03K\x01ttb"
    path, values = tmp_path / "x.pth.tar", torch.arange(6.0)
    content = PROTOCOL + state(("a", made), ("again", b"h\x05")) + STOP + pickle.dumps(["7"], protocol=2)
    path.write_bytes(MAGIC + content + number(6)[2:10] + values.numpy().tobytes())
    read = read_tensor_file(path)
    assert torch.equal(read["a"], values.view(2, 3)) and read["again"] is read["a"]
    if place == "torch":  # the other one torch reads only beside a GPU
        assert same(read, torch.load(path, weights_only=True, map_location="cpu"))


def test_parts_of_a_memory_in_a_stream_are_read(tmp_path):
    view = b"(" + text("8") + number(2) + number(3) + b"t"
    memory = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("7") + text("cpu") + number(6) + view + b"tQ"
    path = tmp_path / "x"
    content = PROTOCOL + state(("a", tensor(memory, size=[2], stride=[2]))) + STOP + pickle.dumps(["7"], protocol=2)
    path.write_bytes(MAGIC + content + number(6)[2:10] + torch.arange(6.0).numpy().tobytes())
    assert read_tensor_file(path)["a"].tolist() == [2, 4]
    assert same(read_tensor_file(path), torch.load(path, weights_only=True))


@pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are turned here")
def test_archives_of_machines_with_the_other_order_of_bytes(tmp_path):
    turned = torch.arange(4.0).numpy().byteswap().tobytes()
    weight = tensor(storage("0", 4), size=[4], stride=[1])
    path = archive(tmp_path / "x", state(("a", weight)), entries=[("data/0", turned, 1), ("byteorder", b"big", 1)])
    assert read_tensor_file(path)["a"].tolist() == [0, 1, 2, 3]
    assert same(read_tensor_file(path), torch.load(path, weights_only=True))


def test_the_bounds_have_room_for_large_checkpoints(tmp_path):
    """A network of 1,500 tensors with its averages and two moments of each."""
    tensors = {f"stage{n}.layer.weight": torch.zeros(1, 1, 1, 1) for n in range(1500)}
    content = {"model": tensors, "ema": {name: tensor + 1 for name, tensor in tensors.items()}}
    content["optimizer"] = {"state": {n: {"step": 3, "m": torch.zeros(1), "v": torch.ones(1)} for n in range(1500)}}
    torch.save(content, tmp_path / "x")
    assert same(read_tensor_file(tmp_path / "x"), content)


class Odd:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return self.arguments


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Odd(eval, ("1",)), r"builtins\.eval"),
        (Odd(getattr, ("a", "b")), r"builtins\.getattr"),
        (Odd(copyreg._reconstructor, (dict, dict, {})), r"copy_reg\._reconstructor"),
        (Odd(torch.load, ("x",)), r"torch\.serialization\.load"),
        (torch.nn.Linear(1, 1), r"torch\.nn\.modules\.linear\.Linear"),
    ],
)
def test_other_names_are_told(tmp_path, content, name):
    torch.save({"a": content}, tmp_path / "x")
    with pytest.raises(HoldsCode, match=f"^{name}$"):
        read_tensor_file(tmp_path / "x")


def test_names_are_told_without_their_control_characters(tmp_path):
    with pytest.raises(HoldsCode, match=r"^os\\x1b\[2J\.system$"):
        read_tensor_file(archive(tmp_path / "x", b"cos\x1b[2J\nsystem\n"))


@pytest.mark.parametrize("operation", [b"i", b"o", b"\x82", b"\x93", b"\x95", b"I", b"p", b"P", b"0"])
def test_other_operations_are_not_known(tmp_path, operation):
    with pytest.raises(HoldsCode, match="the pickle operation [A-Z0-9_]+"):
        read_tensor_file(archive(tmp_path / "x", operation + b"1\n1\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"t",
        b"\x85",
        b"h\x05",
        b"K\x01b",
        b"K\x01)R",
        b"K\x01K\x01a",
        b"}(K\x01u",
        b"]K\x01K\x01s",
        b"ccollections\nOrderedDict\nK\x01R",
        b"\xff",
        call("collections.OrderedDict", text("ab")),
        call("torch._utils._rebuild_tensor_v2", b"N", number(0), b"))"),
        call("torch._utils._rebuild_parameter", number(0)),
        call("torch._tensor._rebuild_from_type_v2", b"ccollections\nOrderedDict\n", b"N)N"),
        call("builtins.complex", text("1"), text("2")),
        text("storage") + b"Q",
        b"(" + text("module") + b"NNNNtQ",
        storage("0", -1),
        tensor(storage("0", 4), size=[4], stride=[-1]),
        tensor(storage("0", 4), size=[2, 2], stride=[1]),
        tensor(storage("0", 4), size=[1] * 100, stride=[1] * 100),
        b"(" + storage("0", 4) + storage("0", 5) + b"t",
    ],
)
def test_damaged_pickles_are_told_as_such(tmp_path, content):
    with pytest.raises(Unreadable, match=r"^is truncated or otherwise damaged \([^\n]*\); download it again$"):
        read_tensor_file(archive(tmp_path / "x", content, entries=[("data/0", bytes(16), 1)]))


def test_archives_of_others_are_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        file.writestr("photo.txt", "hello")
    with pytest.raises(Unreadable, match=r"not written by torch\.save"):
        read_tensor_file(tmp_path / "x")
    (tmp_path / "x").write_bytes(pickle.dumps({"a": 1}, protocol=2) * 5)
    with pytest.raises(Unreadable, match=r"not written by torch\.save"):
        read_tensor_file(tmp_path / "x")


def test_entries_of_one_name_are_refused(tmp_path):
    path = archive(
        tmp_path / "x", state(("a", tensor(storage("0", 1), size=[1], stride=[1]))), entries=[("data/0", bytes(4), 1)]
    )
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("model/data/0", b"\1\1\1\1")
    with pytest.raises(Unreadable, match="the same name"):
        read_tensor_file(path)


def test_a_memory_that_is_missing_is_told(tmp_path):
    path = archive(tmp_path / "x", state(("a", tensor(storage("0", 1), size=[1], stride=[1]))))
    with pytest.raises(Unreadable, match="an entry of data is missing"):
        read_tensor_file(path)


def test_the_count_of_operations_goes_on_in_the_next_pickle(tmp_path):
    """A stream holds several."""
    half = PROTOCOL + b"(" + b"N" * (MOST_OPERATIONS // 2) + b"t" + STOP
    (tmp_path / "x").write_bytes(MAGIC + half + half)
    with pytest.raises(Unreadable, match=f"more than {MOST_OPERATIONS:,} operations"):
        read_tensor_file(tmp_path / "x")


@pytest.mark.parametrize("content", [b"N", b"cos\nsystem\n"])
def test_reading_leaves_the_garbage_collector_as_it_was(tmp_path, content):
    path = archive(tmp_path / "x", content)
    for collects in (False, True):
        (gc.enable if collects else gc.disable)()
        with contextlib.suppress(Unreadable):
            read_tensor_file(path)
        found = gc.isenabled()
        gc.enable()
        assert found == collects


def test_a_stream_that_is_cut_off(tmp_path):
    path, buffer = tmp_path / "x", io.BytesIO()
    torch.save({"a": torch.ones(100)}, buffer, _use_new_zipfile_serialization=False)
    whole = buffer.getvalue()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(Unreadable, match=r"damaged|not written by torch\.save"):
            read_tensor_file(path)
    path.write_bytes(whole)
    assert torch.equal(read_tensor_file(path)["a"], torch.ones(100))
