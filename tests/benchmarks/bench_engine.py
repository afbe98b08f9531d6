"""Times the explanation engine on synthetic concept sets, optionally beside the published package; never fails on time.

    python tests/benchmarks/bench_engine.py [--images 2000] [--units 8] [--peer-venv FOLDER]

Writes results/bench/engine.csv (case, measure, unit, ours, peer, ratio) and prints it as a Markdown table. All times are
wall-clock seconds of one thread, medians over the units; `unit_pass_s` serves all ranges of a case, the searches are per
range. With a GPU the pass is timed there too.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.data.formats.broden import open_broden
from lib.kernels.activations.ranges import cluster_ranges, top_range
from lib.kernels.activations.unit_pass import count_on_device, count_per_atom
from lib.kernels.search.beam import ConceptCounts, search_beam
from lib.kernels.search.optimal import search_optimal
from lib.stages.concepts.build_concepts import build_concepts
from tests.benchmarks.broden_like import make_atoms, make_unit, write_folder
from tests.benchmarks.peer import Peer
from tests.benchmarks.table import Bench, timed

FULL_BRODEN = 22_000


def set_values(counts_per_atom, atoms):
    """Sum counts per atom to counts per concept set."""
    return np.bincount(atoms.atom_set, weights=counts_per_atom, minlength=atoms.n_sets).astype(np.int64)


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(atoms, counts, ranges_of):
    """Return the seconds of the pass per unit, and of the beam and of the optimal search per range."""
    passes, beams, optima = [], [], []
    for maps, ranges in ranges_of:
        lower, upper = np.array(ranges, np.float64).T
        per_atom, seconds = timed(count_per_atom, [maps], atoms, lower=lower, upper=upper)
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


def most_frequent(atoms, n_concepts):
    """Return an Atoms with the most frequent concepts alone; sets that differ in the others become one."""
    sizes = atoms.set_sizes()
    rows = np.repeat(np.arange(atoms.n_sets), np.diff(atoms.set_start))
    totals = np.bincount(atoms.set_concepts, weights=sizes[rows], minlength=atoms.n_concepts)
    kept = np.sort(np.argsort(-totals, kind="stable")[:n_concepts]).tolist()
    number = {concept: i for i, concept in enumerate(kept)}
    sets = {}
    merged = []
    for first, last in pairwise(atoms.set_start):
        held = tuple(number[c] for c in atoms.set_concepts[first:last].tolist() if c in number)
        merged.append(sets.setdefault(held, len(sets)))
    return replace(
        atoms,
        atom_set=np.array(merged)[atoms.atom_set],
        set_start=np.concatenate([[0], np.cumsum([len(held) for held in sets])]),
        set_concepts=np.array([c for held in sets for c in held], np.int64),
        n_concepts=n_concepts,
    )


def bench_proofs(bench, atoms, n_units, limit=60):
    """Measure the share of ranges proved at lengths 4 and 5 within a limit, and the time; the limit counts where it ends."""
    medium = make_atoms(1000, 150, seed=0)
    sets = [(most_frequent(medium, 26), (4, 5), "all"), (medium, (4, 5), "all"), (atoms, (4,), "top")]
    for own, lengths, which in sets:
        counts = ConceptCounts(own)
        ranges_of = [
            (maps, [top_range(maps, 0.005), *(cluster_ranges(maps, 5) if which == "all" else [])])
            for maps in _units(own, n_units)
        ]
        bitmaps = []
        for maps, ranges in ranges_of:
            lower, upper = np.array(ranges, np.float64).T
            bitmaps += [set_values(row, own) for row in count_per_atom([maps], own, lower=lower, upper=upper)]
        for length in lengths:
            search_optimal(bitmaps[0], counts, length=length, beam=5, seconds=1)
            proved, seconds = [], []
            for values in bitmaps:
                found, taken = timed(search_optimal, values, counts, length=length, beam=5, seconds=limit)
                proved.append(found.optimal)
                seconds.append(taken)
            case = f"length{length}_{own.n_concepts}_concepts_{which}"
            bench.add(case, "ranges", "1", len(proved))
            bench.add(case, "proved_share", "1", np.mean(proved))
            bench.add(case, "optimal_s", "s", np.median(seconds))
            bench.add(case, "optimal_max_s", "s", np.max(seconds))


def _units(atoms, n_units):
    return [make_unit(atoms, seed=unit) for unit in range(n_units)]


def bench_cuda(bench, name, atoms, n_units):
    """Measure the unit pass on a GPU, if there is one; its counts must be those of the CPU."""
    import torch  # late, because its memory is none of the engine's

    from lib.models.recording.unit_pass_torch import open_counter

    if not torch.cuda.is_available():
        return
    counter = open_counter(atoms.pixel_atoms, atoms.image_start, device="cuda")
    passes = []
    for maps in _units(atoms, n_units + 1):
        lower, upper = np.array(cluster_ranges(maps, 5), np.float64).T
        shape = atoms.pixel_atoms.shape[1:]
        counts, seconds = timed(count_on_device, [maps], counter, shape=shape, lower=lower, upper=upper)
        if not np.array_equal(counts, count_per_atom([maps], atoms, lower=lower, upper=upper)):
            raise RuntimeError("the counts on the GPU are not those on the CPU")
        passes.append(seconds)
    print(f"on {torch.cuda.get_device_name()}")
    bench.add(f"{name}_middle_cuda", "unit_pass_s", "s", np.median(passes[1:]))


BUILD_SIZES = (150, 600)
CATEGORIES = {"subset": "", "categories": ["color", "object", "part", "material", "scene"]}


def _decode(folder):
    dataset = open_broden(folder, **CATEGORIES)
    return timed(lambda: [dataset.annotations(image) for image in range(len(dataset))])[1], peak_mib()


def _build(folder, threads):
    output = f"{folder}-{threads}.zarr"
    return timed(build_concepts, data=folder, concept_set=output, concepts=CATEGORIES, threads=threads)[1], peak_mib()


def _apart(function, *arguments):
    """Call a function in a new process, whose peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def bench_atoms(bench, n_concepts=1200):
    """Measure building the sparse segmentation cache from label maps, beside decoding the maps; extrapolate to Broden."""
    memory = []
    with tempfile.TemporaryDirectory() as scratch:
        for n_images in BUILD_SIZES:
            folder, case = str(Path(scratch) / str(n_images)), f"atoms_{n_images}_images_{n_concepts}_concepts"
            write_folder(Path(folder), make_atoms(n_images, n_concepts, seed=0))
            decoding, _ = _apart(_decode, folder)
            building, peak = _apart(_build, folder, 1)
            both, peak_of_two = _apart(_build, folder, 2)
            memory.append(max(peak, peak_of_two))
            beyond = both - decoding / 2
            bench.add(case, "decode_s_per_image", "s", decoding / n_images)
            bench.add(case, "atoms_s_per_image", "s", (building - decoding) / n_images)
            bench.add(case, "atoms_2_threads_s_per_image", "s", beyond / n_images)
            bench.add(case, "peak_mib", "MiB", memory[-1])
    bench.add(
        "extrapolated_22000_images", "atoms_beyond_decoding_min", "min of 2 cores", beyond / n_images * FULL_BRODEN / 60
    )
    growth = (memory[1] - memory[0]) / (BUILD_SIZES[1] - BUILD_SIZES[0])
    bench.add("extrapolated_22000_images", "peak_mib", "MiB", memory[1] + growth * (FULL_BRODEN - BUILD_SIZES[1]))


