import copy
import datetime
import errno
import math
import os
import re
import shutil
import subprocess
import time
import tracemalloc

import pytest
import yaml
from places import ROOT

from lib.config.planning import LARGEST_CONFIG, check_folders, check_text, check_values

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def bomb(kind, levels=9):
    """Return the text of a config of a few lines that stands for a billion entries."""
    opening, closing, names = {"list": ("[", "]", ""), "dict": ("{", "}", "k{}: ")}[kind]
    lines = [f"a0: &a0 {opening}" + ", ".join(f"{names.format(i)}x" for i in range(10)) + closing]
    for level in range(1, levels):
        parts = (f"{names.format(i)}*a{level - 1}" for i in range(10))
        lines.append(f"a{level}: &a{level} {opening}{', '.join(parts)}{closing}")
    return "\n".join(lines)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "config.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_the_config_of_the_project_passes(write):
    check_text(ROOT / "config.yaml", name="config.yaml")
    check_values(CONFIG)
    check_text(write("\ufeffa: &b [1, 2]\nc: [*b, *b]\nd: {<<: {e: 1}}"), name="x")
    check_text(write("a: [1,\nb: }"), name="x")  # reading it says what is wrong
    check_text(write("a: *b"), name="x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seed: 1 # Größe".encode("latin-1"), r"mine\.yaml is no UTF-8 text \(byte 13 is 0xf6\): save it as UTF-8"),
        ("seed: 1".encode("utf-16"), r"no UTF-8 text \(byte 1 is 0xff\)"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested more than 50 deep"),
        ("a: " + "{a: " * 5000 + "}" * 5000, "nested more than 50 deep"),
        ("a: &a {b: [*a]}", r"the alias \*a contains itself"),
        (bomb("list"), "more than 100,000 entries"),
        (bomb("dict"), "more than 100,000 entries"),
    ],
    ids=["latin-1", "utf-16", "lists", "mappings", "recursive", "bomb", "bomb of mappings"],
)
def test_a_text_that_cannot_be_read_is_refused_soon(write, content, message):
    path = write(content)
    started = time.process_time()
    with pytest.raises(ValueError, match=message):
        check_text(path, name="mine.yaml")
    assert time.process_time() - started < 2


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_a_bomb_that_has_been_read_is_refused_soon(kind):
    config = yaml.safe_load(bomb(kind))
    started = time.process_time()
    with pytest.raises(ValueError, match="more than 100,000 entries"):
        check_values(config)
    assert time.process_time() - started < 2
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 100,000 entries"):
        check_values(config)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
    with pytest.raises(ValueError, match="nested more than 50 deep"):
        check_values(yaml.safe_load("a: &a [*a, *a]"))


def keys_of_numbers(value, place=()):
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, dict | list):
            yield from keys_of_numbers(part, (*place, key))
        elif isinstance(part, int | float) and not isinstance(part, bool):
            yield (*place, key)


@pytest.mark.parametrize("place", keys_of_numbers(CONFIG), ids=lambda place: ".".join(map(str, place)))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_may_be_infinite_or_none_at_all(place, value):
    config = copy.deepcopy(CONFIG)
    entry = config
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    with pytest.raises(ValueError, match=rf"config key {'.'.join(map(str, place))}: {value} is no finite number"):
        check_values(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"models": {5: {}}}, r"config key models: its entry 5 is no text: put it in quotes"),
        ({"models": {"a": {True: 1}}}, r"config key models\.a: its entry True"),
        ({"seed": datetime.date(2020, 1, 1)}, r"config key seed: .* is a date: put it in quotes"),
        ({"models": {"a": {"arguments": {"b": [b"x"]}}}}, r"config key models\.a\.arguments\.b\.0: b'x' is a bytes"),
    ],
)
def test_values_that_are_not_plain_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        check_values(config)


def test_plain_values_pass():
    check_values({"a": [None, True, 1, 0.5, "x"], "arguments": {"levels": {1: "any key"}}, "b": ["x"] * 50_000})
    with pytest.raises(ValueError, match="more than 100,000"):
        check_values({"b": ["x"] * LARGEST_CONFIG})


def test_braces_in_the_path_of_the_code_are_refused(tmp_path):
    check_folders(code="/a b/c'd", records=tmp_path / "{x}" / ".snakemake")
    for code in ("/a{b}/c", "/a/c{"):
        with pytest.raises(ValueError, match=r"braces in its path.*rename it"):
            check_folders(code=code, records=tmp_path)


def test_room_for_records(tmp_path, monkeypatch):
    records = tmp_path / "new" / ".snakemake"
    check_folders(code="/a", records=records)
    assert list(records.iterdir()) == []
    for number, cure in ((errno.ENOSPC, "free some space"), (errno.EDQUOT, "free some"), (errno.EROFS, "make it writ")):

        def refuse(descriptor, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(ValueError, match=rf"write its records in {records} \({os.strerror(number)}\): {cure}"):
            check_folders(code="/a", records=records)
        assert list(records.iterdir()) == []


@pytest.mark.parametrize("writable", [True, False])
def test_make_finds_a_place_for_snakemakes_cache(tmp_path, writable):
    """Snakemake keeps a cache in the home folder and ends in a traceback where it cannot."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    home = tmp_path / "home"
    home.mkdir() if writable else home.touch()
    environment = {key: value for key, value in os.environ.items() if key != "XDG_CACHE_HOME"} | {"HOME": str(home)}
    command = ["make", "--dry-run", "--print-data-base", f"VENV={tmp_path}", "clean"]
    known = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^XDG_CACHE_HOME := (.*)", known, re.M)
    assert found == ([] if writable else [str(ROOT / ".snakemake/cache")])
