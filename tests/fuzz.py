"""Feeds damaged files to the readers and odd text to the formula parser, for some minutes (make fuzz).

    python tests/fuzz.py [--minutes 5] [--seed 0]

A reader must return something or raise ValueError or OSError with a message that names the file, and readers of models
must do so within a second and 200 MB; anything else is printed with the damaged input and makes the run fail. The cases
tried are counted per reader. What finds an error here becomes a test of that reader.
"""

import argparse
import io
import random
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/helpers")]

from measured_reads import measure
from published_milan import payload_of
from small_captioners import small_captioner

from lib.captioning.checkpoints.native import read_captioner, write_captioner
from lib.data.formats.broden import open_broden
from lib.data.formats.label_formats import open_labelled_images
from lib.data.stores.columns import COLUMNS
from lib.data.stores.tables import read_table, write_table
from lib.kernels.search.formula import format_formula, parse_formula
from lib.models.weights.checkpoints import read_state_dict, save_state_dict
from lib.playground.drawing import draw_playground

PIECES = [
    b"",
    b"\0",
    b",",
    b'"',
    b"\n",
    b"\r",
    b";",
    b"../",
    b"/",
    b"=1+1",
    b"-1",
    b"9" * 30,
    b"nan",
    b"\xff\xfe",
    b"x" * 5000,
]
NAMES = ["sky", "street-s", "a b", "(odd)", "x AND y", "NOT", "=1", "ü", '"', "a\\b", "\u202e"]
WORDS = [*NAMES, "(", ")", " AND ", " OR ", " NOT ", " ", '"sky"', "\\", "\n", "AND", "((((", "))))"]


SECONDS, BYTES = 1.0, 200 * 10**6  # of a reader of models, on the processor and in memory


