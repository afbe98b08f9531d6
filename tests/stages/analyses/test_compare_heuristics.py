"""The comparison of searches on a small concept set with random activations."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.data.stores.activations import create_activations, seal_activations
from lib.data.stores.concepts import write_atoms
from lib.data.stores.tables import read_table, write_table
from lib.kernels.activations.unit_pass import count_per_atom
from lib.kernels.search.atoms import AtomCollector, Atoms, image_atoms
from lib.kernels.search.beam import ConceptCounts, search_beam
from lib.kernels.search.formula import format_formula
from lib.reporting.plots import plot_table
from lib.stages.analyses.compare_heuristics import compare_heuristics

N_IMAGES, GRID, N_CONCEPTS, N_UNITS = 6, 20, 12, 7
NAMES = [f"thing {i}" for i in range(N_CONCEPTS)]
SEARCHES = ["none", "areas", "cfh", "mmesh", "beam", "optimal"]
INF = float("inf")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Run the stage on two layers; returns its table's path, the atoms and the activation maps."""
    home = tmp_path_factory.mktemp("heuristics")
    rng = np.random.default_rng(0)
    collector, pixels = AtomCollector(), []
    for _ in range(N_IMAGES):
        blocks = rng.integers(-1, N_CONCEPTS, (2, 4, 4)).repeat(5, axis=1).repeat(5, axis=2)
        found, sizes, sets = image_atoms(list(blocks), [], shape=(GRID, GRID))
        collector.add(sizes, sets)
        pixels.append(found)
    concepts = pd.DataFrame(
        {"concept": range(N_CONCEPTS), "number": range(N_CONCEPTS), "name": NAMES, "category": "object"}
    )
    shape = (N_IMAGES, GRID, GRID)
    write_atoms(
        home / "set.zarr", collector.tables, pixel_blocks=iter([np.stack(pixels)]), shape=shape, concepts=concepts
    )
    maps = rng.normal(size=(2, N_IMAGES, N_UNITS, 4, 4)).astype(np.float32)
    rows = []
    for layer, values in zip(("late", "early"), maps):
        store = create_activations(home / f"0-of-1/{layer}.zarr", values.shape, images_per_chunk=4)
        store[:] = values
        seal_activations(home / f"0-of-1/{layer}.zarr")
        for unit in range(N_UNITS):
            rows += [(layer, unit, "top", 0.8, INF, 9, "ok"), (layer, unit, "cluster1", -0.2, 0.4, 9, "ok")]
            rows += [(layer, unit, "cluster2", 90.0, 91.0, 1, "ok"), (layer, unit, "cluster3", 0, 0, 0, "empty")]
    columns = ["layer", "unit", "range", "lower", "upper", "n_activations", "status"]
    write_table(pd.DataFrame(rows, columns=columns), home / "ranges.csv", "ranges")
    compare_heuristics(
        activations=str(home / "0-of-1"),
        ranges=str(home / "ranges.csv"),
        concept_set=str(home / "set.zarr"),
        heuristics=str(home / "heuristics.csv"),
        units=3,
        length=3,
        beam=4,
        seconds=None,
    )
    atoms = Atoms(np.stack(pixels), **collector.tables(), n_concepts=N_CONCEPTS)
    return home / "heuristics.csv", atoms, dict(zip(("late", "early"), maps))


def test_every_search_of_evenly_spaced_units_has_its_row(compared):
    table = read_table(compared[0], "heuristics")
    expected = [
        (layer, unit, name, search)
        for layer in ("late", "early")
        for unit in (0, 2, 4)
        for name in ("top", "cluster1", "cluster2")
        for search in SEARCHES
    ]
    assert list(table[["layer", "unit", "range", "search"]].itertuples(index=False, name=None)) == expected
    assert (table["seconds"] > 0).all()


def test_estimates_and_beam_agree_and_visit_less(compared):
    path, atoms, maps = compared
    table = read_table(path, "heuristics")
    counts = ConceptCounts(atoms)
    bounds = {"top": (0.8, INF), "cluster1": (-0.2, 0.4), "cluster2": (90.0, 91.0)}
    for (layer, unit, name), rows in table.groupby(["layer", "unit", "range"]):
        lower, upper = (np.array([bound]) for bound in bounds[name])
        per_atom = count_per_atom([maps[layer][:, unit]], atoms, lower=lower, upper=upper)[0]
        values = np.bincount(atoms.atom_set, weights=per_atom, minlength=atoms.n_sets).astype(np.int64)
        best = search_beam(values, counts, length=3, beam=4)
        rows = rows.set_index("search")
        if name == "cluster2":
            assert best is None and (rows["formula"] == "").all() and rows["iou"].isna().all()
            assert (rows["visited"].drop("optimal") == N_CONCEPTS).all()
            continue
        assert set(rows["formula"].drop("optimal")) == {format_formula(best.formula, NAMES)}
        assert set(rows["iou"].drop("optimal")) == {best.iou} and rows.loc["optimal", "iou"] >= best.iou
        visited = rows["visited"]
        # singles, the pairs of 8 kept singles, and the triples of 4 kept formulas of one or two concepts
        least, most = (N_CONCEPTS + 8 * 3 * 11 + 4 * 3 * n for n in (10, 11))
        assert least <= visited["none"] == visited["beam"] <= most and np.isnan(visited["optimal"])
        assert visited["mmesh"] < visited["none"] and visited["cfh"] <= visited["areas"] <= visited["none"]
    assert ".0," not in path.read_text(encoding="utf-8").splitlines()[1].rsplit(",", 3)[0], "visits are whole numbers"


def test_the_plot_is_a_picture_and_repeats(compared, tmp_path):
    for name in ("a.png", "b.png"):
        plot_table(kind="heuristics", table=str(compared[0]), plot=str(tmp_path / name))
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    assert picture.shape[1] > picture.shape[0] > 300 and (picture < 128).any()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_table_without_usable_ranges_gives_empty_results(compared, tmp_path):
    home = compared[0].parent
    ranges = read_table(home / "ranges.csv", "ranges")
    write_table(ranges.assign(status="dead"), tmp_path / "ranges.csv", "ranges")
    paths = {"ranges": str(tmp_path / "ranges.csv"), "heuristics": str(tmp_path / "heuristics.csv")}
    options = {"units": 2, "length": 2, "beam": 2, "seconds": None}
    compare_heuristics(activations=str(home / "0-of-1"), concept_set=str(home / "set.zarr"), **paths, **options)
    assert read_table(paths["heuristics"], "heuristics").empty
    plot_table(kind="heuristics", table=paths["heuristics"], plot=str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").is_file()
