"""The comparison of searches on a small concept set with random activations."""

import csv
import statistics

import bruteforce
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
from lib.stages.analyses.compare_searches import compare_searches
from lib.stages.analyses.summarise_searches import summarise_searches

N_IMAGES, GRID, N_CONCEPTS, N_UNITS = 6, 20, 12, 7
NAMES = [f"thing {i}" for i in range(N_CONCEPTS)]
ESTIMATES = ["none", "areas", "cfh", "mmesh", "diou_sum", "diou_sample"]
SEARCHES = [*ESTIMATES, "beam_optimal", "beam", "optimal"]
OPTIONS = {"table": "heuristics", "seed": None, "chosen_ranges": None, "searches": SEARCHES, "seconds": None}
INF = float("inf")


def compare(home, path, **changes):
    paths = {"activations": str(home / "0-of-1"), "concept_set": str(home / "set.zarr"), "compared": str(path)}
    compare_searches(**{"ranges": str(home / "ranges.csv")} | paths | OPTIONS | changes)


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
    compare(home, home / "heuristics.csv", units=3, lengths=[3], beams=[4])
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
            assert (rows[["visited", "expanded", "estimated"]] == 0).all(axis=None)
            continue
        own = ["beam_optimal", "optimal"]
        assert set(rows["formula"].drop(own)) == {format_formula(best.formula, NAMES)}
        assert set(rows["iou"].drop(own)) == {best.iou} and rows.loc["optimal", "iou"] >= best.iou
        assert rows.loc["optimal", "iou"] >= rows.loc["beam_optimal", "iou"] > 0
        visited = rows["visited"]
        # the pairs of 8 kept singles, and the triples of 4 kept formulas of one or two concepts
        least, most = (8 * 3 * 11 + 4 * 3 * n for n in (10, 11))
        assert least <= visited["none"] == visited["beam"] <= most
        assert set(rows.loc[[*ESTIMATES, "beam"], "estimated"]) == {visited["none"]}
        assert set(rows.loc[[*ESTIMATES, "beam"], "expanded"]) == {12}
        assert visited["optimal"] == visited["beam"] + rows.loc["optimal", "expanded"]
        assert rows.loc["beam_optimal", "expanded"] <= 12 and visited["beam_optimal"] <= visited["none"]
        assert visited["mmesh"] < visited["none"] and visited["cfh"] <= visited["areas"] <= visited["none"]
    assert ".0," not in path.read_text(encoding="utf-8").splitlines()[1].rsplit(",", 3)[0], "counts are whole numbers"


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
    for kind in ("heuristics", "search_sweep"):
        path = tmp_path / f"{kind}.csv"
        options = {"ranges": str(tmp_path / "ranges.csv"), "table": kind, "units": 2, "lengths": [2], "beams": [2]}
        compare(home, path, **options)
        assert read_table(path, kind).empty
        plot_table(kind=kind, table=str(path), plot=str(tmp_path / "plot.png"))
        assert (tmp_path / "plot.png").is_file()
        summarise_searches(compared=str(path), summary=str(tmp_path / "summary.csv"), table=kind)
        assert read_table(tmp_path / "summary.csv", f"{kind}_summary").empty


def test_chosen_searches_and_ranges_alone_are_run(compared, tmp_path):
    options = {"searches": ["beam", "cfh"], "chosen_ranges": ["cluster1"], "units": 2, "lengths": [2], "beams": [2]}
    compare(compared[0].parent, tmp_path / "chosen.csv", **options)
    table = read_table(tmp_path / "chosen.csv", "heuristics")
    assert list(table["search"]) == ["beam", "cfh"] * 4 and set(table["range"]) == {"cluster1"}


@pytest.fixture(scope="module")
def swept(compared):
    """Run a sweep; returns its table's path."""
    path = compared[0].parent / "search_sweep.csv"
    options = {
        "table": "search_sweep",
        "seed": 3,
        "searches": ["beam", "optimal"],
        "chosen_ranges": ["top", "cluster2"],
    }
    compare(path.parent, path, units=2, lengths=[1, 2, 4], beams=[1, 4], **options)
    return path