def upsampled(maps, shape):
    """Return the maps at the size of the mask grid, by torch."""
    import torch

    wide = torch.nn.functional.interpolate(torch.from_numpy(maps)[:, None], size=shape, mode="bilinear")
    return wide[:, 0].numpy()


def bench_peer(bench, folder, limit):
    """Measure the published package on the top range of some units; our times include the pass over the maps."""
    with Peer(folder) as peer:
        for n_concepts, n_images, n_units in (
            (84, 200, {"beam": 3, "optimal": 3}),
            (274, 300, {"beam": 3, "optimal": 1}),
        ):
            case = f"peer_{n_concepts}x{n_images}"
            atoms = make_atoms(n_images, n_concepts, seed=0)
            counts = ConceptCounts(atoms)
            for method, n in n_units.items():
                ours, theirs = [], []
                for unit in range(1, n + 1):
                    maps = make_unit(atoms, seed=unit)
                    bounds = top_range(maps, 0.005)
                    measure(atoms, counts, [(maps, [bounds])])
                    passes, beams, optima = measure(atoms, counts, [(maps, [bounds])])
                    wide = upsampled(maps, atoms.pixel_atoms.shape[1:])
                    problem = peer.write(atoms, (wide > bounds[0]) & (wide < bounds[1]))
                    answer = peer.solve(problem, method, limit=limit)
                    if answer is not None and "error" in answer:
                        print(f"{case}: the package's {method} search failed: {answer['error']}")
                        continue
                    ours.append(passes[0] + (beams if method == "beam" else optima)[0])
                    if answer is None:
                        print(
                            f"{case}: the package's {method} search was stopped after {limit} s; the ratio is a lower bound"
                        )
                        theirs.append(limit)
                        continue
                    theirs.append(answer["seconds"])
                    values = set_values(count_per_atom([maps], atoms, lower=[bounds[0]], upper=[bounds[1]])[0], atoms)
                    best = search_optimal(values, counts, length=3, beam=5, seconds=None).scored
                    if answer["iou"] > best.iou + 1e-12:
                        raise RuntimeError(f"{case}, unit {unit}: {answer} is better than {best}")
                    found = search_beam(values, counts, length=3, beam=5) if method == "beam" else best
                    bench.add(f"{case}_unit{unit}", f"{method}_iou", "1", found.iou, answer["iou"])
                if ours:
                    bench.add(case, f"{method}_s", "s", np.median(ours), np.median(theirs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--concepts", type=int, default=1100)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "engine.csv")
    parser.add_argument("--peer-venv", type=Path, help="folder of the published package's environment; made if missing")
    parser.add_argument("--peer-limit", type=float, default=600, help="seconds for one answer of the package")
    arguments = parser.parse_args()
    bench = Bench()
    bench_atoms(bench)
    atoms = bench_set(bench, f"broden{arguments.images}", arguments.images, arguments.concepts, arguments.units)
    bench_growth(bench, atoms)
    bench_proofs(bench, atoms, max(1, arguments.units // 8))
    bench_cuda(bench, f"broden{arguments.images}", atoms, arguments.units)
    if arguments.peer_venv:
        bench_peer(bench, arguments.peer_venv, arguments.peer_limit)
    bench.write(arguments.output)


if __name__ == "__main__":
    main()
