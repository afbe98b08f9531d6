"""Compares the searches with the published package on many random problems; fails if ours is ever worse or wrong.

    python tests/benchmarks/compare_peer.py --peer-venv FOLDER [--small 200] [--large 10]

On each problem our optimal IoU must equal the package's to 1e-12 and must not lie below its beam. Where they differ on a
small problem, a search through all formulas decides, pixel by pixel; on a large one the larger IoU on dense masks. Where the
package is wrong it is listed apart. Both are given the bitmap, and what they keep of a data set is made before the clock.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.kernels.search.atoms import AtomCollector, Atoms, image_atoms
from lib.kernels.search.beam import ConceptCounts, search_beam
from lib.kernels.search.formula import evaluate
from lib.kernels.search.optimal import search_optimal
from tests.benchmarks.broden_like import make_atoms, make_unit
from tests.benchmarks.peer import Peer

TOLERANCE = 1e-12


def small_problem(rng):
    """Return atoms of up to 12 overlapping random concepts on a few small images, and a bitmap."""
    n_concepts, n_images, side = int(rng.integers(3, 13)), int(rng.integers(2, 9)), int(rng.integers(4, 13))
    masks = rng.random((n_concepts, n_images, side, side)) < rng.choice([0.1, 0.3, 0.6])
    collector, pixels = AtomCollector(), []
    for image in range(n_images):
        maps = [np.where(mask[image], c, -1) for c, mask in enumerate(masks)]
        found, sizes, sets = image_atoms(maps, [], shape=(side, side))
        collector.add(sizes, sets)
        pixels.append(found)
    a, b, c = rng.integers(0, n_concepts, 3)
    bitmap = ((masks[a] | masks[b]) & ~masks[c]) ^ (rng.random(masks.shape[1:]) < rng.choice([0.0, 0.1, 0.4]))
    return Atoms(np.stack(pixels), **collector.tables(), n_concepts=n_concepts), bitmap


def large_problem(number):
    """Return a Broden-like set and the strongest pixels of a unit drawn on it."""
    atoms = make_atoms(40 + 15 * number, 60 + 4 * number, seed=number)
    maps = make_unit(atoms, seed=number, side=7)
    values = np.repeat(np.repeat(maps, 16, axis=1), 16, axis=2)
    return atoms, values > np.quantile(values, 0.98)


def values_of(atoms, bitmap):
    """Return the bitmap's pixels in each concept set."""
    values = np.zeros(atoms.n_sets, np.int64)
    for image in range(atoms.n_images):
        first = atoms.image_start[image]
        np.add.at(values, atoms.atom_set[first + atoms.pixel_atoms[image][bitmap[image]].astype(np.int64)], 1)
    return values


def dense_iou(formula, atoms, bitmap):
    """Count the IoU of a formula pixel by pixel."""
    mask = evaluate(formula, atoms.concept_mask)
    return float((mask & bitmap).sum() / (mask | bitmap).sum())


def exhaustive_iou(atoms, bitmap):
    """Return the largest IoU of all left-deep formulas of up to three concepts, from dense masks alone."""
    masks = np.array([atoms.concept_mask(c).reshape(-1) for c in range(atoms.n_concepts)])
    bits, formulas, best = bitmap.reshape(-1), masks, 0.0
    for length in range(1, 4):
        if length > 1:
            formulas = np.concatenate([joined for f in formulas for joined in (f | masks, f & masks, f & ~masks)])
            formulas = np.unique(np.packbits(formulas, axis=1), axis=0)
            formulas = np.unpackbits(formulas, axis=1, count=bits.size).astype(bool)
        inside, size = (formulas & bits).sum(axis=1), formulas.sum(axis=1)
        best = max(best, float((inside / (bits.sum() + size - inside)).max()))
    return best


def judge(ours, peer, method, exhaustive):
    """Say which of two IoUs is wrong; `exhaustive` gives the truth, or None where there are too many formulas."""
    if method == "beam":
        return "OURS WRONG" if peer > ours + TOLERANCE else "equal"
    if abs(ours - peer) <= TOLERANCE:
        return "equal"
    truth = exhaustive()
    right = ours > peer if truth is None else abs(ours - truth) <= TOLERANCE
    return "package not optimal" if right else "OURS WRONG"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-venv", type=Path, required=True, help="folder of the package's environment")
    parser.add_argument("--small", type=int, default=200)
    parser.add_argument("--large", type=int, default=10)
    parser.add_argument("--limit", type=float, default=120, help="seconds for one answer of the package")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    problems = [("small", lambda: small_problem(rng))] * arguments.small
    problems += [("large", lambda number=number: large_problem(number)) for number in range(arguments.large)]
    outcomes = ("equal", "package not optimal", "package failed", "package too slow", "OURS WRONG")
    counted = {method: dict.fromkeys(outcomes, 0) for method in ("beam", "optimal")}
    ratios = {(size, method): [] for size in ("small", "large") for method in counted}
    with Peer(arguments.peer_venv) as peer:
        for number, (size, make) in enumerate(problems):
            atoms, bitmap = make()
            if not bitmap.any():
                bitmap.flat[0] = True
            counts, values, path = ConceptCounts(atoms), values_of(atoms, bitmap), peer.write(atoms, bitmap)
            search_optimal(values, counts, length=3, beam=5, seconds=None)  # compiles and indexes
            started = time.perf_counter()
            kept = search_beam(values, counts, length=3, beam=5)
            beam_seconds = time.perf_counter() - started
            best = search_optimal(values, counts, length=3, beam=5, seconds=None)
            optimal_seconds = time.perf_counter() - started - beam_seconds
            iou = dense_iou(best.scored.formula, atoms, bitmap) if best.scored else 0.0
            if kept and (kept.iou > iou + TOLERANCE or not best.optimal):
                sys.exit(f"{size} problem {number}: the optimal search has not proved {best}, the beam found {kept}")
            for method, seconds in (("beam", beam_seconds), ("optimal", optimal_seconds)):
                answer = peer.solve(path, method, limit=arguments.limit)
                if answer is None:
                    outcome = "package too slow"
                elif "error" in answer:
                    outcome = "package failed"
                else:
                    ratios[size, method].append(answer["seconds"] / seconds)
                    truth = lambda: exhaustive_iou(atoms, bitmap) if size == "small" else None  # noqa: B023, E731
                    outcome = judge(iou, answer["iou"], method, truth)
                counted[method][outcome] += 1
                if outcome != "equal":
                    ours = best.scored.formula if best.scored else None
                    print(f"{size} problem {number}, {method}: {outcome}: {answer}; ours {iou!r} {ours}", flush=True)
            if size == "large":
                found = [f"{method} {ratios[size, method][-1:]}" for method in counted]
                print(
                    f"large problem {number}: {atoms.n_concepts} concepts, {atoms.n_images} images, times {found}",
                    flush=True,
                )
    for method, own in counted.items():
        named = "not below the package's" if method == "beam" else "equal"
        print(f"{method}: " + ", ".join(f"{named if name == 'equal' else name}: {n}" for name, n in own.items()))
    for (size, method), found in ratios.items():
        if found:
            print(
                f"{size} {method}: {len(found)} problems, the package needs {np.median(found):.0f} times our time (median)"
            )
    if any(own["OURS WRONG"] for own in counted.values()) or not counted["optimal"]["equal"]:
        sys.exit("the comparison failed")


if __name__ == "__main__":
    main()
