"""Times the explanation engine on synthetic concept sets, optionally beside the published package; never fails on time.

    python tests/benchmarks/bench_engine.py [--images 2000] [--units 8] [--peer-venv FOLDER]

Writes results/bench/engine.csv (case, measure, unit, ours, peer, ratio) and prints it as a Markdown table. All times are
wall-clock seconds of one thread; `unit_pass_s` serves all ranges of a case, the searches are per range.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.kernels.beam import ConceptCounts, search_beam  # noqa: E402
from lib.kernels.optimal import search_optimal  # noqa: E402
from lib.kernels.ranges import cluster_ranges, top_range  # noqa: E402
from lib.kernels.unit_pass import count_per_atom  # noqa: E402
from tests.benchmarks.broden_like import make_atoms, make_unit  # noqa: E402

PEER = "compositional_explanations==0.0.3.4"


def set_values(counts_per_atom, atoms):
    """Sum counts per atom to counts per concept set."""
    return np.bincount(atoms.atom_set, weights=counts_per_atom, minlength=atoms.n_sets).astype(np.int64)


def timed(function, *arguments, **options):
    begin = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - begin


class Bench:
    def __init__(self):
        self.rows = []

    def add(self, case, measure, unit, ours, peer=None):
        ratio = peer / ours if peer is not None else None
        self.rows.append(
            [case, measure, unit, *(None if x is None else float(f"{x:.4g}") for x in (ours, peer, ratio))]
        )
        print("|", " | ".join("" if x is None else str(x) for x in self.rows[-1]), "|", flush=True)

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".part")
        with temporary.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["case", "measure", "unit", "ours", "peer", "ratio"])
            writer.writerows(self.rows)
        os.replace(temporary, path)


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(atoms, counts, ranges_of):
    """Return the seconds of the pass per unit, and of the beam and of the optimal search per range."""
    passes, beams, optima = [], [], []
    for maps, ranges in ranges_of:
        lower, upper = np.array(ranges, np.float64).T
        per_atom, seconds = timed(count_per_atom, maps, atoms, lower=lower, upper=upper)
        passes.append(seconds)
        for row in per_atom:
            values = set_values(row, atoms)
            kept, seconds = timed(search_beam, values, counts, length=3, beam=5)
            beams.append(seconds)
            best, seconds = timed(search_optimal, values, counts, length=3, beam=5, seconds=None)
            optima.append(seconds)
            if best.scored is not None and not (best.optimal and best.scored.iou >= kept.iou):
                raise RuntimeError(f"the search has not proved {best}")
    return np.array(passes), np.array(beams), np.array(optima)


def bench_set(bench, name, n_images, n_concepts, n_units):
    """Measure the top range and the five clusters of some units on one concept set."""
    atoms, seconds = timed(make_atoms, n_images, n_concepts, seed=0)
    counts = ConceptCounts(atoms)
    print(
        f"\n{n_images} images, {atoms.n_concepts} concepts, {len(atoms.atom_size)} atoms, {atoms.n_sets} concept sets "
        f"(made in {seconds:.0f} s)\n\n| case | measure | unit | ours | peer | ratio |\n| --- | --- | --- | --- | --- | --- |"
    )
    bench.add(name, "index_s", "s", timed(lambda: counts.index)[1])
    top, middle = [], []
    for unit in range(n_units):
        maps = make_unit(atoms, seed=unit)
        top.append((maps, [top_range(maps, 0.005)]))
        middle.append((maps, cluster_ranges(maps, 5)))
    measure(atoms, counts, [middle[0], top[0]])
    for case, ranges in ((f"{name}_top", top), (f"{name}_middle", middle)):
        passes, beams, optima = measure(atoms, counts, ranges)
        bench.add(case, "unit_pass_s", "s", np.median(passes))
        bench.add(case, "beam_s", "s", np.median(beams))
        bench.add(case, "optimal_s", "s", np.median(optima))
        bench.add(case, "optimal_max_s", "s", np.max(optima))
        bench.add(case, "peak_mib", "MiB", peak_mib())


def bench_growth(bench):
    """Measure how the time of a unit (six ranges: pass and optimal search) grows."""
    for n_images, n_concepts in ((125, 1100), (250, 1100), (500, 1100), (500, 275), (500, 550)):
        atoms = make_atoms(n_images, n_concepts, seed=0)
        counts = ConceptCounts(atoms)
        units = [make_unit(atoms, seed=unit) for unit in range(4)]
        ranges = [(maps, [top_range(maps, 0.005), *cluster_ranges(maps, 5)]) for maps in units]
        measure(atoms, counts, ranges[:1])
        for n_units in (4,) if n_images < 500 or n_concepts < 1100 else (1, 2, 4):
            passes, _, optima = measure(atoms, counts, ranges[:n_units])
            case = f"growth_{n_images}_images_{n_concepts}_concepts_{n_units}_units"
            bench.add(case, "explain_s", "s", passes.sum() + optima.sum())


def write_problem(path, atoms, maps, bounds):
    """Write dense bitmap and sparse masks as the published package takes them."""
    import torch

    side = atoms.pixel_atoms.shape[1:]
    maps = torch.from_numpy(maps)[:, None]
    values = torch.nn.functional.interpolate(maps, size=side, mode="bilinear", align_corners=False).numpy()
    bitmap = ((values > bounds[0]) & (values < bounds[1])).reshape(atoms.n_images, -1)
    images, pixels = [], []
    for concept in range(atoms.n_concepts):
        image, pixel = atoms.concept_mask(concept).reshape(atoms.n_images, -1).nonzero()
        images.append(image.astype(np.int32))
        pixels.append(pixel.astype(np.int32))
    disjoint = ConceptCounts(atoms).index.sizes.pair == 0
    np.fill_diagonal(disjoint, True)
    np.savez(
        path,
        bitmap=bitmap,
        images=np.concatenate(images),
        pixels=np.concatenate(pixels),
        starts=np.cumsum([0, *map(len, images)]),
        disjoint=disjoint,
    )


def bench_peer(bench, folder):
    """Measure the published package, in a virtual environment of its own, on the top range of one unit."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    script = Path(__file__).with_name("peer_engine.py")
    for n_concepts, n_images, methods in ((84, 200, ("beam", "optimal")), (274, 300, ("beam",))):
        atoms = make_atoms(n_images, n_concepts, seed=0)
        counts, maps = ConceptCounts(atoms), make_unit(atoms, seed=1)
        bounds = top_range(maps, 0.005)
        measure(atoms, counts, [(maps, [bounds])])
        passes, beams, optima = measure(atoms, counts, [(maps, [bounds])])
        ours = {"beam": passes[0] + beams[0], "optimal": passes[0] + optima[0]}
        values = set_values(count_per_atom(maps, atoms, lower=[bounds[0]], upper=[bounds[1]])[0], atoms)
        ious = {
            "beam": search_beam(values, counts, length=3, beam=5).iou,
            "optimal": search_optimal(values, counts, length=3, beam=5, seconds=None).scored.iou,
        }
        with tempfile.TemporaryDirectory() as scratch:
            problem = Path(scratch) / "problem.npz"
            write_problem(problem, atoms, maps, bounds)
            for method in methods:
                run = subprocess.run([python, script, problem, method], stdout=subprocess.PIPE, text=True)
                case = f"peer_{n_concepts}x{n_images}"
                if run.returncode:
                    print(f"{case}: the published package's {method} search failed")
                    continue
                peer = json.loads(run.stdout.splitlines()[-1])
                bench.add(case, f"{method}_s", "s", ours[method], peer["seconds"])
                bench.add(case, f"{method}_iou", "1", ious[method], peer["iou"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--concepts", type=int, default=1100)
    parser.add_argument("--units", type=int, default=8)
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "engine.csv")
    parser.add_argument("--peer-venv", type=Path, help="folder of the published package's environment; made if missing")
    arguments = parser.parse_args()
    bench = Bench()
    bench_set(bench, f"broden{arguments.images}", arguments.images, arguments.concepts, arguments.units)
    bench_growth(bench)
    if arguments.peer_venv:
        bench_peer(bench, arguments.peer_venv)
    bench.write(arguments.output)
    print(f"\nwrote {arguments.output}")


if __name__ == "__main__":
    main()
