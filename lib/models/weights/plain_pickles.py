"""Read untrusted pickles of plain values, within bounds of time and memory.

A standard unpickler executes its file. Here a file can only build numbers, short texts, lists, tuples, mappings and sets
of them, and the few names that a subclass knows. Only numbers and texts are hashed, no memory is allocated on the basis of
a number in the file, and the number of operations is bounded.
"""

import gc
import io
import pickle
import pickletools
import struct
from collections.abc import Callable, Sequence

from .refusals import HoldsCode, Unreadable, damaged, excessive

MOST_OPERATIONS = 250_000  # those of 7,000 tensors; few published networks have 1,000
LONGEST_TEXT = 1 << 16  # bytes; longer ones are skipped
MOST_TEXT = 1 << 24  # bytes
MOST_SKIPPED = 1 << 28  # bytes; a published captioning model contains 45 MB of text of language pipelines
LONGEST_NAME = 256  # characters of a module or of what it defines
DEEPEST = 100
_CHUNK = 1 << 20  # bytes
_LARGEST_KEY = 1 << 60  # larger numbers can be chosen to collide in their hash


class PlainUnpickler:
    """Reads pickles of protocol 2, as `torch.save` writes them, one after the other.

    Bytes, and texts of more than 64 KiB, become None: no name or setting is that long. All kinds of mappings become
    dicts and lose their attributes.

    Parameters
    ----------
    stream : io.BufferedReader
    names : dict
        Meaning of names in the pickles ("module.name"), in addition to the plain ones: values, or functions, which are
        called with arbitrary values from the file.
    """

    def __init__(self, stream: io.BufferedReader, *, names: dict) -> None:
        self._stream, self._names = stream, {**_PLAIN, **names}
        self._operations_left, self._text_left, self._skip_left = MOST_OPERATIONS, MOST_TEXT, MOST_SKIPPED

    def load(self) -> object:
        """Read one pickle.

        Returns
        -------
        object

        Raises
        ------
        HoldsCode
            If it contains unknown names or operations.
        Unreadable
            If it is damaged or exceeds the bounds.
        """
        self._stack, self._below, self._memo = [], [], {}
        read, operations = self._stream.read, _OPERATIONS
        collects = gc.isenabled()
        gc.disable()  # it would traverse all of torch repeatedly, three quarters of the run time
        try:
            while (code := read(1)) != pickle.STOP:
                self._operations_left -= 1
                if code not in operations or self._operations_left < 0:
                    raise _refusal(code)
                operations[code](self)
            content = self._stack.pop()
        except Unreadable:
            raise
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise damaged(f"{type(error).__name__} in its pickle") from error
        finally:
            if collects:
                gc.enable()
        _check_depth(content)
        return content

    def find_storage(self, identifier: object) -> None:
        """Return the object of a persistent identifier."""
        raise damaged("a persistent identifier where none belongs")

    def set_state(self, instance: object, state: object) -> None:
        """Give an object its state; the attributes of mappings are ignored."""
        if type(instance) is not dict:
            raise damaged("a state of something that has none")

    def _take(self, size: int) -> bytes:
        """Return the next bytes of the stream."""
        data = self._stream.read(size)
        if len(data) != size:
            raise damaged("its pickle ends too early")
        return data

    def _take_text(self, size: int, otherwise: str | None = None) -> str | None:
        """Return the next text of the stream, in UTF-8 or `otherwise`; None for a long one."""
        if size > LONGEST_TEXT:
            self._skip(size)
            return None
        self._text_left -= size
        if self._text_left < 0:
            raise excessive(f"more than {MOST_TEXT:,} bytes of names and short texts")
        data = self._take(size)
        try:
            return data.decode()
        except UnicodeDecodeError:
            if not otherwise:
                raise
            return data.decode(otherwise)

    def _skip(self, size: int) -> None:
        self._skip_left -= size
        if self._skip_left < 0:
            raise excessive(f"more than {MOST_SKIPPED:,} bytes of text")
        for start in range(0, size, _CHUNK):
            self._take(min(_CHUNK, size - start))

    def _take_name(self) -> str:
        line = self._stream.readline(LONGEST_NAME + 1)
        if not line.endswith(b"\n"):
            raise damaged("an endless name in its pickle")
        return line[:-1].decode()

    def _pop_to_mark(self) -> list:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self, n_items: int) -> list:
        return [self._stack.pop() for _ in range(n_items)][::-1]

    def _extend(self, items: list) -> None:
        if type(self._stack[-1]) is not list:
            raise damaged("items of something that is no list")
        self._stack[-1].extend(items)

    def _update(self, items: list) -> None:
        if type(self._stack[-1]) is not dict:
            raise damaged("items of something that is no mapping")
        self._stack[-1].update(as_mapping(list(zip(items[::2], items[1::2], strict=True))))

    def _global(self) -> None:
        module, name = self._take_name(), self._take_name()
        full = f"{'builtins' if module == '__builtin__' else module}.{name}"
        if full not in self._names:
            raise HoldsCode(full.encode("unicode_escape").decode())
        self._push(self._names[full])

    def _call(self) -> None:
        function, arguments = self._pop(2)
        if type(arguments) is not tuple or not callable(function):
            raise damaged("a call of something that is no function")
        # they may be copied, and a file can use the same ones often
        self._operations_left -= sum(len(each) for each in arguments if type(each) in (list, tuple, dict))
        self._push(function(*arguments))

    def _build(self) -> None:
        state = self._stack.pop()
        self.set_state(self._stack[-1], state)


