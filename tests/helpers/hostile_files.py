"""Model files that cost more than their size suggests, that ask for impossible models, or that are no files at all.

Each function writes one into a folder and returns its path; what it is named after is what it does to a trusting reader.
"""

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save, save_file

PROTOCOL, STOP = b"\x80\x02", b"."
MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + pickle.dumps(1001, protocol=2) + pickle.dumps({}, protocol=2)
FLOATS = b"ctorch\nFloatStorage\n"


def text(words):
    return b"X" + struct.pack("<I", len(words)) + words.encode()


def number(value):
    return b"\x8a\x0b" + value.to_bytes(11, "little", signed=True)


def call(name, *arguments):
    module, _, function = name.rpartition(".")
    return f"c{module}\n{function}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def storage(key, n_values):
    """Return the operations that push the memory of a tensor."""
    return b"(" + text("storage") + FLOATS + text(key) + text("cpu") + number(n_values) + b"tQ"


def tensor(memory, *, size, stride):
    """Return the operations that push a tensor of some memory."""
    shapes = (b"(" + b"".join(map(number, numbers)) + b"t" for numbers in (size, stride))
    return call("torch._utils._rebuild_tensor_v2", memory, number(0), *shapes, b"\x89", call("collections.OrderedDict"))


def state(*pairs):
    """Return the operations that push a dict of texts and what stands for them."""
    return b"}(" + b"".join(text(name) + value for name, value in pairs) + b"u"


def archive(path, content, *, entries=(), compressed=()):
    """Write an archive like torch.save, of the operations of a pickle and of entries: name, bytes and how many of them."""
    with zipfile.ZipFile(path, "w") as file:
        for name, data, n in (("data.pkl", PROTOCOL + content + STOP, 1), ("version", b"3\n", 1), *entries):
            entry = zipfile.ZipInfo(f"model/{name}")
            entry.compress_type = zipfile.ZIP_DEFLATED if name in compressed else zipfile.ZIP_STORED
            with file.open(entry, "w", force_zip64=True) as target:
                for _ in range(n):
                    target.write(data)
    return path


MEGABYTE = bytes(1 << 20)


# --- what a pickle can do to its reader ---


def pickle_of_a_deep_tuple(path):
    return archive(path, b")" + b"\x85" * 2_000_000)


def pickle_of_a_nested_list(path):
    return archive(path, b"]" * 200_000 + b"a" * 199_999)


def pickle_of_tuples_that_are_hashed(path):
    return archive(path, b"}K\x01" + b"q\x00h\x00\x86" * 60 + b"Ns")


def pickle_of_tuples_that_double(path):
    return archive(path, state(("a", b"K\x01" + b"q\x00h\x00\x86" * 60)))


def pickle_of_many_operations(path):
    return archive(path, b"(" + b"N" * 20_000_000 + b"t")


def pickle_of_keys_of_one_hash(path):
    keys = b"".join(number((2**61 - 1) * n) + b"N" for n in range(1, 90_000))
    return archive(path, b"}(" + keys + b"u")


def pickle_of_lists_that_are_copied(path):
    pairs = b"](" + b"".join(text(str(n)) + b"N\x86" for n in range(20_000)) + b"eq\x00"
    return archive(path, b"(" + pairs + b"ccollections\nOrderedDict\nq\x01" + b"h\x01h\x00\x85R" * 20_000 + b"t")


def pickle_of_a_huge_bytearray(path):
    return archive(path, call("builtins.bytearray", number(10**10)))


def pickle_of_bytes_that_double(path):
    content = text("ab")
    for _ in range(34):
        content = call("_codecs.encode", content, text("hex"))
    return archive(path, content)


def pickle_of_a_long_text(path):
    """Text that takes four times as much memory as it is long in the file."""
    words = ("\N{PILE OF POO}" + "a" * 65_000).encode()
    many = b"X" + struct.pack("<I", len(words)) + words
    return archive(path, b"(" + many * 800 + b"t")


def pickle_of_a_huge_text(path):
    return archive(path, b"X\xff\xff\xff\xff")


def pickle_of_a_far_memo(path):
    return archive(path, state(("a", b"Nr\xff\xff\xff\xff")))


def pickle_of_an_endless_name(path):
    return archive(path, b"c" + b"a" * 20_000_000)


def pickle_of_a_long_list_of_tensors(path):
    """Views of one memory, each of which costs a kilobyte."""
    memory = storage("0", 4) + b"q\x00"
    view = b"h\x01(h\x00K\x00(K\x04t(K\x01t\x89)tR"
    content = b"(" + memory + b"ctorch._utils\n_rebuild_tensor_v2\nq\x01" + view * 100_000 + b"t"
    return archive(path, content, entries=[("data/0", bytes(16), 1)])


# --- what an archive or a stream can do ---


def archive_with_a_compressed_tensor(path):
    content = state(("weight", tensor(storage("0", 100 << 18), size=[100 << 18], stride=[1])))
    return archive(path, content, entries=[("data/0", MEGABYTE, 100)], compressed=["data/0"])


def archive_with_a_compressed_version(path):
    return archive(path, state(), entries=[("byteorder", MEGABYTE, 250)], compressed=["byteorder"])


