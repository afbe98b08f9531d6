"""The stages of chance: equal to a slow recomputation, calibrated where there is no cause, sure where there is one."""

import itertools
import zlib

import numpy as np
import pandas as pd
import pytest

from lib.data.stores.activations import create_activations, seal_activations
from lib.data.stores.concepts import write_atoms
from lib.data.stores.tables import read_table, write_table
from lib.kernels.evidence.chance import shuffle_images
from lib.kernels.search.atoms import AtomCollector, image_atoms_of_masks
from lib.kernels.search.formula import Formula, evaluate
from lib.runtime.parts import Part
from lib.stages.evidence.measure_chance import measure_chance
from lib.stages.evidence.search_shuffled import search_shuffled
from lib.stages.explanations.explain_units import explain_units
from lib.stages.explanations.find_ranges import find_ranges

N_IMAGES, GRID, NAMES = 40, 8, ["red", "round", "large", "old"]
N_CAUSED, N_UNITS, N_SHUFFLES = 4, 64, 20
SEARCH = {"search": "optimal", "seconds": None, "length": 2, "beam": 3}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Units of which the first ones follow a concept and all others follow nothing that has a name."""
    folder = tmp_path_factory.mktemp("chance")
    rng = np.random.default_rng(0)
    masks = np.kron(rng.random((len(NAMES), N_IMAGES, 4, 4)) < 0.3, np.ones((2, 2), bool))
    collector, pixels = AtomCollector(), []
    for image in range(N_IMAGES):
        found, sizes, sets = image_atoms_of_masks(masks[:, image])
        collector.add(sizes, sets)
        pixels.append(found)
    table = pd.DataFrame({"concept": range(4), "number": range(4), "name": NAMES, "category": "x"})
    blocks = iter([np.stack(pixels)])
    write_atoms(
        folder / "set.zarr", collector.tables, pixel_blocks=blocks, shape=(N_IMAGES, GRID, GRID), concepts=table
    )
    maps = rng.normal(size=(N_IMAGES, N_UNITS, GRID, GRID)).astype(np.float32)
    for unit in range(N_CAUSED):
        maps[:, unit] += 3 * masks[unit]
    store = create_activations(folder / "activations/0-of-1/a.zarr", maps.shape, images_per_chunk=N_IMAGES)
    store[:] = maps
    seal_activations(folder / "activations/0-of-1/a.zarr")
    shared = {"activations": str(folder / "activations/0-of-1"), "layer": "a", "threads": 2}
    paths = {name: str(folder / f"{name}.csv") for name in ("ranges", "histograms", "explanations", "nulls", "chance")}
    find_ranges(
        **shared,
        ranges=paths["ranges"],
        histograms=paths["histograms"],
        chunk="0-of-1",
        quantile=0.1,
        n_clusters=2,
        units=None,
        seed=0,
    )
    shared["concept_set"] = str(folder / "set.zarr")
    explain_units(
        version="", **shared, **SEARCH, ranges=paths["ranges"], explanations=paths["explanations"], device="cpu"
    )
    search_shuffled(
        **shared, **SEARCH, explanations=paths["explanations"], nulls=paths["nulls"], n_shuffles=N_SHUFFLES, seed=7
    )
    measure_chance(explanations=paths["explanations"], nulls=[paths["nulls"]], chance=paths["chance"])
    return masks, maps, shared, paths


def test_nulls_are_the_best_of_all_formulas_on_moved_maps(home):
    masks, maps, _, paths = home
    nulls = read_table(paths["nulls"], "nulls")
    ranges = read_table(paths["ranges"], "ranges")
    formulas = [
        evaluate(Formula(chosen, operators), masks)
        for n in (1, 2)
        for chosen in itertools.product(range(4), repeat=n)
        for operators in itertools.product(range(3), repeat=n - 1)
    ]
    assert len(nulls) == N_UNITS * 3 * N_SHUFFLES
    for row in nulls.sample(25, random_state=1).itertuples():
        key = zlib.crc32(b"a"), row.unit, row.shuffle
        order = shuffle_images(N_IMAGES, np.random.default_rng(np.random.SeedSequence(7, spawn_key=key)))
        bounds = ranges[(ranges["unit"] == row.unit) & (ranges["range"] == row.range)].iloc[0]
        moved = maps[order, row.unit]
        bitmap = (moved > bounds["lower"]) & (moved < bounds["upper"])
        best = max((bitmap & mask).sum() / max(1, (bitmap | mask).sum()) for mask in formulas)
        assert row.iou == best


def test_a_cause_is_found_and_no_cause_is_chance(home):
    found = read_table(home[3]["chance"], "chance").set_index(["unit", "range"])
    tops = found.xs("top", level="range")
    assert (tops["q_value"][:N_CAUSED] < 0.01).all()
    rest = found[found.index.get_level_values("unit") >= N_CAUSED]["p_value"].dropna()
    share, error = (rest <= 0.05).mean(), np.sqrt(0.05 * 0.95 / len(rest))
    assert share <= 0.05 + 2 * error, "no more labels of nothing are called real than the level says"
    assert rest.mean() == pytest.approx(0.5, abs=0.1)
    assert (found["q_value"].dropna() >= found["p_value"].dropna()).all()


def test_the_summary_is_that_of_the_nulls(home):
    found, nulls = (read_table(home[3][name], name) for name in ("chance", "nulls"))
    drawn = nulls.groupby(["layer", "unit", "range"])["iou"]
    joined = found.set_index(["layer", "unit", "range"])
    np.testing.assert_allclose(joined["null_mean"], drawn.mean().reindex(joined.index), rtol=1e-12)
    np.testing.assert_allclose(joined["null_q95"], drawn.quantile(0.95).reindex(joined.index), rtol=1e-12)
    assert (joined["n_shuffles"] == N_SHUFFLES).all()


def test_chunks_give_the_same_bytes(home, tmp_path):
    _, _, shared, paths = home
    table, parts = read_table(paths["explanations"], "explanations"), []
    for number in range(3):
        span = Part(number, 3).span(N_UNITS)
        write_table(table[table["unit"].isin(span)], tmp_path / f"e{number}.csv", "explanations")
        parts.append(str(tmp_path / f"n{number}.csv"))
        options = SEARCH | {"n_shuffles": N_SHUFFLES, "seed": 7, "nulls": parts[-1]}
        search_shuffled(**shared | {"threads": 1}, **options, explanations=str(tmp_path / f"e{number}.csv"))
    measure_chance(explanations=paths["explanations"], nulls=parts, chance=str(tmp_path / "chance.csv"))
    with open(tmp_path / "chance.csv", "rb") as one, open(paths["chance"], "rb") as other:
        assert one.read() == other.read()


def test_too_few_shuffles_are_refused(home, tmp_path):
    _, _, shared, paths = home
    options = SEARCH | {"n_shuffles": 2, "seed": 7, "nulls": str(tmp_path / "n.csv")}
    search_shuffled(**shared, **options, explanations=paths["explanations"])
    with pytest.raises(ValueError, match=r"evidence.shuffles=2 must be at least 3"):
        measure_chance(explanations=paths["explanations"], nulls=[options["nulls"]], chance=str(tmp_path / "c.csv"))


def test_units_without_formulas_have_no_p_value(home, tmp_path):
    table = read_table(home[3]["explanations"], "explanations")
    dead = table.assign(status="dead", formula="", iou=np.nan)
    write_table(dead, tmp_path / "e.csv", "explanations")
    search_shuffled(
        **home[2], **SEARCH, explanations=str(tmp_path / "e.csv"), nulls=str(tmp_path / "n.csv"), n_shuffles=3, seed=0
    )
    measure_chance(
        explanations=str(tmp_path / "e.csv"), nulls=[str(tmp_path / "n.csv")], chance=str(tmp_path / "c.csv")
    )
    found = read_table(tmp_path / "c.csv", "chance")
    assert found["p_value"].isna().all() and (found["n_shuffles"] == 0).all() and set(found["status"]) == {"dead"}
