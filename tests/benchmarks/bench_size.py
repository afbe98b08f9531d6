"""How time grows with images, units, concepts and layers; and runs at full size, which go on where they were ended.

    python tests/benchmarks/bench_size.py growth [--images 250] [--units 16] [--concepts 150] [--layers 1] [--doublings 3]
    python tests/benchmarks/bench_size.py concepts --folder where [--images 22000] [--concepts 1200] [--units 2048]
    python tests/benchmarks/bench_size.py images --folder where [--images 100000] [--side 64]

Writes results/bench/size.csv (case, measure, unit, ours, peer, ratio), or size_concepts.csv and size_images.csv, and prints it as
a Markdown table. Times are CPU seconds of one core.

`growth` doubles one size at a time, and prints the exponent of the time of each stage: 1 is linear. `last_doubling` is that of
the two largest sizes alone, at which opening files and the like count least. Compiled code is loaded before.

`concepts` labels units of a concept set with the size of Broden: 6 ranges each, proved formulas, metrics. `images` tallies a
ResNet-18 on small photographs, lists them and collects exemplars. Both run each stage in a process of its own and keep what is
done in the folder, so that the same command goes on after an end; `--minutes` ends it early. 3 GB of disk for `concepts`.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.data.stores.concepts import read_atoms
from tests.benchmarks.bench_forward import draw
from tests.benchmarks.bench_memory import draw_concepts, label_options, run, write_units
from tests.benchmarks.broden_like import UnitDrawer
from tests.benchmarks.growing import GROUPS, exponents
from tests.benchmarks.table import Bench

UNITS_AT_ONCE, SHARDS, PHOTOGRAPHS_AT_ONCE = 64, 10, 1000
LAYERS = ["conv1", "layer1", "layer2", "layer3", "layer4"]


def bench_growth(bench, base, doublings):
    """Measure each stage at growing sizes, one axis after the other."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, (measure, axes) in GROUPS.items():
            measure(Path(scratch) / f"{name}_first", base)
            for axis in axes:
                sizes = [base[axis] * 2**step for step in range(doublings + 1)]
                found = []
                for size in sizes:
                    folder = Path(scratch) / f"{name}_{axis}_{size}"
                    found.append(measure(folder, base | {axis: size}))
                    shutil.rmtree(folder)
                    for stage, seconds in found[-1].items():
                        bench.add(f"{size}_{axis}", f"{stage}_s", "s", seconds)
                for stage in found[0]:
                    slope, last = exponents(sizes, [times[stage] for times in found])
                    bench.add(f"growth_in_{axis}", f"{stage}_exponent", "1", slope)
                    bench.add(f"growth_in_{axis}", f"{stage}_last_doubling", "1", last)


class Steps:
    """Results of steps, kept in a file, so that a run that was ended goes on.

    Parameters
    ----------
    path : pathlib.Path
    minutes : float or None
        Time after which no new step begins.
    """

    def __init__(self, path, minutes):
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.done = dict(map(json.loads, lines))
        self._end = time.monotonic() + 60 * minutes if minutes else np.inf

    def once(self, name, function):
        """Return the result of a step, a list of numbers, and whether there is one: of an earlier run, or made now."""
        if name not in self.done and time.monotonic() < self._end:
            self.done[name] = function()
            with self._path.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps([name, self.done[name]]) + "\n")
            print(name, self.done[name], flush=True)
        return name in self.done

    def of(self, stage):
        """Return the results of all steps of a stage, (steps, numbers)."""
        return np.array([found for name, found in self.done.items() if name.split()[0] == stage])


def size_of(folder):
    """Return the bytes of a file or of all files in a folder."""
    return sum(file.stat().st_size for file in ([folder] if folder.is_file() else folder.rglob("*")) if file.is_file())


def label_units(folder, drawer, first, n_units):
    """Draw some units and label them; return GiB and CPU seconds of each stage, and the bytes of the store and of the tables."""
    part = folder / "part"
    shutil.rmtree(part, ignore_errors=True)
    (part / "0-of-1").mkdir(parents=True)
    write_units(part / "0-of-1/layer.zarr", np.stack([drawer.draw(first + unit) for unit in range(n_units)], axis=1))
    options = label_options(part, folder / "concepts.zarr", part / "0-of-1")
    found = [number for stage, own in options.items() for number in run(f"explanations.{stage}", **own)]
    found += [size_of(part / "0-of-1"), sum(map(size_of, part.glob("*.csv")))]
    shutil.rmtree(part)
    return found


