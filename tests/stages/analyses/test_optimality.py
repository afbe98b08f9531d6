"""The comparison of the beam with the optimum, recomputed from PNGs and raw activations without any kernel."""

import csv
import itertools
import re
import statistics

import bruteforce
import numpy as np
import pytest
from analysed_playground import CONCEPTS, GRID, LAYER, Home
from PIL import Image

from lib.data.stores.concepts import read_concepts
from lib.data.stores.tables import read_table, write_table
from lib.reporting import search_pictures
from lib.reporting.plots import plot_table
from lib.reporting.search_pictures import draw_search_pictures, paint_overlap
from lib.reporting.unit_pictures import GAP, TITLE
from lib.stages.analyses.compare_optimality import compare_optimality
from lib.stages.analyses.summarise_optimality import summarise_optimality

LENGTH, BEAM = 2, 1
CATEGORIES = ["same", "equivalent", "same_concepts_same_iou", "same_concepts", "same_iou", "different_concepts"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return the playground with `optimality.csv`; the ranges of one unit are unusable."""
    home = Home(tmp_path_factory.mktemp("optimality"))
    ranges = home.table("layer2.csv", "ranges")
    ranges.loc[ranges["unit"] == 3, "status"] = "dead"
    ranges.loc[ranges["unit"] == 4, ["lower", "upper"]] = [1e6, 2e6]
    write_table(ranges, home / "ranges.csv", "ranges")
    compare(home, home / "optimality.csv")
    return home


def compare(home, path, **changes):
    options = {"layer": LAYER, "length": LENGTH, "beam": BEAM, "seconds": None, "threads": 2} | changes
    paths = {"activations": home.activations, "ranges": home / "ranges.csv", "concept_set": home.concept_set}
    compare_optimality(**paths, optimality=str(path), **options)


@pytest.fixture(scope="module")
def names(home):
    return read_concepts(home.concept_set)["name"].tolist()


def pair_ious(flat, size, both, bits):
    """Return the IoU of every concept, and of a OR b, a AND b, a AND NOT b for all a and b, as exact quotients."""
    held = flat[:, bits]
    inside, both_in = held.sum(axis=1, dtype=np.float64), (held @ held.T).astype(np.float64)
    pairs = [
        (inside[:, None] + inside - both_in, size[:, None] + size - both),
        (both_in, both),
        (inside[:, None] - both_in, size[:, None] - both),
    ]
    ious = [n / (bits.sum() + total - n) for n, total in [(inside, size), *pairs]]
    for table in ious[1:]:
        np.fill_diagonal(table, -1)
    return ious[0], np.stack(ious[1:])


def test_every_row_equals_an_exhaustive_search(home, names):
    # some concepts of the table occur in none of the images
    masks, shape = home.masks
    flat = np.stack([masks.get(name, np.zeros(shape, bool)).reshape(-1) for name in names]).astype(np.float32)
    # counts below 2**24 are exact in float32
    size, both = flat.sum(axis=1, dtype=np.float64), (flat @ flat.T).astype(np.float64)
    ranges, found = home.table("ranges.csv", "ranges"), home.table("optimality.csv", "optimality")
    assert found[["layer", "unit", "range"]].equals(ranges[["layer", "unit", "range"]])
    store, n_suboptimal = home.maps(LAYER), 0
    for row, bounds in zip(found.itertuples(), ranges.itertuples()):
        if row.unit in (3, 4):
            assert row.status == ("dead" if row.unit == 3 else "empty") and not row.optimal
            assert not row.beam_formula and not row.optimal_formula and not row.category and np.isnan(row.iou_gap)
            continue
        bits = bruteforce.bitmap(store[:, row.unit], bounds.lower, bounds.upper, (GRID, GRID))
        singles, pairs = pair_ious(flat, size, both, bits.reshape(-1))
        # the beam joins a concept to one of the 2 * BEAM best only
        kept = np.lexsort((np.arange(len(names)), -singles))[: 2 * BEAM]
        assert row.beam_iou == pytest.approx(max(singles.max(), pairs[:, kept].max()), abs=1e-9)
        assert row.optimal_iou == pytest.approx(max(singles.max(), pairs.max()), abs=1e-9)
        assert row.iou_gap == row.optimal_iou - row.beam_iou >= 0 and row.optimal and row.status == "ok"
        n_suboptimal += row.iou_gap > 0
        for text, iou in ((row.beam_formula, row.beam_iou), (row.optimal_formula, row.optimal_iou)):
            mask = bruteforce.formula_mask(text, home.masks[0], bits.shape)
            assert iou == pytest.approx((mask & bits).sum() / (mask | bits).sum(), abs=1e-9)
        assert row.category == dense_category(row, names)
    assert n_suboptimal >= 3, "a beam of 1 misses some optima"
    assert len(set(found["category"])) >= 3


def dense_category(row, names):
    """Name the difference by truth tables of the texts over the concepts in them."""
    texts = row.beam_formula, row.optimal_formula
    used = [{name for name in names if re.search(rf"(^|[( ]){re.escape(name)}($|[) ])", text)} for text in texts]
    held = sorted(used[0] | used[1])
    rows = np.array(list(itertools.product([False, True], repeat=len(held))))
    truth = [bruteforce.formula_mask(text, dict(zip(held, rows.T)), rows.shape[:1]) for text in texts]
    same_iou = row.beam_iou == row.optimal_iou
    if np.array_equal(*truth):
        # of two concepts equivalent formulas differ in the order of operands alone
        return "same"
    if used[0] == used[1]:
        return "same_concepts_same_iou" if same_iou else "same_concepts"
    return "same_iou" if same_iou else "different_concepts"


def test_the_table_depends_on_nothing_but_its_settings(home, tmp_path):
    compare(home, tmp_path / "one.csv", threads=1)
    assert (tmp_path / "one.csv").read_bytes() == (home.folder / "optimality.csv").read_bytes()
    compare(home, tmp_path / "wide.csv", beam=200)
    wide = read_table(tmp_path / "wide.csv", "optimality")
    assert (wide.loc[wide["status"] == "ok", "iou_gap"] == 0).all(), "a beam of all concepts finds the optimum"
    compare(home, tmp_path / "stopped.csv", length=3, seconds=0)
    stopped = read_table(tmp_path / "stopped.csv", "optimality")
    stopped = stopped[stopped["status"] == "ok"]
    assert set(stopped["category"]) == {"same"} and not stopped["optimal"].all()


def test_the_summary_equals_a_recomputation(home, tmp_path):
    table = home.table("optimality.csv", "optimality")
    table.loc[table.index % 7 == 2, "optimal"] = False
    table.loc[table.index % 5 == 1, "layer"] = "layer9"
    write_table(table, tmp_path / "optimality.csv", "optimality")
    path = tmp_path / "optimality_summary.csv"
    summarise_optimality(optimality=str(tmp_path / "optimality.csv"), optimality_summary=str(path))
    with (tmp_path / "optimality.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    found = read_table(path, "optimality_summary")
    assert set(found["layer"]) == {"", LAYER, "layer9"} and set(found["range"]) == {"", "top", "cluster1", "cluster2"}
    assert found["category"].tolist() == ["", "suboptimal", *CATEGORIES] * (len(found) // 8) and len(found) == 3 * 4 * 8
    for line in found.itertuples():
        own = [row for row in rows if line.layer in ("", row["layer"]) and line.range in ("", row["range"])]
        own = [row for row in own if row["status"] == "ok"]
        assert (line.n, line.n_proved) == (len(own), sum(row["optimal"] == "True" for row in own))
        if line.category == "suboptimal":
            chosen = [row for row in own if float(row["beam_iou"]) < float(row["optimal_iou"])]
        else:
            chosen = [row for row in own if line.category in ("", row["category"])]
        assert line.share == pytest.approx(len(chosen) / len(own), abs=1e-9)
        for search in ("beam", "optimal"):
            values = [float(row[f"{search}_iou"]) for row in chosen]
            mean, sd = getattr(line, f"{search}_mean"), getattr(line, f"{search}_sd")
            assert np.isnan(mean) if not values else mean == pytest.approx(statistics.fmean(values), abs=1e-9)
            assert np.isnan(sd) if len(values) < 2 else sd == pytest.approx(statistics.stdev(values), abs=1e-9)
    for name in ("a.png", "b.png"):
        plot_table(kind="optimality_summary", table=str(path), plot=str(tmp_path / name))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (np.asarray(Image.open(tmp_path / "a.png").convert("L")) < 128).any()


def test_a_table_without_formulas_has_a_summary_and_a_plot(home, tmp_path):
    table = home.table("optimality.csv", "optimality")
    write_table(table[table["unit"] == 3], tmp_path / "optimality.csv", "optimality")
    path = tmp_path / "summary.csv"
    summarise_optimality(optimality=str(tmp_path / "optimality.csv"), optimality_summary=str(path))
    found = read_table(path, "optimality_summary")
    assert (found["n"] == 0).all() and found["share"].isna().all()
    plot_table(kind="optimality_summary", table=str(path), plot=str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").is_file()


def test_pictures_show_both_formulas_on_the_same_images(home, tmp_path, monkeypatch):
    paths = {"data": home.data, "activations": home.activations, "concept_set": home.concept_set}
    tables = {"optimality": [home / "optimality.csv"], "ranges": [home / "ranges.csv"]}
    options = {"layer": LAYER, "concepts": CONCEPTS, "k": 3, "n_reported": 2, "threads": 2}
    options["pictures"] = str(tmp_path / "pictures")
    titles, compose = [], search_pictures.compose_rows

    def note(rows, *rest, **shape):
        titles.extend(one.name for _, _, formula in rows for one in formula)
        return compose(rows, *rest, **shape)

    monkeypatch.setattr(search_pictures, "compose_rows", note)
    draw_search_pictures(**paths, **tables, **options)
    assert titles and not any(re.search(r"\w-[cs]\b", title) for title in titles), "names as people read them"
    table, ranges = home.table("optimality.csv", "optimality"), home.table("ranges.csv", "ranges")
    differ = table[(table["status"] == "ok") & ~table["category"].isin(["same", "equivalent"])]
    assert differ["optimal_formula"].str.contains(r"\w-[cs]\b").any(), "the tables keep the published spelling"
    units = sorted(set(differ["unit"]))
    assert sorted(int(path.stem) for path in (tmp_path / "pictures").glob("*.png")) == units and len(units) >= 2
    reported = {int(path.stem) for path in (tmp_path / "pictures/report").glob("*.png")}
    best = differ.groupby("unit")["optimal_iou"].max()
    assert reported == {best.idxmax(), best.idxmin()}, "the report has the best and the worst"
    images = [Image.open(path).convert("RGB") for path in sorted((home.folder / "playground/images").rglob("*.jpg"))]
    assert len(images) == 12
    for unit in units[:4]:
        sheet = np.asarray(Image.open(tmp_path / f"pictures/{unit}.png")).astype(int)
        own = differ[differ["unit"] == unit]
        assert len(sheet) == 2 * len(own) * (TITLE + GRID + GAP)
        for place, row in enumerate(own.itertuples()):
            bounds = ranges.loc[row.Index]
            bits = bruteforce.bitmap(home.maps(LAYER)[:, unit], bounds.lower, bounds.upper, (GRID, GRID))
            masks = [
                bruteforce.formula_mask(text, home.masks[0], bits.shape)
                for text in (row.optimal_formula, row.beam_formula)
            ]
            overlap = ((masks[0] | masks[1]) & bits).sum(axis=(1, 2))
            chosen = [image for image in np.argsort(-overlap, kind="stable")[:3] if overlap[image]]
            for line, mask in enumerate(masks):
                top = (2 * place + line) * (TITLE + GRID + GAP) + TITLE
                plain = []
                for column, image in enumerate(chosen):
                    left = GAP + column * (GRID + GAP)
                    shown = sheet[top : top + GRID, left : left + GRID]
                    yellow, blue = bits[image] & ~mask[image], bits[image] & mask[image]
                    # 40 % yellow; then 60 % blue on top
                    assert (shown[yellow][:, :2] >= 102).all() and (shown[yellow][:, 2] <= 153).all()
                    assert (shown[blue][:, 2] >= 153).all() and (shown[blue][:, :2] <= 102).all()
                    plain.append(shown[~bits[image]])
                assert np.concatenate(plain).std() > 5, "the rest shows the photograph"
                unused = sheet[top : top + GRID, GAP + len(chosen) * (GRID + GAP) : GAP + 3 * (GRID + GAP)]
                assert (unused == 255).all()


def test_colors_are_laid_over_the_picture():
    picture = np.full((1, 3, 3), 100, np.uint8)
    shown = paint_overlap(picture, np.array([[False, True, True]]), np.array([[True, False, True]]))
    # yellow at 0.4 gives (162, 162, 60); blue at 0.6 on top (65, 65, 177)
    assert shown.tolist() == [[[100, 100, 100], [162, 162, 60], [65, 65, 177]]]