def test_a_sweep_has_every_length_and_beam(compared, swept):
    _, atoms, maps = compared
    table = read_table(swept, "search_sweep")
    runs = [(search, length, beam) for search in ("beam", "optimal") for length in (1, 2, 4) for beam in (1, 4)]
    units = {layer: sorted(set(rows["unit"])) for layer, rows in table.groupby("layer")}
    assert all(len(chosen) == 2 for chosen in units.values())
    rows = [(layer, unit, name) for layer in ("late", "early") for unit in units[layer] for name in ("top", "cluster2")]
    expected = [(*row, *run) for row in rows for run in runs]
    keys = ["layer", "unit", "range", "search", "length", "beam"]
    assert list(table[keys].itertuples(index=False, name=None)) == expected
    assert (table["seconds"] > 0).all()
    for row in table.itertuples():
        if row.range == "cluster2":
            assert not row.formula and np.isnan(row.iou) and np.isnan(row.iou_upper_bound) and not row.optimal
            continue
        masks = {name: atoms.concept_mask(c) for c, name in enumerate(NAMES)}
        bits = bruteforce.bitmap(maps[row.layer][:, row.unit], 0.8, INF, (GRID, GRID))
        found = bruteforce.formula_mask(row.formula, masks, bits.shape)
        assert row.iou == pytest.approx((found & bits).sum() / (found | bits).sum(), abs=1e-9)
        assert row.formula.count("thing") <= row.length
        if row.search == "optimal":
            assert row.iou_upper_bound >= row.iou and (row.optimal or row.length == 4)
            if row.length == 1:
                best = max((mask & bits).sum() / (mask | bits).sum() for mask in masks.values())
                assert row.iou == pytest.approx(best, abs=1e-9)
        else:
            assert np.isnan(row.iou_upper_bound) and not row.optimal


def test_the_sample_of_a_sweep_follows_the_seed(compared, swept, tmp_path):
    options = {"table": "search_sweep", "searches": ["beam"], "units": 3, "lengths": [1], "beams": [1]}
    chosen = []
    for n, seed in enumerate((3, 3, 4, 5, 6)):
        compare(compared[0].parent, tmp_path / f"{n}.csv", seed=seed, **options)
        table = read_table(tmp_path / f"{n}.csv", "search_sweep")
        chosen.append(tuple(table[["layer", "unit"]].drop_duplicates().itertuples(index=False, name=None)))
    assert chosen[0] == chosen[1] and len(set(chosen)) > 2


def test_summaries_of_searches_equal_a_recomputation(compared, swept, tmp_path):
    for path, kind, keys, measured in (
        (compared[0], "heuristics", ["search"], ["visited", "expanded", "estimated", "seconds", "iou"]),
        (swept, "search_sweep", ["search", "length", "beam"], ["iou", "seconds"]),
    ):
        summarise_searches(compared=str(path), summary=str(tmp_path / f"{kind}.csv"), table=kind)
        found = read_table(tmp_path / f"{kind}.csv", f"{kind}_summary")
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        expected_keys = {
            (layer, name, *(row[key] for key in keys))
            for row in rows
            for layer in ("", row["layer"])
            for name in ("", row["range"])
        }
        assert {
            tuple(str(part) for part in key) for key in found[["layer", "range", *keys]].to_numpy()
        } == expected_keys
        assert len(found) == len(expected_keys)
        for line in found.itertuples():
            own = [
                row
                for row in rows
                if line.layer in ("", row["layer"])
                and line.range in ("", row["range"])
                and all(str(getattr(line, key)) == row[key] for key in keys)
            ]
            assert line.n == sum(bool(row["formula"]) for row in own)
            if kind == "search_sweep":
                assert line.n_proved == sum(row["optimal"] == "True" for row in own)
            for column in measured:
                values = [float(row[column]) for row in own if row[column]]
                if not values:
                    assert np.isnan(getattr(line, f"{column}_mean"))
                    continue
                assert getattr(line, f"{column}_mean") == pytest.approx(statistics.fmean(values), abs=1e-9)
                if len(values) > 1:
                    assert getattr(line, f"{column}_sd") == pytest.approx(statistics.stdev(values), abs=1e-9)


def test_the_plot_of_a_sweep_repeats(swept, tmp_path):
    for name in ("a.png", "b.png"):
        plot_table(kind="search_sweep", table=str(swept), plot=str(tmp_path / name))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (np.asarray(Image.open(tmp_path / "a.png").convert("L")) < 128).any()
