"""Checks before Snakemake plans: writable folders, and a finite config of plain values."""

import errno
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

LARGEST_CONFIG = 100_000  # entries, aliases expanded; a list of all layers of a network has 1,000
DEEPEST_CONFIG = 50
ROOM = 1 << 20  # bytes of Snakemake's records of a small run
# keyword arguments of the user's functions, of any type
FREE = "arguments"


def check_folders(*, code: str | Path, records: str | Path) -> None:
    """Check that Snakemake can run in the folder of the code and write its records.

    Parameters
    ----------
    code : str or pathlib.Path
        Folder of the Snakefile.
    records : str or pathlib.Path
        Folder of Snakemake's records, `.snakemake`; created.

    Raises
    ------
    ValueError
        If the path of the code has braces, which Snakemake interprets as wildcards, or if the records cannot be written.
    """
    if set("{}") & set(str(code)):
        raise ValueError(
            f"The folder of the workflow, {code}, has braces in its path, which Snakemake interprets as wildcards: rename it."
        )
    probe = Path(records, f"neuron-lexicon-room.{os.getpid()}")
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        try:
            with probe.open("wb") as file:
                file.write(bytes(ROOM))
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        cure = "free some space" if full else "make it writable"
        raise ValueError(
            f"Snakemake cannot write its records in {probe.parent.absolute()} ({error.strerror}): {cure}, or run with "
            "--directory elsewhere. What is complete is kept."
        ) from error


def check_text(path: str | Path, *, name: str) -> None:
    """Check that the text of a config is UTF-8, not nested too deeply, and not inflated by aliases.

    Parameters
    ----------
    path : str or pathlib.Path
        YAML file. Invalid YAML passes; the reader reports it.
    name : str
        Name of the file in messages.

    Raises
    ------
    ValueError
        If Snakemake would fail on it, or not terminate.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name} is no UTF-8 text (byte {error.start + 1} is {error.object[error.start]:#x}): save it as UTF-8."
        ) from error
    sizes, known = [(None, 1)], {}
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            size = 0
            if isinstance(event, yaml.CollectionStartEvent):
                sizes.append((event.anchor, 1))
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = sizes.pop()
                known[anchor] = size
            elif isinstance(event, yaml.ScalarEvent):
                size = known[event.anchor] = 1
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor in [anchor for anchor, _ in sizes]:
                    raise ValueError(f"{name}: the alias *{event.anchor} contains itself.")
                size = known.get(event.anchor, 1)
            anchor, total = sizes[-1]
            sizes[-1] = anchor, total + size
            _check_size(total + size, len(sizes) - 1, name)
    except yaml.YAMLError:
        return


def check_values(config: dict) -> None:
    """Check that a config holds finite numbers and other plain values, and not too many.

    Parameters
    ----------
    config : dict

    Raises
    ------
    ValueError
        With the config key and the value.
    """
    waiting, n_entries = [((), config)], 0
    while waiting:
        keys, value = waiting.pop()
        n_entries += 1
        _check_size(n_entries, len(keys), "The config")
        if isinstance(value, Mapping):
            wrong = [key for key in value if not isinstance(key, str)] if FREE not in keys else []
            if wrong:
                raise ValueError(f"config key {_joined(keys)}: its entry {wrong[0]!r} is no text: put it in quotes.")
            waiting += [((*keys, key), part) for key, part in value.items()]
        elif isinstance(value, list):
            waiting += [((*keys, number), part) for number, part in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"config key {_joined(keys)}: {value} is no finite number; give one.")
        elif not isinstance(value, str | int | float | None):
            raise ValueError(f"config key {_joined(keys)}: {value!r} is a {type(value).__name__}: put it in quotes.")


def _joined(keys: Iterable[str | int]) -> str:
    return ".".join(map(str, keys))


def _check_size(size: int, depth: int, name: str) -> None:
    if size > LARGEST_CONFIG:
        raise ValueError(
            f"{name} has more than {LARGEST_CONFIG:,} entries, with aliases (*name) expanded: make it smaller."
        )
    if depth > DEEPEST_CONFIG:
        raise ValueError(f"{name} is nested more than {DEEPEST_CONFIG} deep: make it flatter.")