def archive_with_a_compressed_pickle(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("model/data.pkl", "w", force_zip64=True) as target,
    ):
        target.write(PROTOCOL + b"X" + struct.pack("<I", 250 << 20))
        for _ in range(250):
            target.write(MEGABYTE)
    return path


def archive_of_many_entries(path):
    with zipfile.ZipFile(path, "w") as file:
        for n in range(20_000):
            file.writestr(f"model/data/{n}", b"")
    return path


def archive_whose_entries_overlap(path):
    """All entries are the same part of the file."""
    keys = [str(n) for n in range(300)]
    tensors = [(key, tensor(storage(key, 1 << 18), size=[1 << 18], stride=[1])) for key in keys]
    archive(
        path,
        state(*tensors),
        entries=[(f"data/{key}", b"", 1) for key in keys[:-1]] + [(f"data/{keys[-1]}", MEGABYTE, 1)],
    )
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    whole = content.rindex(b"PK\x01\x02")
    for _ in range(len(keys) + 1):
        if b"model/data/" in content[directory : directory + 64]:
            content[directory + 16 : directory + 28] = content[whole + 16 : whole + 28]  # checksum and sizes
            content[directory + 42 : directory + 46] = content[whole + 42 : whole + 46]  # place
        directory = content.index(b"PK\x01\x02", directory + 4)
    path.write_bytes(content)
    return path


def archive_with_a_wrong_checksum(path):
    archive(
        path,
        state(("weight", tensor(storage("0", 6), size=[3, 2], stride=[2, 1]))),
        entries=[("data/0", b"12345678" * 3, 1)],
    )
    path.write_bytes(path.read_bytes().replace(b"12345678" * 3, b"12345678" * 2 + b"12345679"))
    return path


def archive_that_says_more_than_it_holds(path):
    return archive(
        path, state(("weight", tensor(storage("0", 10**12), size=[10**12], stride=[1]))), entries=[("data/0", b"", 1)]
    )


def archive_with_a_tensor_beyond_its_memory(path):
    memory = storage("0", 4)
    return archive(
        path, state(("weight", tensor(memory, size=[10**9], stride=[1]))), entries=[("data/0", bytes(16), 1)]
    )


def archive_with_one_value_repeated(path):
    return archive(
        path,
        state(("weight", tensor(storage("0", 1), size=[3 * 10**9], stride=[0]))),
        entries=[("data/0", bytes(4), 1)],
    )


def archive_with_a_huge_tensor_of_nothing(path):
    memory = storage("0", 0)
    return archive(
        path, state(("weight", tensor(memory, size=[10**18, 0], stride=[1, 1]))), entries=[("data/0", b"", 1)]
    )


def stream_that_says_more_than_it_holds(path):
    memory = b"(" + text("storage") + FLOATS + text("0") + text("cpu") + number(10**12) + b"NtQ"
    content = state(("weight", tensor(memory, size=[10**12], stride=[1])))
    path.write_bytes(MAGIC + PROTOCOL + content + STOP + pickle.dumps(["0"], protocol=2) + struct.pack("<q", 10**12))
    return path


def stream_of_many_operations(path):
    path.write_bytes(MAGIC + PROTOCOL + b"(" + b"N" * 20_000_000)
    return path


# --- tensors that are none ---


def _saved(path, value):
    torch.save({"weight": value, "bias": torch.zeros(3)}, path)
    return path


def tensor_that_is_sparse(path):
    return _saved(path, torch.zeros(3, 2).to_sparse())


def tensor_that_is_compressed_sparse(path):
    return _saved(path, torch.zeros(3, 2).to_sparse_csr())


def tensor_that_is_quantised(path):
    return _saved(path, torch.quantize_per_tensor(torch.zeros(3, 2), 1.0, 0, torch.qint8))


def tensor_without_values(path):
    return _saved(path, torch.zeros(3, 2, device="meta"))


def tensor_that_is_expanded(path):
    return _saved(path, torch.zeros(1).expand(3_000_000_000))


# --- safetensors ---


def safetensors_with_a_long_header(path):
    header = b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'.ljust(100 << 20)
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def safetensors_of_many_tensors(path):
    header = json.dumps(
        {f"{n:x}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(60_000)}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def safetensors_nested_deep(path):
    header = b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def safetensors_that_nest_deep_in_their_metadata(path):
    save_file({"weight": torch.zeros(3, 2)}, path, metadata={"neuron-lexicon": "[" * 1_000_000})
    return path


def safetensors_whose_metadata_is_one_number(path):
    save_file({"weight": torch.zeros(3, 2)}, path, metadata={"neuron-lexicon": "9" * 1_000_000})
    return path


def safetensors_of_an_impossible_shape(path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return path


def safetensors_cut_off(path):
    path.write_bytes(save({"weight": torch.zeros(3, 2)})[:-1])
    return path


# --- no files ---


def pipe(path):
    os.mkfifo(path)
    return path


def device(_path):
    return Path("/dev/zero")


def folder(path):
    path.mkdir()
    return path


ALL = {
    name: make
    for name, make in list(globals().items())
    if name.startswith(("pickle_", "archive_", "stream_", "tensor_", "safetensors_")) or make in (pipe, device, folder)
}
