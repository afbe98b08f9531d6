"""Peak memory and time of the stages on 22,000 images, each in a process of its own.

    python tests/benchmarks/bench_memory.py [--images 22000] [--concepts 1112] [--folder where]

Writes results/bench/memory.csv (case, measure, unit, ours, peer, ratio) and prints it as a Markdown table. The stores are drawn:
a few units with the maps' sizes and the chunks that a recording of the network's layers has; 12 GB on disk for 22,000 images.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.data.stores.activations import create_activations, images_per_block, seal_activations
from lib.data.stores.concepts import write_atoms
from lib.kernels.search.atoms import AtomCollector
from tests.benchmarks.broden_like import make_atoms
from tests.benchmarks.table import Bench

# units and sizes of the recorded layers, which decide how many images a chunk holds
NETWORKS = {
    "vgg16": [(64, 224), (128, 112), (256, 56), (512, 28), (512, 14)],
    "resnet50": [(256, 56), (512, 28), (1024, 14), (2048, 7)],
    "resnet18": [(64, 56), (128, 28), (256, 14), (512, 7)],
}
CASES = [("vgg16", 0, 2), ("resnet50", 0, 5), ("resnet18", 3, 20)]
IMAGES_PER_PART = 500

CHILD = """
import json, re, sys, time
sys.path.insert(0, sys.argv[1])
module, options = sys.argv[2], json.loads(sys.argv[3])
stage = getattr(__import__(f"lib.stages.{module}", fromlist=[module]), module.rpartition(".")[2])
begin = time.process_time()
stage(**options)
peak = re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]
print(json.dumps([int(peak) / 2**20, time.process_time() - begin]))
"""


def draw_part(n_concepts, number, n_images):
    """Draw some images and return the pixels, and the sizes and concepts of the atoms of each image."""
    atoms = make_atoms(n_images, n_concepts, seed=0, part=number)
    sets = np.split(atoms.set_concepts, atoms.set_start[1:-1])
    spans = [slice(*atoms.image_start[image : image + 2]) for image in range(n_images)]
    images = [(atoms.atom_size[span], [tuple(sets[s].tolist()) for s in atoms.atom_set[span]]) for span in spans]
    return atoms.pixel_atoms, images


def draw_concepts(path, n_images, n_concepts):
    """Draw a concept set and write its store."""
    collector = AtomCollector()
    sizes = [min(IMAGES_PER_PART, n_images - first) for first in range(0, n_images, IMAGES_PER_PART)]

    def pixels():
        with ProcessPoolExecutor() as pool:
            for block, images in pool.map(partial(draw_part, n_concepts), range(len(sizes)), sizes):
                for own, sets in images:
                    collector.add(own, sets)
                yield block

    concepts = pd.DataFrame({"concept": range(n_concepts), "number": range(1, n_concepts + 1)})
    concepts = concepts.assign(name=[f"concept {c}" for c in range(n_concepts)], category="object")
    write_atoms(path, collector.tables, pixel_blocks=pixels(), shape=(n_images, 112, 112), concepts=concepts)


def draw_activations(folder, network, layer, n_units, n_images):
    """Draw the store of a layer, rectified and smooth, in the chunks that a recording would give it."""
    sizes = NETWORKS[network]
    side = sizes[layer][1]
    per_chunk = images_per_block([(units, size, size) for units, size in sizes])
    store = create_activations(
        folder / "0-of-1/layer.zarr", (n_images, n_units, side, side), images_per_chunk=per_chunk, n_images=n_images
    )
    rng = np.random.default_rng(0)
    step = max(1, side // 28)
    for first in range(0, n_images, per_chunk):
        n = min(per_chunk, n_images - first)
        coarse = rng.standard_normal((n, n_units, side // step, side // step), dtype=np.float32)
        fine = coarse.repeat(step, axis=2).repeat(step, axis=3)
        store[first : first + n] = np.maximum(fine + 0.1 * rng.standard_normal(fine.shape, dtype=np.float32), 0)
    seal_activations(folder / "0-of-1/layer.zarr")


def write_units(path, maps):
    """Write the store of some units, (n_images, n_units, 7, 7), in the images of a chunk that a ResNet-50's recording has."""
    layers = [(units, side, side) for units, side in NETWORKS["resnet50"]]
    store = create_activations(path, maps.shape, images_per_chunk=images_per_block(layers), n_images=len(maps))
    store[:] = maps
    seal_activations(path)


def label_options(folder, concept_set, activations):
    """Return the options of the three stages that read activations, by stage; their tables go into a folder."""
    path = {name: str(folder / f"{name}.csv") for name in ("ranges", "histograms", "explanations", "metrics")}
    shared = {"activations": str(activations), "layer": "layer", "threads": 1}
    concepts = {"concept_set": str(concept_set)}
    tables = {"ranges": path["ranges"], "explanations": path["explanations"]}
    search = {"search": "optimal", "length": 3, "beam": 5, "seconds": None, "device": "cpu", "version": ""}
    stages = {
        "find_ranges": {
            "ranges": path["ranges"],
            "histograms": path["histograms"],
            "chunk": "0-of-1",
            "units": None,
            "seed": 0,
            "quantile": 0.005,
            "n_clusters": 5,
        },
        "explain_units": tables | concepts | search,
        "score_explanations": {"explanations": path["explanations"], "metrics": path["metrics"], "label_masking": []}
        | concepts,
    }
    return {stage: shared | options for stage, options in stages.items()}


def run(stage, **options):
    """Run a stage in a process of its own; return its peak memory in GiB and its CPU seconds."""
    command = [sys.executable, "-c", CHILD, str(ROOT), stage, json.dumps(options)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def measure(bench, folder, case, n_images):
    """Draw one layer and run the three stages that read activations, and nothing else at the same time."""
    network, layer, n_units = case
    draw_activations(folder, network, layer, n_units, n_images)
    for stage, options in label_options(folder, folder / "concepts.zarr", folder / "0-of-1").items():
        peak, seconds = run(f"explanations.{stage}", **options)
        name = f"{network}_layer{layer + 1}_{n_images}_images"
        bench.add(name, f"{stage}_peak_gib", "GiB", peak)
        bench.add(name, f"{stage}_s_per_unit", "s", seconds / n_units)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=22_000)
    parser.add_argument("--concepts", type=int, default=1112)
    parser.add_argument("--folder", type=Path, help="where the stores go; a temporary folder if left out")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "memory.csv")
    arguments = parser.parse_args()
    bench = Bench()
    print("| case | measure | unit | ours | peer | ratio |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        draw_concepts(Path(scratch) / "concepts.zarr", arguments.images, arguments.concepts)
        for case in CASES:
            measure(bench, Path(scratch), case, arguments.images)
    bench.write(arguments.output)


if __name__ == "__main__":
    main()
