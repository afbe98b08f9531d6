"""CPU seconds of each stage at given numbers of images, units, concepts and layers: for `bench_size` only."""

import time

import numpy as np

from lib.data.stores.concepts import read_atoms
from lib.kernels.activations.ranges import cluster_ranges, top_range
from lib.kernels.activations.unit_pass import count_per_atom
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.explaining import explain_bitmap
from lib.stages.activations.record_activations import record_activations
from lib.stages.concepts.build_concepts import build_concepts
from lib.stages.exemplars.collect_exemplars import collect_exemplars
from lib.stages.exemplars.list_images import list_images
from lib.stages.exemplars.tally_units import tally_units
from lib.stages.explanations.explain_units import explain_units
from lib.stages.explanations.find_ranges import find_ranges
from lib.stages.explanations.score_explanations import score_explanations
from tests.benchmarks.bench_forward import draw
from tests.benchmarks.bench_memory import draw_concepts, label_options, write_units
from tests.benchmarks.broden_like import UnitDrawer, write_folder

SIDE, REPEATS, MIX = 64, 2, 8
CONCEPTS = {"subset": "", "categories": ["color", "object", "part", "material", "scene"]}
# every layer costs the same, and as much as it has units
NETWORK = """
from torch import nn


def build(n_units, n_layers):
    rest = [nn.Conv2d(n_units, n_units, 3, padding=1, groups=n_units) for _ in range(n_layers - 1)]
    return nn.Sequential(nn.Conv2d(3, n_units, 8, stride=8), *rest)
"""


def exponents(sizes, seconds):
    """Return the exponents of the growth over all sizes and over the two largest."""
    x, y = np.log(sizes), np.log(seconds)
    return np.polyfit(x, y, 1)[0], (y[-1] - y[-2]) / (x[-1] - x[-2])


class Watch:
    """CPU seconds of functions by name, the least where one is called again."""

    def __init__(self):
        self.seconds = {}

    def call(self, function, **options):
        """Call a function."""
        begin = time.process_time()
        found = function(**options)
        taken, name = time.process_time() - begin, function.__name__
        self.seconds[name] = min(taken, self.seconds.get(name, taken))
        return found


def _draw_atoms(folder, sizes):
    """Return a concept set and the path of its store; both are kept for the next call with these sizes."""
    path = folder.parent / f"{sizes['images']}_{sizes['concepts']}.zarr"
    if not path.exists():
        draw_concepts(path, sizes["images"], sizes["concepts"])
    return read_atoms(path)[0], path


def measure_cache(folder, sizes):
    """Measure the segmentation cache."""
    watch = Watch()
    write_folder(folder / "data", _draw_atoms(folder, sizes)[0])
    for repeat in range(REPEATS):
        store = str(folder / f"{repeat}.zarr")
        watch.call(build_concepts, data=str(folder / "data"), concept_set=store, concepts=CONCEPTS, threads=1)
    return watch.seconds


def count_pixels(*, units, ranges, atoms):
    """Count the bitmap pixels of all ranges of each unit per atom."""
    bounds = zip(units, ranges, strict=True)
    return [count_per_atom([maps], atoms, lower=lower, upper=upper) for maps, (lower, upper) in bounds]


def search_formulas(*, counted, atoms, counts):
    """Search the proved formula of each range of each unit."""
    for row in np.concatenate(counted):
        explain_bitmap(row, atoms, counts, search="optimal", length=3, beam=5, seconds=None)


def measure_labels(folder, sizes):
    """Measure the stages that label the units of a layer, and counting and searching alone."""
    watch, (atoms, concept_set) = Watch(), _draw_atoms(folder, sizes)
    drawer = UnitDrawer(atoms)
    # some units take longer than others: the same mix at each size
    mix = [drawer.draw(seed) for seed in range(MIX)]
    units = [mix[unit % MIX] for unit in range(sizes["units"])]
    ranges = [np.array([top_range(maps, 0.005), *cluster_ranges(maps, 5)]).T for maps in units]
    counts = ConceptCounts(atoms)
    (folder / "0-of-1").mkdir(parents=True)
    write_units(folder / "0-of-1/layer.zarr", np.stack(units, axis=1))
    for repeat in range(REPEATS):
        counted = watch.call(count_pixels, units=units, ranges=ranges, atoms=atoms)
        watch.call(search_formulas, counted=counted, atoms=atoms, counts=counts)
        (folder / str(repeat)).mkdir()
        options = label_options(folder / str(repeat), concept_set, folder / "0-of-1")
        for stage in (find_ranges, explain_units, score_explanations):
            watch.call(stage, **options[stage.__name__])
    return watch.seconds


def measure_network(folder, sizes):
    """Measure the stages that run a network: its layers are recorded, tallied, and get exemplars."""
    watch = Watch()
    write_folder(folder / "data", _draw_atoms(folder, sizes)[0])
    draw(folder / "data/images", sizes["images"], size=(SIDE, SIDE))
    (folder / "network.py").write_text(NETWORK, encoding="utf-8")
    recipe = {"factory": f"{folder / 'network.py'}:build"}
    recipe["arguments"] = {"n_units": sizes["units"], "n_layers": sizes["layers"]}
    network = {"name": "growing", "normalisation": "imagenet", "seed": 0, "recipe": recipe}
    shared = {"layers": [str(layer) for layer in range(sizes["layers"])], "weights": [], "device": "cpu"}
    shared |= {"batch_size": 96, "threads": 1, "trusted_sha256": []}
    counting = {"shard": "0-of-1", "k": 15, "quantile": 0.99, "max_units": None, "version": "", "network": network}
    for repeat in range(REPEATS):
        own = folder / str(repeat)
        own.mkdir()
        images = {"images": str(own / "images.csv")}
        listing = {"skipped": str(own / "skipped.csv"), "subset": "", "column": "path", "threads": 1}
        watch.call(list_images, data=str(folder / "data"), **images, **listing)
        recording = {"activations": str(own / "activations/0-of-1"), "concepts": CONCEPTS, "input_size": [SIDE, SIDE]}
        recording |= {"data": str(folder / "data"), "network": network, "shard": "0-of-1", "version": ""}
        watch.call(record_activations, **shared, **recording)
        pictures = images | {"geometry": {"resize": SIDE, "crop": SIDE}}
        watch.call(tally_units, **shared, **counting, **pictures, tally=str(own / "0-of-1"))
        album = {"tallies": [str(own / "0-of-1")], "exemplars": str(own / "exemplars"), "units": str(own / "units.csv")}
        album |= {"chosen": {}, "seed": 0, "output_size": SIDE, "network": None}
        watch.call(collect_exemplars, **shared, **pictures, **album)
    return watch.seconds


GROUPS = {
    "cache": (measure_cache, ("images", "concepts")),
    "labels": (measure_labels, ("images", "units", "concepts")),
    "network": (measure_network, ("images", "units", "layers")),
}