def damage(content, chance):
    """Return a copy of some bytes with a few random changes."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        place, length = chance.randrange(len(content) + 1), chance.choice([0, 1, 2, 8, 64])
        kind = chance.randrange(4)
        if kind == 0:
            content[place : place + length] = chance.choice(PIECES)
        elif kind == 1:
            content[place : place + length] = chance.randbytes(length)
        elif kind == 2:
            content = content[:place]
        else:
            start = chance.randrange(len(content) + 1)
            content[place:place] = content[start : start + length]
    return bytes(content)


class Files:
    """Damages one of some files of a folder and hands the folder to a reader."""

    def __init__(self, folder, names, read, *, bounded=False):
        self.folder, self.read, self.bounded = folder, read, bounded
        self.originals = {folder / name: (folder / name).read_bytes() for name in names}

    def damaged(self, path, chance):
        return damage(self.originals[path], chance)

    def try_one(self, chance):
        path = chance.choice(list(self.originals))
        content = self.damaged(path, chance)
        path.write_bytes(content)
        found = measure(lambda _: self.read(), path)
        path.write_bytes(self.originals[path])
        kind, message = found["kind"], found["message"]
        if self.bounded and (found["seconds"] > SECONDS or found["bytes"] > BYTES):
            return f"{path.name}: {found['seconds']:.1f} s and {found['bytes'] / 1e6:.0f} MB", message, content
        if found["refused"]:
            named = path.name in message or self.folder.name in message
            return None if named else (f"{path.name}: {kind} without the file's name", message, content)
        return None if kind == "read" else (f"{path.name}: {kind}", message, content)


# numbers, texts and calls as the pickles of models have them, and what a maker of bombs would put in their place
OPERATIONS = [
    *(
        b"(",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"R",
        b"b",
        b"\x81",
        b"u",
        b"s",
        b"e",
        b"a",
        b"Q",
        b"q\x01",
        b"h\x01",
        b".",
        b"2",
    ),
    *(b"N", b"\x88", b"\x89", b"]", b"}", b")", b"K\0", b"M\xff\xff", b"J\xff\xff\xff\x7f", b"J\xff\xff\xff\xff"),
    *(b"\x8a\x08\0\0\0\0\0\0\0\x7f", b"G\x7f\xf8\0\0\0\0\0\0", b"r\xff\xff\xff\xff", b"X\xff\xff\xff\xff"),
    *(b"X\x01\0\0\0a", b"X\x07\0\0\0storage", b"X\x06\0\0\0latin1", b"X\x01\0\0\0" + b"0"),
    *(f"c{name}\n".encode() for name in ("_codecs\nencode", "__builtin__\nbytearray", "__builtin__\nset")),
    *(f"c{name}\n".encode() for name in ("collections\nOrderedDict", "torch\nSize", "torch\nFloatStorage")),
    *(f"ctorch._utils\n_rebuild_{name}\n".encode() for name in ("tensor_v2", "tensor_v3", "parameter", "qtensor")),
    b"ctorch._tensor\n_rebuild_from_type_v2\n",
]


class Archives(Files):
    """Damages the pickle in archives of torch.save and packs them again with the right checksums.

    One in two gets other operations in place of its own, often many times the same ones.
    """

    def damaged(self, path, chance):
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        name = next(name for name in entries if name.endswith("/data.pkl"))
        content = entries[name]
        if chance.randrange(2):
            content = damage(content, chance)
        else:
            for _ in range(chance.choice([1, 2, 4])):
                place, length = chance.randrange(2, len(content)), chance.choice([0, 1, 2, 5, 20])
                some = b"".join(chance.choice(OPERATIONS) for _ in range(chance.choice([1, 2, 3, 8])))
                content = content[:place] + some * chance.choice([1, 1, 1, 60, 50_000]) + content[place + length :]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for own, data in entries.items():
                archive.writestr(own, content if own == name else data)
        return packed.getvalue()


class Formulas:
    """Hands odd text to the parser; what it accepts must survive being written and read again."""

    def try_one(self, chance):
        text = "".join(chance.choice(WORDS) for _ in range(chance.randrange(12)))
        try:
            formula = parse_formula(text, NAMES)
        except ValueError:
            return None
        except Exception as error:
            return type(error).__name__, repr(error), text
        again = parse_formula(format_formula(formula, NAMES), NAMES)
        return None if again == formula else ("round trip", f"{formula} became {again}", text)


def targets(scratch):
    """Return {name: what to try}."""
    draw_playground(scratch / "broden", n_images=3, image_size=32, seed=0, validation_share=0.3, processes=1)
    tables = [path.name for path in (scratch / "broden").glob("*.csv")]
    maps = [str(path.relative_to(scratch / "broden")) for path in (scratch / "broden").rglob("*.png")][:6]

    def broden():
        dataset = open_broden(scratch / "broden", subset="", categories=["color", "object"])
        for i in range(len(dataset)):
            dataset.annotations(i)

    labelled = scratch / "labelled"
    for name in ("images", "annotations"):
        (labelled / name).mkdir(parents=True)
        for path in maps[:2]:
            shutil.copy(scratch / "broden" / path, labelled / name)
    (labelled / "labels.csv").write_text("0,sky\n1,street\n2,car,object\n", encoding="utf-8")

    def index_png():
        for entry in open_labelled_images(labelled, format="index_png", places={}).images[:1]:
            str(entry)

    kinds = {"str": "a b", "int": 1, "float": 0.5, "bool": True}
    columns = {column: [kinds.get(kind, 1)] * 3 for column, kind in COLUMNS["explanations"].items()}
    (scratch / "tables").mkdir()
    write_table(pd.DataFrame(columns), str(scratch / "tables/explanations.csv"), "explanations")
    captioner = small_captioner()
    (scratch / "models").mkdir()
    write_captioner(str(scratch / "models/native.safetensors"), captioner)
    torch.save(payload_of(captioner), scratch / "models/published.pth")
    state = {"layer.weight": torch.zeros(3), "layer.bias": torch.zeros(3, 2).t()}
    torch.save({"epoch": 1, "state_dict": state}, scratch / "models/weights.pth")
    torch.save(state, scratch / "models/stream.pth", _use_new_zipfile_serialization=False)
    save_state_dict(torch.nn.Linear(2, 3), scratch / "models/weights.safetensors")

    def captioner_in(name):
        return lambda: read_captioner(str(scratch / "models" / name))

    def weights_in(name):
        return lambda: read_state_dict(scratch / "models" / name, trusted_sha256=[])

    return {
        "Broden tables": Files(scratch / "broden", tables, broden),
        "Broden label maps": Files(scratch / "broden", maps, broden),
        "index PNG labels": Files(labelled, ["labels.csv"], index_png),
        "result tables": Files(
            scratch / "tables",
            ["explanations.csv"],
            lambda: read_table(scratch / "tables/explanations.csv", "explanations"),
        ),
        "MILAN, native": Files(
            scratch / "models", ["native.safetensors"], captioner_in("native.safetensors"), bounded=True
        ),
        "MILAN, published": Files(scratch / "models", ["published.pth"], captioner_in("published.pth"), bounded=True),
        "MILAN, pickles of published": Archives(
            scratch / "models", ["published.pth"], captioner_in("published.pth"), bounded=True
        ),
        "weights": Files(scratch / "models", ["weights.pth"], weights_in("weights.pth"), bounded=True),
        "weights, pickles": Archives(scratch / "models", ["weights.pth"], weights_in("weights.pth"), bounded=True),
        "weights, streams": Files(scratch / "models", ["stream.pth"], weights_in("stream.pth"), bounded=True),
        "weights, safetensors": Files(
            scratch / "models", ["weights.safetensors"], weights_in("weights.safetensors"), bounded=True
        ),
        "formulas": Formulas(),
    }


def main():
    parser = argparse.ArgumentParser(description="Feed damaged input to every reader.")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    failures = {}
    with tempfile.TemporaryDirectory() as scratch:
        tried = targets(Path(scratch))
        for number, (name, target) in enumerate(tried.items()):
            chance = random.Random(arguments.seed * 1000 + number)
            n, end = 0, time.monotonic() + 60 * arguments.minutes / len(tried)
            while time.monotonic() < end:
                if (found := target.try_one(chance)) is not None and found[0] not in failures:
                    failures[found[0]] = found[1:]
                n += 1
            print(f"{name}: {n:,} cases", flush=True)
    for kind, (message, content) in failures.items():
        print(f"\n{kind}: {message[:500]}\n  input: {content[:300]!r}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
