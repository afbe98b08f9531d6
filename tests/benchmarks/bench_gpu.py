"""Times everything that can run on a GPU, there and on the CPU, and compares the results; needs a GPU.

    python tests/benchmarks/bench_gpu.py [--threads 8] [--paths forward record ...] [--small]

Writes results/bench/gpu.csv (case, measure, unit, ours, peer, ratio): ours is the GPU, peer the CPU, both warm. `difference` is
the largest of all numbers, relative to the largest number of each array; `same` the share of equal whole numbers and texts (ids,
counts, classes, sentences); `same_again` whether a second run on the GPU has the same bytes.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from tests.benchmarks.table import Bench, timed
from tests.conftest import add_tiny_clip
from tests.helpers.device_paths import PATHS, TINY, Size, largest_difference, share_equal

FULL = Size("resnet50", 224, 768, 24, words=5000, beam=50, steps=2, batch=64, latents=4096, clip="ViT-B-32", threads=1)


def bench(table, name, run, device):
    """Run a path on both devices, after a first run on each."""
    run("cpu")
    expected, on_cpu = timed(run, "cpu")
    first, warming = timed(run, device)
    found, on_gpu = timed(run, device)
    table.add(name, "seconds", "s", on_gpu, on_cpu)
    table.add(name, "first_seconds", "s", warming)
    table.add(name, "difference", "1", largest_difference(found, expected))
    if (same := share_equal(found, expected)) is not None:
        table.add(name, "same", "1", same)
    table.add(name, "same_again", "1", float(all(np.array_equal(first[own], found[own]) for own in found)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cpu tries the benchmark itself")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--paths", nargs="+", choices=list(PATHS), default=list(PATHS))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "gpu.csv")
    options = parser.parse_args()
    if options.device != "cpu":
        if not torch.cuda.is_available():
            parser.exit(1, f"PyTorch {torch.__version__} finds no GPU\n")
        print(f"{torch.cuda.get_device_name(options.device)}, PyTorch {torch.__version__}", flush=True)
    table = Bench()
    print("| case | measure | unit | ours | peer | ratio |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        size = replace(TINY, clip=add_tiny_clip(Path(folder))) if options.small else FULL
        for name in options.paths:
            run = PATHS[name](replace(size, threads=options.threads), Path(folder))
            bench(table, name, run, options.device)
    table.write(options.output)


if __name__ == "__main__":
    main()
