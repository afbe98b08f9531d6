"""Read untrusted files of `torch.save` without running their code, within bounds of time and memory.

torch's own restricted reader allocates any size that a file requests, does not verify the checksums of zip archives, and
locates the entries of an archive differently than a preceding check would. Here a file is read once, by one reader.
"""

import io
import math
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from sys import byteorder
from typing import BinaryIO, NoReturn

import torch

from ...runtime.regular_files import check_regular_file
from .plain_pickles import PlainUnpickler
from .refusals import HoldsCode, Unreadable, damaged

LARGEST_DIRECTORY = 1 << 20  # bytes of a zip archive that list its entries; those of 10,000 tensors
MOST_DIMENSIONS = 64  # torch computes with no more
LARGEST_EMPTY = 1 << 40  # the product of the other sizes of a tensor without values
_CHUNK = 1 << 20  # bytes
_QUANTISED = "quantised"  # marks the types of quantised memory
_ENCRYPTED = 0x1  # flag of an entry
# of the streams that torch wrote until 2020: torch.serialization.MAGIC_NUMBER and PROTOCOL_VERSION
_STREAM_BEGINS = [0x1950A86A20F9469CFC6C, 1001]


def read_tensor_file(path: str | Path, *, names: dict | None = None) -> object:
    """Read what `torch.save` wrote, as a zip archive or as a stream (until 2020).

    Tensors must be dense and hold no value twice (`Tensor.expand`); they come on the CPU. Beside them there may be what
    `PlainUnpickler` reads. The checksums of an archive are compared.

    Parameters
    ----------
    path : str or pathlib.Path
    names : dict or None
        As for `PlainUnpickler`.

    Returns
    -------
    object
        With dicts in place of all kinds of mappings.

    Raises
    ------
    HoldsCode
        If the file holds more, whose name is the message.
    Unreadable
        If it is damaged, or needs more memory than its size suggests. The message continues after the name of the file.
    FileNotFoundError, ValueError
        As `check_regular_file`.
    """
    check_regular_file(path, name="file")
    size = Path(path).stat().st_size
    with _BoundedFile(path) as file:
        is_archive = file.read(2) == b"PK"
        file.seek(0)
        try:
            return (_read_archive if is_archive else _read_stream)(file, size, names or {})
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, struct.error) as error:
            raise damaged(str(error) or type(error).__name__) from error
        except Unreadable:
            raise
        except (
            ValueError,
            LookupError,
            OverflowError,
        ) as error:  # zipfile raises many errors on a damaged directory
            raise damaged(f"{type(error).__name__} in its list of entries") from error


class _BoundedFile(io.FileIO):
    """A file that refuses large reads, for readers that trust sizes in the file."""

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_DIRECTORY:
            raise damaged(f"{size:,} bytes where no more than {LARGEST_DIRECTORY:,} belong")
        return super().read(size)


@dataclass(frozen=True)
class _Storage:
    """Memory of tensors: bytes and the dtype of the values."""

    data: torch.Tensor
    dtype: torch.dtype

    def values(self) -> torch.Tensor:
        """Return all values, of shape (n,)."""
        if len(self.data) % self.dtype.itemsize or self.data.storage_offset() % self.dtype.itemsize:
            raise damaged("a tensor whose values are cut")
        return self.data.view(self.dtype)


