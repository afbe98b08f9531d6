"""Feeds damaged files to the readers and odd text to the formula parser, for some minutes (make fuzz).

    python tests/fuzz.py [--minutes 5] [--seed 0]

A reader must return something or raise ValueError or OSError with a message that names the file; anything else is
printed with the damaged input and makes the run fail. The cases tried are counted per reader. What finds an error here
becomes a test of that reader.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/captioning")]

from published_milan import payload_of  # noqa: E402
from test_checkpoint import small_captioner  # noqa: E402

from lib.captioning.checkpoint import read_captioner, write_captioner  # noqa: E402
from lib.data.broden import open_broden  # noqa: E402
from lib.data.label_formats import open_labelled_images  # noqa: E402
from lib.data.playground import draw_playground  # noqa: E402
from lib.data.tables import COLUMNS, read_table, write_table  # noqa: E402
from lib.kernels.formula import format_formula, parse_formula  # noqa: E402
from lib.models.checkpoints import read_state_dict  # noqa: E402

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

    def __init__(self, folder, names, read):
        self.folder, self.read = folder, read
        self.originals = {folder / name: (folder / name).read_bytes() for name in names}

    def try_one(self, chance):
        path = chance.choice(list(self.originals))
        content = damage(self.originals[path], chance)
        path.write_bytes(content)
        try:
            self.read()
        except (ValueError, OSError) as error:
            if path.name not in str(error) and self.folder.name not in str(error):
                return f"{path.name}: {type(error).__name__} without the file's name", repr(error), content
        except Exception as error:
            return f"{path.name}: {type(error).__name__}", repr(error), content
        finally:
            path.write_bytes(self.originals[path])
        return None


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
    torch.save({"layer.weight": torch.zeros(3)}, scratch / "models/weights.pth")

    def weights():
        read_state_dict(scratch / "models/weights.pth", trusted_sha256=[])

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
            scratch / "models",
            ["native.safetensors"],
            lambda: read_captioner(str(scratch / "models/native.safetensors")),
        ),
        "MILAN, published": Files(
            scratch / "models", ["published.pth"], lambda: read_captioner(str(scratch / "models/published.pth"))
        ),
        "weights": Files(scratch / "models", ["weights.pth"], weights),
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