def _refusal(code: bytes) -> Exception:
    """Return the error of an operation that is refused."""
    if not code:
        return damaged("its pickle ends too early")
    if code in _OPERATIONS:
        return excessive(f"a pickle of more than {MOST_OPERATIONS:,} operations")
    operation = pickletools.code2op.get(code.decode("latin1"))
    return HoldsCode(f"the pickle operation {operation.name}") if operation else damaged("it is no pickle")


def _check_depth(content: object) -> None:
    level, seen = {id(content): content}, set()
    for _ in range(DEEPEST):
        seen |= level.keys()
        parents = [value for value in level.values() if type(value) in (list, tuple, dict)]
        children = (child for each in parents for child in (each.values() if type(each) is dict else each))
        level = {id(child): child for child in children if id(child) not in seen}
        if not level:
            return
    raise excessive(f"values nested deeper than {DEEPEST} levels")


def _check_key(key: object) -> object:
    if type(key) not in (str, int, float, bool, type(None)) or (type(key) is int and abs(key) >= _LARGEST_KEY):
        raise excessive(f"a key that is no text and no small number ({type(key).__name__})")
    return key


def as_mapping(items: dict | Sequence = ()) -> dict:
    """Make a dict of another one or of pairs, for every kind of mapping in the file."""
    return {_check_key(key): value for key, value in (items.items() if type(items) is dict else _listed(items))}


def _as_set(items: Sequence = ()) -> set:
    return {_check_key(item) for item in _listed(items)}


def _as_tuple(items: Sequence = ()) -> tuple:
    return tuple(_listed(items))


def _listed(items: object) -> list | tuple:
    if type(items) not in (list, tuple):
        raise damaged("items that are no list")
    return items


def _as_bytes(text: str | None = None, encoding: str = "latin1") -> None:
    if not isinstance(text, str | None) or encoding not in ("latin1", "latin-1"):
        raise damaged("bytes that are not written as torch does")


def _as_complex(real: object, imaginary: object) -> complex:
    if not {type(real), type(imaginary)} <= {int, float}:
        raise damaged("a complex number of no numbers")
    return complex(real, imaginary)


_PLAIN = {
    "collections.OrderedDict": as_mapping,
    "collections.Counter": as_mapping,
    "builtins.set": _as_set,
    "torch.Size": _as_tuple,
    "builtins.complex": _as_complex,
    "_codecs.encode": _as_bytes,  # how protocol 2 writes bytes
    "builtins.bytearray": _as_bytes,
}


def _constant(value: object) -> Callable:
    return lambda reader: reader._push(value)


def _argument(layout: str, use: Callable) -> Callable:
    """Return an operation that uses the number that follows it."""
    layout = struct.Struct(layout)
    size, unpack = layout.size, layout.unpack
    return lambda reader: use(reader, unpack(reader._take(size))[0])


def _number(layout: str) -> Callable:
    return _argument(layout, PlainUnpickler._push)


def _recall(layout: str) -> Callable:
    return _argument(layout, lambda reader, place: reader._push(reader._memo[place]))


def _keep(layout: str) -> Callable:
    return _argument(layout, lambda reader, place: reader._memo.update({place: reader._stack[-1]}))


def _text_of_python_2(layout: str) -> Callable:
    return _argument(layout, lambda reader, size: reader._push(reader._take_text(size, "latin1")))


def _short_tuple(n_items: int) -> Callable:
    def pack(reader: PlainUnpickler) -> None:
        if len(stack := reader._stack) < n_items:
            raise damaged("a tuple of too few items")
        stack[-n_items:] = [tuple(stack[-n_items:])]

    return pack


_OPERATIONS = {
    pickle.PROTO: lambda reader: reader._take(1),  # of any value: operations beyond protocol 2 are unknown anyway
    pickle.MARK: PlainUnpickler._mark,
    pickle.NONE: _constant(None),
    pickle.NEWTRUE: _constant(True),
    pickle.NEWFALSE: _constant(False),
    pickle.EMPTY_TUPLE: _constant(()),
    pickle.EMPTY_LIST: lambda reader: reader._push([]),
    pickle.EMPTY_DICT: lambda reader: reader._push({}),
    pickle.BININT: _number("<i"),
    pickle.BININT1: _number("<B"),
    pickle.BININT2: _number("<H"),
    pickle.BINFLOAT: _number(">d"),
    pickle.LONG1: _argument("<B", lambda reader, size: reader._push(pickle.decode_long(reader._take(size)))),
    pickle.BINUNICODE: _argument("<I", lambda reader, size: reader._push(reader._take_text(size))),
    pickle.BINSTRING: _text_of_python_2("<I"),
    pickle.SHORT_BINSTRING: _text_of_python_2("<B"),
    pickle.TUPLE: lambda reader: reader._push(tuple(reader._pop_to_mark())),
    pickle.TUPLE1: _short_tuple(1),
    pickle.TUPLE2: _short_tuple(2),
    pickle.TUPLE3: _short_tuple(3),
    pickle.APPEND: lambda reader: reader._extend(reader._pop(1)),
    pickle.APPENDS: lambda reader: reader._extend(reader._pop_to_mark()),
    pickle.SETITEM: lambda reader: reader._update(reader._pop(2)),
    pickle.SETITEMS: lambda reader: reader._update(reader._pop_to_mark()),
    pickle.BINGET: _recall("<B"),
    pickle.LONG_BINGET: _recall("<I"),
    pickle.BINPUT: _keep("<B"),
    pickle.LONG_BINPUT: _keep("<I"),
    pickle.GLOBAL: PlainUnpickler._global,
    pickle.REDUCE: PlainUnpickler._call,
    pickle.NEWOBJ: PlainUnpickler._call,
    pickle.BUILD: PlainUnpickler._build,
    pickle.BINPERSID: lambda reader: reader._push(reader.find_storage(reader._stack.pop())),
}
