"""The stages of planted units: any chunks give the same bytes, and the summaries are those of the rows."""

import bruteforce
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib.data.stores.concepts import read_atoms, write_atoms
from lib.data.stores.tables import read_table
from lib.kernels.evidence.chance import p_values, standardise
from lib.kernels.search.atoms import AtomCollector, image_atoms_of_masks
from lib.reporting.plots import plot_table
from lib.runtime.parts import all_parts
from lib.stages.playground.calibrate_planted import calibrate_planted
from lib.stages.playground.measure_planted import measure_planted
from lib.stages.playground.measure_recovery import measure_recovery
from lib.stages.playground.plant_units import plant_units

N_IMAGES, SIDE, NAMES = 60, 16, list("abcdefgh")
OPTIONS = {
    **{"lengths": [1, 2, 3], "noises": [0.0, 0.6], "images": [30, 500], "repeats": 2},
    **{"n_shuffles": 5, "n_bootstraps": 20, "seed": 1},
    **{"search": "optimal", "seconds": None, "length": 2, "beam": 4},
}
THRESHOLDS = {"largest_q_value": 0.05, "least_support": 0.5}


@pytest.fixture(scope="module")
def concept_set(tmp_path_factory):
    rng = np.random.default_rng(0)
    masks = np.kron(rng.random((len(NAMES), N_IMAGES, 4, 4)) < 0.15, np.ones((4, 4), bool))
    masks[1] = masks[0]
    masks[1, :5, :4] ^= True
    collector, pixels = AtomCollector(), []
    for image in range(N_IMAGES):
        found, sizes, sets = image_atoms_of_masks(masks[:, image])
        collector.add(sizes, sets)
        pixels.append(found)
    table = pd.DataFrame({"concept": range(8), "number": range(8), "name": NAMES, "category": "x"})
    path = tmp_path_factory.mktemp("planted") / "set.zarr"
    shape = (N_IMAGES, SIDE, SIDE)
    write_atoms(path, collector.tables, pixel_blocks=iter([np.stack(pixels)]), shape=shape, concepts=table)
    return path


def plant_all(concept_set, folder, *, chunks, **changes):
    parts = {"planted": [], "nulls": []}
    for chunk in all_parts(chunks):
        paths = {name: str(folder / name / f"{chunk}.csv") for name in parts}
        for name, path in paths.items():
            (folder / name).mkdir(exist_ok=True)
            parts[name].append(path)
        plant_units(**OPTIONS | changes, **paths, concept_set=str(concept_set), chunk=chunk)
    tables = {name: str(folder / f"{name}.csv") for name in ("units", "recovery", "calibration")}
    measure_planted(parts=parts["planted"], nulls=parts["nulls"], planted=tables["units"], **THRESHOLDS)
    measure_recovery(planted=tables["units"], recovery=tables["recovery"])
    calibrate_planted(planted=tables["units"], calibration=tables["calibration"])
    return tables, parts


@pytest.fixture(scope="module")
def made(concept_set, tmp_path_factory):
    return plant_all(concept_set, tmp_path_factory.mktemp("one"), chunks=1)


def test_any_chunks_give_the_same_bytes(made, concept_set, tmp_path):
    other, _ = plant_all(concept_set, tmp_path, chunks=3)
    for name, path in made[0].items():
        with open(path, "rb") as one, open(other[name], "rb") as two:
            assert one.read() == two.read()


def test_rows_say_what_was_planted_and_found(made, concept_set):
    table = read_table(made[0]["units"], "planted")
    assert table["number"].tolist() == list(range(len(table))) and len(table) == 2 * (8 + 4 + 4 + 4)
    assert set(table["n_images"]) == {30, N_IMAGES}, "there are no 500 images"
    assert table["length"].max() == 2, "the search finds no longer formulas"
    atoms, _ = read_atoms(concept_set)
    masks = {name: atoms.concept_mask(concept) for concept, name in enumerate(NAMES)}
    known = table["case"].isin(["plain", "together"])
    for row in table[known & (table["n_images"] == N_IMAGES)].itertuples():
        truth, found = (
            bruteforce.formula_mask(text, masks, atoms.pixel_atoms.shape) for text in (row.truth, row.found)
        )
        assert row.share == truth.mean() and row.recovered_equivalent == (truth == found).all()
        assert row.recovered_exactly <= row.recovered_equivalent <= row.set_holds_truth
    clear = table[(table["case"] == "plain") & (table["noise"] == 0) & (table["second"] == "")]
    assert clear["recovered_equivalent"].mean() >= 0.75
    outside = table[table["case"] == "outside"]
    taken = set(outside["truth"]) - {""}
    assert len(taken) == 1 and not outside["found"].str.contains(taken.pop()).any()
    empty = ["recovered_exactly", "recovered_equivalent", "iou_lost", "set_holds_truth"]
    assert table.loc[~known, empty].isna().all(axis=None) and table.loc[known, empty].notna().all(axis=None)
    assert (table.loc[table["case"] == "none", ["truth", "second"]] == "").all(axis=None)


