"""Times the explanation engine on synthetic concept sets, optionally beside the published package; never fails on time.

    python tests/benchmarks/bench_engine.py [--images 2000] [--units 8] [--peer-venv FOLDER]

Writes results/bench/engine.csv (case, measure, unit, ours, peer, ratio) and prints it as a Markdown table. All times are
wall-clock seconds of one thread; `unit_pass_s` serves all ranges of a case, the searches are per range.
"""

import argparse
import csv
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.data.broden import open_broden  # noqa: E402
from lib.kernels.beam import ConceptCounts, search_beam  # noqa: E402
from lib.kernels.optimal import search_optimal  # noqa: E402
from lib.kernels.ranges import cluster_ranges, top_range  # noqa: E402
from lib.kernels.unit_pass import count_per_atom  # noqa: E402
from lib.stages.build_concepts import build_concepts  # noqa: E402
from tests.benchmarks.broden_like import make_atoms, make_unit, write_folder  # noqa: E402
from tests.benchmarks.peer import Peer  # noqa: E402

FULL_BRODEN = 22_000


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
    return atoms


def bench_growth(bench, atoms):
    """Measure how times grow with images, concepts and units; extrapolate to a large layer on full Broden."""
    sizes = [(250, 1100), (500, 1100), (1000, 1100), (500, 275), (500, 550)]
    made = {size: make_atoms(*size, seed=0) for size in sizes} | {(atoms.n_images, 1100): atoms}
    seconds = {}
    for (n_images, n_concepts), own in made.items():
        counts = ConceptCounts(own)
        ranges = [(maps, [top_range(maps, 0.005), *cluster_ranges(maps, 4)]) for maps in _units(own, 4)]
        measure(own, counts, ranges[:1])
        passes, beams, optima = measure(own, counts, ranges)
        case = f"growth_{n_images}_images_{n_concepts}_concepts"
        means = {"unit_pass_s": passes.mean(), "beam_s": beams.mean(), "optimal_s": optima.mean()}
        for name, value in means.items():
            bench.add(case, name, "s", value)
        if n_concepts == 1100:
            seconds[n_images] = means
        if (n_images, n_concepts) == (500, 1100):
            for n_units in (1, 2, 4):
                total = sum(part.sum() for part in measure(own, counts, ranges[:n_units]))
                bench.add(f"growth_{n_units}_units", "explain_s", "s", total)
    largest = max(seconds)
    rest = {}
    for name in ("unit_pass_s", "beam_s", "optimal_s"):
        found = [seconds[n][name] for n in sorted(seconds)]
        power = max(1.0, np.polyfit(np.log(sorted(seconds)), np.log(found), 1)[0])
        rest[name] = seconds[largest][name] * (FULL_BRODEN / largest) ** power
    for search in ("beam_s", "optimal_s"):
        hours = 512 * (rest["unit_pass_s"] + 5 * rest[search]) / 3600
        bench.add("extrapolated_512_units_5_ranges_22000_images", f"with_{search[:-2]}_h", "h", hours)


def _units(atoms, n_units):
    return [make_unit(atoms, seed=unit) for unit in range(n_units)]


def bench_atoms(bench):
    """Measure building the sparse segmentation cache from label maps, beside decoding the maps alone."""
    n_images = 300
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "broden"
        write_folder(folder, make_atoms(n_images, 1100, seed=0))
        concepts = {"subset": "", "categories": ["color", "object", "part", "material", "scene"]}
        dataset = open_broden(folder, **concepts)
        _, decoding = timed(lambda: [dataset.annotations(image) for image in range(n_images)])
        output = str(Path(scratch) / "concepts.zarr")
        _, building = timed(build_concepts, data=str(folder), concept_set=output, concepts=concepts, threads=1)
    bench.add("atoms_300_images", "decode_s_per_image", "s", decoding / n_images)
    bench.add("atoms_300_images", "atoms_s_per_image", "s", (building - decoding) / n_images)
    bench.add("atoms_300_images", "peak_mib", "MiB", peak_mib())
    minutes = (building - decoding) / n_images * FULL_BRODEN / 60 / 2
    bench.add("extrapolated_22000_images", "atoms_beyond_decoding_min", "min of 2 cores", minutes)


def upsampled(maps, shape):
    """Return the maps at the size of the mask grid, by torch."""
    import torch

    wide = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=shape, mode="bilinear")
    return wide[:, 0].numpy()


def bench_peer(bench, folder, limit):
    """Measure the published package on the top range of one unit."""
    with Peer(folder) as peer:
        for n_concepts, n_images in ((84, 200), (274, 300)):
            case = f"peer_{n_concepts}x{n_images}"
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
            wide = upsampled(maps, atoms.pixel_atoms.shape[1:])
            problem = peer.write(atoms, (wide > bounds[0]) & (wide < bounds[1]))
            for method in ("beam", "optimal"):
                answer = peer.solve(problem, method, limit=limit)
                if answer is None:
                    print(
                        f"{case}: the package's {method} search was stopped after {limit} s; the ratio is a lower bound"
                    )
                    bench.add(case, f"{method}_s", "s", ours[method], limit)
                elif "error" in answer:
                    print(f"{case}: the package's {method} search failed: {answer['error']}")
                    bench.add(case, f"{method}_s", "s", ours[method])
                else:
                    bench.add(case, f"{method}_s", "s", ours[method], answer["seconds"])
                    bench.add(case, f"{method}_iou", "1", ious[method], answer["iou"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--concepts", type=int, default=1100)
    parser.add_argument("--units", type=int, default=8)
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "engine.csv")
    parser.add_argument("--peer-venv", type=Path, help="folder of the published package's environment; made if missing")
    parser.add_argument("--peer-limit", type=float, default=600, help="seconds for one answer of the package")
    arguments = parser.parse_args()
    bench = Bench()
    bench_atoms(bench)
    atoms = bench_set(bench, f"broden{arguments.images}", arguments.images, arguments.concepts, arguments.units)
    bench_growth(bench, atoms)
    if arguments.peer_venv:
        bench_peer(bench, arguments.peer_venv, arguments.peer_limit)
    bench.write(arguments.output)
    print(f"\nwrote {arguments.output}")


if __name__ == "__main__":
    main()
