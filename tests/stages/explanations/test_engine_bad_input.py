"""Odd activations and concept sets: the right result or one clear error."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from lib.data.stores.activations import create_activations, seal_activations
from lib.data.stores.concepts import write_atoms
from lib.data.stores.tables import read_table
from lib.kernels.search.atoms import AtomCollector, Atoms, image_atoms
from lib.kernels.search.beam import ConceptCounts, search_beam
from lib.kernels.search.optimal import search_optimal
from lib.stages.explanations.explain_units import explain_units
from lib.stages.explanations.find_ranges import find_ranges
from lib.stages.explanations.score_explanations import score_explanations

GRID = (12, 16)


def write_concepts(path, masks):
    """Store concept masks, bool of shape (n_concepts, n_images, H, W)."""
    collector, pixels = AtomCollector(), []
    for image in range(masks.shape[1]):
        maps = [np.where(mask[image], c, -1) for c, mask in enumerate(masks)]
        found, sizes, sets = image_atoms(maps, [], shape=GRID)
        collector.add(sizes, sets)
        pixels.append(found)
    n = len(masks)
    columns = {
        "concept": range(n),
        "number": range(1, n + 1),
        "name": [f"c{i}" for i in range(n)],
        "category": "object",
    }
    shape = (masks.shape[1], *GRID)
    write_atoms(path, collector.tables, pixel_blocks=[np.stack(pixels)], shape=shape, concepts=pd.DataFrame(columns))


def explain(folder, maps, masks, **options):
    """Run the stages on one layer and return its explanations."""
    store = create_activations(folder / "0-of-1/layer.zarr", maps.shape, images_per_chunk=4)
    store[:] = maps
    seal_activations(folder / "0-of-1/layer.zarr")
    write_concepts(folder / "concepts.zarr", masks)
    shared = {"activations": str(folder / "0-of-1"), "layer": "layer", "threads": 1}
    paths = {name: str(folder / f"{name}.csv") for name in ("ranges", "histograms", "explanations", "metrics")}
    tables = {name: paths[name] for name in ("ranges", "histograms")}
    find_ranges(**shared, **tables, chunk="0-of-1", quantile=0.05, n_clusters=2, units=None, seed=0)
    settings = {"search": "optimal", "length": 3, "beam": 5, "seconds": None, "device": "cpu"} | options
    concepts = {"concept_set": str(folder / "concepts.zarr"), "explanations": paths["explanations"]}
    explain_units(version="", **shared, **concepts, ranges=paths["ranges"], **settings)
    score_explanations(**shared, **concepts, label_masking=[], metrics=paths["metrics"])
    assert len(read_table(paths["metrics"], "metrics")) == len(read_table(paths["explanations"], "explanations"))
    return read_table(paths["explanations"], "explanations")


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_units_with_nan_or_infinite_activations_say_so_and_leave_others_alone(tmp_path, rng):
    maps = rng.random((5, 3, 4, 4), np.float32)
    masks = rng.random((3, 5, *GRID)) < 0.4
    (tmp_path / "fine").mkdir()
    fine = explain(tmp_path / "fine", maps, masks)
    maps[2, 0, 1, 1], maps[4, 1, 0, 0] = np.nan, np.inf
    found = explain(tmp_path, maps, masks)
    assert set(found.loc[found["unit"] < 2, "status"]) == {"nan"}
    assert (found.loc[found["unit"] < 2, "formula"] == "").all()
    pd.testing.assert_frame_equal(found[found["unit"] == 2], fine[fine["unit"] == 2])


def test_one_concept(tmp_path, rng):
    masks = np.zeros((1, 4, *GRID), bool)
    masks[0, :, :6] = True
    maps = np.where(np.arange(4)[:, None] < 2, 1, 0.1)[None, None] * rng.uniform(0.5, 1, (4, 2, 4, 4))
    found = explain(tmp_path, maps.astype(np.float32), masks)
    explained = found[found["status"] == "ok"]
    assert len(explained) and set(explained["formula"]) == {"c0"} and explained["optimal"].all()
    assert set(found["status"]) <= {"ok", "empty", "no_concept"}


def test_no_concept_has_a_pixel(tmp_path, rng):
    found = explain(tmp_path, rng.random((4, 2, 4, 4), np.float32), np.zeros((2, 4, *GRID), bool))
    assert set(found["status"]) == {"no_concept"} and (found["formula"] == "").all()


def test_no_concept_at_all(tmp_path, rng):
    found = explain(tmp_path, rng.random((4, 2, 4, 4), np.float32), np.zeros((0, 4, *GRID), bool))
    assert set(found["status"]) == {"no_concept"}


@pytest.mark.parametrize("size", [(1, 1), (3, 7), GRID, (40, 9)])
def test_maps_of_any_size_are_explained(tmp_path, rng, size):
    found = explain(tmp_path, rng.random((4, 2, *size), np.float32), rng.random((3, 4, *GRID)) < 0.5)
    assert (found["status"] == "ok").any() and set(found["status"]) <= {"ok", "empty"}


def test_activations_of_other_images_are_refused(tmp_path, rng):
    with pytest.raises(ValueError, match="activations of 4 images do not fit the concept set's 5 images"):
        explain(tmp_path, rng.random((4, 2, 4, 4), np.float32), rng.random((3, 5, *GRID)) < 0.5)


def test_every_row_names_its_search_and_a_spent_budget_claims_nothing(tmp_path, rng):
    maps, masks = rng.random((4, 2, 4, 4), np.float32), rng.random((6, 4, *GRID)) < 0.4
    rows = {}
    for name, options in {
        "optimal": {},
        "spent": {"seconds": 0},
        "beam": {"search": "beam"},
    }.items():
        (tmp_path / name).mkdir()
        found = explain(tmp_path / name, maps, masks, **options)
        rows[name] = found[found["status"] == "ok"]
    assert set(rows["optimal"]["search"]) == {"optimal"} and rows["optimal"]["optimal"].all()
    np.testing.assert_array_almost_equal_nulp(*rows["optimal"][["iou_upper_bound", "iou"]].to_numpy().T)
    assert set(rows["spent"]["search"]) == {"optimal"} and not rows["spent"]["optimal"].any()
    assert (rows["spent"]["iou_upper_bound"] >= rows["optimal"]["iou"]).all()
    assert set(rows["beam"]["search"]) == {"beam"} and not rows["beam"]["optimal"].any()
    assert rows["beam"]["iou_upper_bound"].isna().all()
    pd.testing.assert_series_equal(rows["spent"]["formula"], rows["beam"]["formula"])


def test_counts_beyond_32_bits_stay_exact():
    collector = AtomCollector()
    sizes = np.array([3 * 2**31, 2**33 + 1, 5 * 2**31], np.int64)
    collector.add(sizes, [(0,), (0, 1), (1,)])
    atoms = Atoms(pixel_atoms=np.zeros((1, 1, 1), np.uint16), n_concepts=2, **collector.tables())
    counts = ConceptCounts(atoms)
    values = np.array([2**32, 2**33, 1], np.int64)
    expected = Fraction(2**32 + 2**33, int(sizes[:2].sum()) + 1)
    found = search_beam(values, counts, length=3, beam=5)
    assert found.formula.concepts == (0,) and found.iou == float(expected)
    optimum = search_optimal(values, counts, length=3, beam=5, seconds=None)
    assert optimum.scored == found and optimum.upper_bound >= expected
