"""Forward passes: images per second from JPEG files to recorded maps, beside a bare forward pass of torchvision's network.

    python tests/benchmarks/bench_forward.py [--cores 2] [--images 192] [--networks resnet18 resnet50 ...]

The bare pass takes images from memory, in torch's default layout, and keeps nothing. Ours runs as it does by default, then with
folded batch norms, in bfloat16 and with both, where the network has batch norms. All run in turn, in one process on the same
cores; the ratio is that of the medians.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.data.images.photographs import Geometry, load_batch
from lib.models.build.loading import open_network
from lib.models.build.zoo import build_network
from lib.models.recording.folding import find_pairs
from lib.models.recording.recorder import open_recorder
from lib.runtime.blocks import IMAGES_PER_BLOCK
from lib.runtime.parallel import map_in_order
from tests.benchmarks.table import Bench

LAYERS = {
    "resnet18": ["layer1", "layer2", "layer3", "layer4"],
    "resnet50": ["layer1", "layer2", "layer3", "layer4"],
    "alexnet": ["features.1", "features.4", "features.7", "features.9", "features.11"],
    "vgg16": ["features.3", "features.8", "features.15", "features.22", "features.29"],
    "densenet161": [f"features.denseblock{number}" for number in (1, 2, 3, 4)],
}
GEOMETRY = Geometry(resize=256, crop=224)
OPTIONS = {
    "": {},
    ", batch norms folded": {"fold_batch_norms": True},
    ", bfloat16": {"precision": "bfloat16"},
    ", batch norms folded, bfloat16": {"fold_batch_norms": True, "precision": "bfloat16"},
}
REPEATS = 3


def draw(folder, n_images, *, size=(500, 375), seed=0):
    """Write photographs, if nothing else is said of ImageNet's common size: smooth noise, which compresses as photographs do."""
    rng = np.random.default_rng(seed)
    paths, (width, height) = [], size
    for number in range(n_images):
        coarse = rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
        coarse = Image.fromarray(coarse).resize(size)
        fine = rng.normal(0, 8, (height, width, 3))
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8)).save(paths[-1], quality=90)
    return paths


def recorded(name, paths, cores, option):
    """Return the seconds of reading and recording all images as the stages do."""
    settings = {"name": name, "normalisation": "imagenet", "seed": 0} | option
    network = open_network(settings, weights=None, trusted_sha256=[], device="cpu")
    with open_recorder(network, LAYERS[name]) as recorder:

        def record(first):
            batch = load_batch(paths[first : first + IMAGES_PER_BLOCK], GEOMETRY, threads=1)
            return {layer: maps.numpy() for layer, maps in recorder(network.to_input(batch)).items()}

        record(0)
        begin = time.perf_counter()
        for _ in map_in_order(record, range(0, len(paths), IMAGES_PER_BLOCK), threads=cores):
            pass
    return time.perf_counter() - begin


def bare(network, n_images, cores):
    """Return the seconds of forward passes alone."""
    batch = torch.randn(IMAGES_PER_BLOCK, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(cores)
    with torch.inference_mode():
        network(batch)
        begin = time.perf_counter()
        for _ in range(0, n_images, IMAGES_PER_BLOCK):
            network(batch)
        return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--networks", nargs="+", choices=list(LAYERS), default=["resnet18", "resnet50", "alexnet"])
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "forward.csv")
    options = parser.parse_args()
    bench = Bench()
    with tempfile.TemporaryDirectory() as folder:
        paths = draw(Path(folder), options.images)
        for name in options.networks:
            network = build_network(name, n_classes=1000, seed=0).eval()
            shown = {text: own for text, own in OPTIONS.items() if find_pairs(network) or "fold_batch_norms" not in own}
            times = [
                [bare(network, options.images, options.cores)]
                + [recorded(name, paths, options.cores, own) for own in shown.values()]
                for _ in range(REPEATS)
            ]
            theirs, *ours = (1000 / options.images * statistics.median(part) for part in zip(*times))
            for text, own in zip(shown, ours):
                bench.add(name, f"recorded from files, beside a bare forward pass{text}", "ms per image", own, theirs)
    bench.write(options.output)


if __name__ == "__main__":
    main()