class _TensorUnpickler(PlainUnpickler):
    """Creates tensors whose memory is filled afterwards."""

    def __init__(self, stream: io.BufferedReader, *, names: dict, size: int) -> None:
        super().__init__(stream, names={**_TENSOR_NAMES, **names})
        self.storages, self._bytes_left = {}, size

    def find_storage(self, identifier: object) -> _Storage:
        kind, dtype, key, _location, n_values, *view = _checked_tuple(identifier)
        if type(dtype) is str and dtype == _QUANTISED:
            _refuse(dtype)()
        if type(kind) is not str or kind != "storage" or not isinstance(dtype, torch.dtype) or type(key) is not str:
            raise damaged("a persistent identifier of something else than tensors")
        n_bytes = _whole(n_values) * dtype.itemsize
        if key not in self.storages:
            self._bytes_left -= n_bytes
            if self._bytes_left < 0:
                raise damaged("its tensors are larger than the file")
            self.storages[key] = _Storage(torch.empty(n_bytes, dtype=torch.uint8), dtype)
        data = self.storages[key].data
        if len(data) != n_bytes:
            raise damaged("tensors do not agree on the length of their memory")
        if view and view[0] is not None:
            _, offset, n_values = _checked_tuple(view[0])
            first, n_bytes = _whole(offset) * dtype.itemsize, _whole(n_values) * dtype.itemsize
            if first + n_bytes > len(data):
                raise damaged("a tensor reaches beyond its memory")
            data = data[first : first + n_bytes]
        return _Storage(data, dtype)

    def set_state(self, instance: object, state: object) -> None:
        if isinstance(instance, torch.Tensor):  # how the first versions of torch wrote tensors
            if (made := _tensor(*_checked_tuple(state))).dtype != instance.dtype:
                raise damaged("a tensor of another type than its memory")
            instance.set_(made)
        else:
            super().set_state(instance, state)


def _read_archive(file: BinaryIO, size: int, names: dict) -> object:
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) != len(archive.infolist()):
            raise damaged("two of its entries have the same name")
        if any(name.count("/") == 1 and name.endswith("/constants.pkl") for name in entries):
            raise HoldsCode("TorchScript archive")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise damaged("its entries are compressed, which those of torch.save never are")
        if any(entry.flag_bits & _ENCRYPTED for entry in entries.values()):
            raise damaged("its entries are encrypted")
        if sum(entry.file_size for entry in entries.values()) > size:
            raise damaged("its entries are larger than the file")
        roots = [
            name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl") and name.count("/") == 1
        ]
        if len(roots) != 1:
            raise Unreadable("was not written by torch.save: it holds no data.pkl")
        root = roots[0]
        with archive.open(f"{root}data.pkl") as entry:
            stream = io.BufferedReader(entry, _CHUNK)
            unpickler = _TensorUnpickler(stream, names=names, size=size)
            content = unpickler.load()
            while stream.read(_CHUNK):  # the checksum is verified at the end
                pass
        order = archive.read(f"{root}byteorder").decode() if f"{root}byteorder" in entries else "little"
        if order not in ("little", "big"):
            raise damaged("an unknown order of bytes")
        for key, storage in unpickler.storages.items():
            entry = entries.get(f"{root}data/{key}")
            if entry is None or entry.file_size != len(storage.data):
                raise damaged("an entry of data is missing or not as long as its tensor")
            with archive.open(entry) as values:
                _fill(storage.data, values)
            if order != byteorder:
                storage.data.untyped_storage().byteswap(storage.dtype)
    return content


def _read_stream(file: io.RawIOBase, size: int, names: dict) -> object:
    stream = io.BufferedReader(file, _CHUNK)
    unpickler = _TensorUnpickler(stream, names=names, size=size)
    begins = [unpickler.load(), unpickler.load()]
    if any(type(number) is not int for number in begins) or begins != _STREAM_BEGINS:
        raise Unreadable("was not written by torch.save")
    unpickler.load()  # facts about the machine that wrote it
    content, keys = unpickler.load(), unpickler.load()
    if (
        type(keys) is not list
        or any(type(key) is not str for key in keys)
        or sorted(keys) != sorted(unpickler.storages)
    ):
        raise damaged("its list of tensors is of others")
    for key in keys:
        storage = unpickler.storages[key]
        (n_values,) = struct.unpack("<q", stream.read(8))
        if n_values * storage.dtype.itemsize != len(storage.data):
            raise damaged("a part is not as long as its tensor")
        _fill(storage.data, stream)
    return content


def _fill(data: torch.Tensor, stream: BinaryIO) -> None:
    """Fill a storage; the checksum of an archive entry is verified at its end."""
    memory = memoryview(data.numpy())
    for start in range(0, len(memory), _CHUNK):
        piece = memory[start : start + _CHUNK]
        if stream.readinto(piece) != len(piece):
            raise damaged("it ends too early")


def _whole(number: object) -> int:
    if type(number) is not int or number < 0:
        raise damaged("a size that is no whole number")
    return number


def _checked_tuple(value: object) -> tuple:
    if type(value) is not tuple:  # a tensor falls into many, too
        raise damaged("something else than a tuple")
    return value