def bench_concepts(bench, steps, folder, *, images, concepts, units):
    """Label units on a concept set of the given size."""
    path = folder / "concepts.zarr"
    if not steps.once("draw", lambda: draw_concepts(path, images, concepts) or [size_of(path)]):
        return
    names = {f"label {first}": first for first in range(0, units, UNITS_AT_ONCE)}
    if not names.keys() <= steps.done.keys():
        drawer = UnitDrawer(read_atoms(path)[0])
        for name, first in names.items():
            steps.once(name, partial(label_units, folder, drawer, first, min(UNITS_AT_ONCE, units - first)))
    found = steps.of("label")
    n_done = sum(min(UNITS_AT_ONCE, units - first) for name, first in names.items() if name in steps.done)
    case = f"{images}_images_{concepts}_concepts"
    bench.add(case, "concept_set_gib", "GiB", steps.of("draw")[0, 0] / 2**30)
    bench.add(case, "units_done", "1", n_done)
    if not n_done:
        return
    for place, stage in enumerate(("find_ranges", "explain_units", "score_explanations")):
        bench.add(case, f"{stage}_peak_gib", "GiB", found[:, 2 * place].max())
        bench.add(case, f"{stage}_s_per_unit", "s", found[:, 2 * place + 1].sum() / n_done)
    bench.add(case, "all_stages_h", "h", found[:, 1:6:2].sum() / 3600)
    bench.add(case, "activations_gib", "GiB", found[:, 6].sum() / 2**30)
    bench.add(case, "tables_mib", "MiB", found[:, 7].sum() / 2**20)


def bench_images(bench, steps, folder, *, images, side):
    """Tally a ResNet-18 on small photographs and collect its exemplars."""

    def draw_part(first):
        part = folder / f"photographs/{first:08d}"
        part.mkdir(parents=True, exist_ok=True)
        draw(part, min(PHOTOGRAPHS_AT_ONCE, images - first), size=(side, side), seed=first)
        return [size_of(part)]

    paths = {name: str(folder / f"{name}.csv") for name in ("images", "skipped")}
    shared = {"images": paths["images"], "layers": LAYERS, "geometry": {"resize": side, "crop": side}, "weights": []}
    shared |= {"device": "cpu", "batch_size": 96, "threads": 1, "trusted_sha256": []}
    network = {"name": "resnet18", "normalisation": "imagenet", "seed": 0}
    tallies = [str(folder / f"{shard}-of-{SHARDS}") for shard in range(SHARDS)]
    counting = {"network": network, "k": 15, "quantile": 0.99, "max_units": None, "version": "bench"}
    stages = {
        "list_images": {**paths, "data": str(folder / "photographs"), "subset": "", "column": "path", "threads": 1}
    }
    for tally in tallies:
        own = {"tally": tally, "shard": Path(tally).name}
        stages[f"tally_units {own['shard']}"] = shared | counting | own
    album = {"exemplars": str(folder / "exemplars"), "units": str(folder / "units.csv"), "output_size": side}
    stages["collect_exemplars"] = shared | album | {"tallies": tallies, "chosen": {}, "seed": 0, "network": None}
    drawn = [steps.once(f"draw {first}", partial(draw_part, first)) for first in range(0, images, PHOTOGRAPHS_AT_ONCE)]
    # each stage needs those before
    complete = all(drawn)
    for name, options in stages.items():
        complete = complete and steps.once(name, partial(run, f"exemplars.{name.split()[0]}", **options))
    case = f"{images}_images_{side}_px"
    bench.add(case, "photographs_gib", "GiB", steps.of("draw").sum() / 2**30)
    for stage in dict.fromkeys(name.split()[0] for name in stages):
        found = steps.of(stage)
        if len(found):
            done = images * len(found) / SHARDS if stage == "tally_units" else images
            bench.add(case, f"{stage}_peak_gib", "GiB", found[:, 0].max())
            bench.add(case, f"{stage}_images_done", "1", done)
            bench.add(case, f"{stage}_ms_per_image", "ms", 1000 * found[:, 1].sum() / done)
            bench.add(case, f"{stage}_h", "h", found[:, 1].sum() / 3600)
    for name, kept in {"tallies": [Path(tally) for tally in tallies], "exemplars": [folder / "exemplars"]}.items():
        bench.add(case, f"{name}_mib", "MiB", sum(map(size_of, kept)) / 2**20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("growth", "concepts", "images"), nargs="?", default="growth")
    parser.add_argument("--images", type=int)
    parser.add_argument("--units", type=int)
    parser.add_argument("--concepts", type=int)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--side", type=int)
    parser.add_argument("--doublings", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="what is done is kept here")
    parser.add_argument("--minutes", type=float, help="begin nothing new after this time")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench")
    arguments = parser.parse_args()
    defaults = {
        "growth": {"images": 250, "units": 16, "concepts": 150, "layers": 1},
        "concepts": {"images": 22_000, "units": 2048, "concepts": 1200},
        "images": {"images": 100_000, "side": 64},
    }[arguments.what]
    sizes = {name: getattr(arguments, name) or value for name, value in defaults.items()}
    bench = Bench()
    print("| case | measure | unit | ours | peer | ratio |\n| --- | --- | --- | --- | --- | --- |")
    if arguments.what == "growth":
        bench_growth(bench, sizes, arguments.doublings)
        bench.write(arguments.output / "size.csv")
        return
    if not arguments.folder:
        parser.error(f"{arguments.what} needs --folder, where it goes on from what is done")
    folder = arguments.folder / "_".join([arguments.what, *map(str, sizes.values())])
    folder.mkdir(parents=True, exist_ok=True)
    steps = Steps(folder / "steps.jsonl", arguments.minutes)
    {"concepts": bench_concepts, "images": bench_images}[arguments.what](bench, steps, folder.resolve(), **sizes)
    bench.write(arguments.output / f"size_{arguments.what}.csv")


if __name__ == "__main__":
    main()