def test_p_values_are_pooled_over_units_that_see_the_same_images(made):
    table = read_table(made[0]["units"], "planted")
    nulls = read_table(made[1]["nulls"][0], "nulls")
    for size, rows in table.groupby("n_images"):
        drawn = nulls[nulls["layer"] == str(size)].pivot(index="unit", columns="shuffle", values="iou")
        assert drawn.index.tolist() == rows["number"].tolist()
        p = p_values(*standardise(rows["iou"].to_numpy(), drawn.to_numpy()))
        np.testing.assert_array_equal(rows["p_value"], p)
        np.testing.assert_allclose(rows["q_value"], stats.false_discovery_control(p))
        np.testing.assert_allclose(rows["null_mean"], drawn.mean(axis=1))
    chance = (table["q_value"] > 0.05) | (table["iou_unseen_low"] <= table["null_mean"])
    assert (table["verdict"] == "chance").tolist() == chance.tolist()
    assert ((table["verdict"] == "supported") == (~chance & (table["min_support"] >= 0.5))).all()


def test_recovery_counts_the_rows(made, tmp_path):
    table, recovery = read_table(made[0]["units"], "planted"), read_table(made[0]["recovery"], "recovery")
    assert recovery["n_units"].sum() == len(table)
    for row in recovery.itertuples():
        cell = table[
            (table["case"] == row.case)
            & (table["noise"] == row.noise)
            & (table["n_images"] == row.n_images)
            & (table["length"] == row.length)
        ]
        refused = stats.binomtest(int((~cell["verdict"].isin(["supported", "partly"])).sum()), len(cell))
        assert row.no_adequate_label == refused.statistic and row.n_units == len(cell)
        low, high = refused.proportion_ci(method="wilson")
        assert (row.no_adequate_label_low, row.no_adequate_label_high) == pytest.approx((low, high))
        if row.case in ("plain", "together"):
            assert row.recovered_equivalent == cell["recovered_equivalent"].mean()
            assert row.recovered_exactly == cell["recovered_exactly"].mean()
            assert row.iou_lost == pytest.approx(cell["iou_lost"].mean())
        else:
            assert np.isnan([row.recovered_exactly, row.recovered_equivalent, row.iou_lost]).all()
    plot_table(table=made[0]["recovery"], kind="recovery", plot=str(tmp_path / "recovery.png"))
    assert (tmp_path / "recovery.png").read_bytes().startswith(b"\x89PNG")


def test_calibration_compares_shares_with_targets(made):
    table = read_table(made[0]["units"], "planted")
    found = read_table(made[0]["calibration"], "calibration").set_index(["check", "case"])
    assert not found.index.duplicated().any()
    none, plain = table[table["case"] == "none"], table[table["case"] == "plain"]
    row = found.loc[("share of p-values at most 0.05", "none")]
    assert row["value"] == (none["p_value"] <= 0.05).mean() and row["n"] == len(none) == 8
    assert row["met"] == str(row["value"] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 8))
    for name, value in (("noise", 0.6), ("n_images", 30), ("length", 2)):
        rows = plain[plain[name] == value]
        row = found.loc[("stability set holds the truth", f"plain, {name} {value}")]
        share, n = rows["set_holds_truth"].mean(), len(rows)
        assert (row["value"], row["n"]) == (share, n) and row["target"] == "at least 0.95 - 2 SE"
        assert row["met"] == str(share >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / n))
        power = found.loc[("power: share of q-values at most 0.05", f"plain, {name} {value}")]
        assert power["value"] == (rows["q_value"] <= 0.05).mean() and power["target"] == power["met"] == ""
    shapes = table[(table["case"] == "outside") & (table["truth"] == "")]
    row = found.loc[("no adequate label", "outside, unlabelled shape")]
    assert row["value"] == (~shapes["verdict"].isin(["supported", "partly"])).mean() and row["n"] == len(shapes)


def test_formulas_that_the_search_cannot_find_are_refused(concept_set, tmp_path):
    with pytest.raises(ValueError, match=r"lengths=\[3, 4\] are all above explanations.length=2"):
        plant_all(concept_set, tmp_path, chunks=1, lengths=[3, 4])