def _tensor(storage: object, offset: object, size: object, stride: object, *_more: object) -> torch.Tensor:
    """Build a tensor like `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`."""
    if not isinstance(storage, _Storage):
        raise damaged("a tensor of something else than memory")
    if len(_checked_tuple(size)) != len(_checked_tuple(stride)) or len(size) > MOST_DIMENSIONS:
        raise damaged(f"a tensor of {len(size)} dimensions with {len(stride)} strides")
    values, end = storage.values(), _whole(offset)
    if 0 in map(_whole, size):
        if math.prod(max(n, 1) for n in size) > LARGEST_EMPTY:
            raise damaged("a tensor without values of a huge size")
        return torch.empty(size, dtype=storage.dtype)
    for step, n in sorted(zip(map(_whole, stride), size, strict=True)):
        if n > 1 and step <= end - offset:
            raise Unreadable(
                "holds a tensor of which several values are one (Tensor.expand); only dense ones can be read, save a clone"
            )
        end += (n - 1) * step
    if end >= len(values):
        raise damaged("a tensor reaches beyond its memory")
    return values.as_strided(size, stride, values.storage_offset() + offset)


def _typed_tensor(
    storage: object,
    offset: object,
    size: object,
    stride: object,
    _requires_grad: object,
    _hooks: object,
    dtype: object,
    *_more: object,
) -> torch.Tensor:
    if dtype not in _TYPED or not isinstance(storage, _Storage):
        raise damaged("a tensor of an unknown type")
    return _tensor(_Storage(storage.data, dtype), offset, size, stride)


def _parameter(tensor: object, *_more: object) -> torch.Tensor:
    if not isinstance(tensor, torch.Tensor):
        raise damaged("a parameter of something else than a tensor")
    return tensor


def _subclass(function: object, _kind: object, arguments: object, _state: object) -> torch.Tensor:
    """Build the plain tensor of a subclass or of a tensor with attributes."""
    if not any(function is known for known in (_tensor, _typed_tensor, _parameter)):
        raise damaged("a tensor made in an unknown way")
    return function(*_checked_tuple(arguments))


def _refuse(kind: str) -> Callable:
    def refuse(*_arguments: object) -> NoReturn:
        raise Unreadable(f"holds a tensor that is {kind}; only dense ones with values can be read, save it as such")

    return refuse


def _old_tensor(dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    return lambda: torch.empty(0, dtype=dtype)


def _names() -> dict[str, object]:
    kinds = {
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
        "ComplexDouble": torch.complex128,
        "ComplexFloat": torch.complex64,
    }
    names = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
    names |= {"torch.storage.UntypedStorage": torch.uint8}
    for package in ("torch", "torch.cuda"):
        names |= {f"{package}.{kind}Storage": dtype for kind, dtype in kinds.items()}
        names |= {f"{package}.{kind}Tensor": _old_tensor(dtype) for kind, dtype in kinds.items()}
    names |= {f"torch.{kind}Storage": _QUANTISED for kind in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")}
    names |= {name: name for name in ("torch.Tensor", "torch.nn.parameter.Parameter")}
    names |= {name: lambda *_: None for name in ("torch.device", "torch.serialization._get_layout")}
    rebuild = {"": _tensor, "_v2": _tensor, "_v3": _typed_tensor}
    names |= {f"torch._utils._rebuild_tensor{version}": make for version, make in rebuild.items()}
    names |= {f"torch._utils._rebuild_parameter{more}": _parameter for more in ("", "_with_state")}
    names |= {"torch._tensor._rebuild_from_type_v2": _subclass}
    other = {"sparse_tensor": "sparse", "qtensor": _QUANTISED, "meta_tensor_no_storage": "on the device meta"}
    return names | {f"torch._utils._rebuild_{name}": _refuse(kind) for name, kind in other.items()}


_TENSOR_NAMES = _names()
# dtypes without a storage class of their own
_TYPED = {getattr(torch, f"{kind}{n_bits}") for kind in ("int", "uint", "float") for n_bits in (16, 32, 64)} | {
    dtype for name, dtype in _TENSOR_NAMES.items() if name.startswith("torch.float8_")
}
