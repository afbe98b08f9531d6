"""The analyses, recomputed by hand from images, label maps and a network run with plain hooks."""

import csv
import re
import statistics
from collections import Counter

import bruteforce
import numpy as np
import pandas as pd
import pytest
import torch
from analysed_playground import (
    CATEGORIES,
    CHUNK,
    CONCEPTS,
    GRID,
    LAYER,
    N_IMAGES,
    N_UNITS,
    NETWORK,
    SEED,
    SETTINGS,
    SIZE,
    Home,
)
from PIL import Image
from scipy import stats

from lib.data.formats.broden import open_broden
from lib.data.stores.tables import read_table, write_table
from lib.kernels.search.formula import AND_NOT, split_formula
from lib.models.build.loading import open_network
from lib.reporting import unit_pictures
from lib.reporting.plots import plot_table
from lib.reporting.text_tables import write_text_table
from lib.reporting.unit_pictures import OUTLINE, draw_unit_pictures
from lib.stages.analyses.count_detectors import count_detectors
from lib.stages.analyses.find_thresholds import find_thresholds
from lib.stages.analyses.measure_range_importance import measure_range_importance
from lib.stages.analyses.measure_specialization import measure_specialization
from lib.stages.analyses.measure_thresholds import measure_thresholds
from lib.stages.analyses.summarise_metrics import summarise_metrics
from lib.stages.explanations.measure_label_masking import measure_label_masking
from lib.stages.explanations.score_explanations import score_explanations

QUANTILES = [0.01, 0.5, 0.9]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("analyses"))


@pytest.fixture(scope="module")
def pictures(home):
    """Return the network's input, float32 of shape (n, 3, H, W), made by hand."""
    found = [Image.open(path).convert("RGB") for path in open_broden(home.data, **CONCEPTS).images]
    found = np.stack([np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for picture in found])
    return (torch.from_numpy(found).permute(0, 3, 1, 2).contiguous().float() / 255 - 0.5) / 0.5


@pytest.fixture(scope="module")
def network():
    return open_network(NETWORK, weights=None, trusted_sha256=[], device="cpu").module


def mask_labels(home, path, **changes):
    options = {"n_images": None, "seed": SEED, "batch_size": 32, "threads": 2, "layer": LAYER}
    paths = {"explanations": home / "explanations.csv", "concept_set": home.concept_set, "label_masking": str(path)}
    measure_label_masking(data=home.data, weights=[], **SETTINGS, **paths | options | changes)
    return read_table(path, "label_masking")


@pytest.fixture(scope="module")
def metrics(home):
    mask_labels(home, home / "label_masking.csv")
    paths = {"explanations": home / "explanations.csv", "concept_set": home.concept_set, "layer": LAYER, "threads": 2}
    score_explanations(
        activations=home.activations, label_masking=home / "label_masking.csv", metrics=home / "metrics.csv", **paths
    )
    return home.table("metrics.csv", "metrics")


def test_the_metrics_of_20_units_equal_a_recomputation(home, metrics, pictures, network):
    found = {}
    stages = torch.nn.Sequential(*list(network.children())[:6])  # up to layer2
    handle = network.layer2.register_forward_hook(lambda module, inputs, output: found.update(maps=output.clone()))
    with torch.no_grad():
        network(pictures)
    handle.remove()
    maps = found["maps"].numpy()
    noise = np.stack(
        [
            np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(image,))).random((GRID, GRID), np.float32)
            for image in range(N_IMAGES)
        ]
    )
    table = home.table("explanations.csv", "explanations")
    cases = [
        (row, measured)
        for (_, row), (_, measured) in zip(table.iterrows(), metrics.iterrows())
        if row["unit"] < N_UNITS
    ]
    assert len(cases) == 3 * N_UNITS

    def run(batch, unit):
        missing = max(0, 8 - len(batch))  # as many images as the CPU kernels round alike for
        with torch.no_grad():
            return stages(torch.cat([batch, batch.new_zeros(missing, *batch.shape[1:])]))[: len(batch), unit].numpy()

    masked = home.table("label_masking.csv", "label_masking").set_index(["unit", "range"])
    n_compared = 0
    for row, measured in cases:
        assert row["status"] == "ok"
        unit, bounds = row["unit"], (row["lower"], row["upper"])
        bits = bruteforce.bitmap(maps[:, unit], *bounds, (GRID, GRID))
        formula = bruteforce.formula_mask(row["formula"], *home.masks)
        for name, value in bruteforce.scores(formula, bits).items():
            assert measured[name] == pytest.approx(value, abs=1e-9, nan_ok=True), (row["formula"], name)
        similarities = bruteforce.label_masking(
            lambda batch, unit=unit: run(batch, unit),
            pictures,
            formula,
            before=maps[:, unit],
            bounds=bounds,
            noise=noise,
        )
        mean = np.mean(similarities) if similarities else np.nan
        assert measured["label_masking"] == pytest.approx(mean, abs=1e-5, nan_ok=True), row["formula"]
        own = masked.loc[(row["unit"], row["range"])]
        assert own["n_images"] == len(similarities) and own["label_masking"] == measured["label_masking"]
        n_compared += len(similarities) > 1
        if len(similarities) > 1:
            half = stats.t.ppf(0.975, len(similarities) - 1) * stats.sem(similarities)
            expected = np.clip([mean - half, mean + half], -1, 1)
            np.testing.assert_allclose(
                own[["label_masking_low", "label_masking_high"]].astype(float), expected, atol=1e-4
            )
    assert n_compared > 20
    assert metrics["label_masking"].std() > 0.05


def test_the_summary_of_metrics_equals_a_recomputation(home, metrics, tmp_path):
    metrics.loc[3:5, "label_masking"] = np.nan
    both = pd.concat([metrics, metrics.iloc[::-1].assign(layer="layer9")], ignore_index=True)
    write_table(both, tmp_path / "metrics.csv", "metrics")
    summarise_metrics(metrics=str(tmp_path / "metrics.csv"), metrics_summary=str(tmp_path / "summary.csv"))
    found = read_table(tmp_path / "summary.csv", "metrics_summary")
    with (tmp_path / "metrics.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    names = [name for name in rows[0] if name not in ("layer", "unit", "range")]
    ranges = list(dict.fromkeys(row["range"] for row in rows))
    expected = [(layer, name, metric) for layer in ("", LAYER, "layer9") for name in ("", *ranges) for metric in names]
    assert list(found[["layer", "range", "metric"]].itertuples(index=False, name=None)) == expected
    for line in found.itertuples():
        own = [row for row in rows if line.layer in ("", row["layer"]) and line.range in ("", row["range"])]
        values = [float(row[line.metric]) for row in own if row[line.metric]]
        assert (line.n, line.n_missing) == (len(values), len(own) - len(values))
        assert line.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
        assert line.sd == pytest.approx(statistics.stdev(values), abs=1e-9)
        assert line.median == pytest.approx(statistics.median(values), abs=1e-9)
    assert found["n_missing"].max() >= 6
    for ending in ("md", "tex"):
        write_text_table(
            table=str(tmp_path / "summary.csv"), kind="metrics_summary", text=str(tmp_path / f"summary.{ending}")
        )
    markdown = (tmp_path / "summary.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown]
    assert cells[0] == list(found.columns) and len(cells) == 2 + len(found)
    assert cells[2][:3] == ["all", "all", "iou"] and float(cells[2][5]) == pytest.approx(found["mean"][0], rel=1e-3)
    latex = (tmp_path / "summary.tex").read_text(encoding="utf-8")
    assert latex.startswith("\\begin{tabular}") and "label\\_masking" in latex and "n missing" in latex
    assert latex.count(r"\\") == 1 + len(found)


def test_label_masking_does_not_depend_on_batches_and_threads(home, metrics, tmp_path):
    table = home.table("explanations.csv", "explanations")
    write_table(table[table["unit"] < 4], tmp_path / "explanations.csv", "explanations")
    changes = {"explanations": str(tmp_path / "explanations.csv"), "n_images": 2}
    few = mask_labels(home, tmp_path / "few.csv", **changes, batch_size=8, threads=1)["label_masking"]
    mask_labels(home, tmp_path / "same.csv", **changes, batch_size=50)
    assert (tmp_path / "few.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()
    assert (few != metrics["label_masking"][: len(few)]).any() and few.notna().all()
    other = mask_labels(home, tmp_path / "seed.csv", **changes, seed=SEED + 1)["label_masking"]
    assert (other != few).mean() > 0.5  # a formula of all pixels leaves no noise


def test_without_label_masking_its_column_is_empty(home, metrics, tmp_path):
    paths = {"explanations": home / "explanations.csv", "concept_set": home.concept_set, "layer": LAYER, "threads": 1}
    score_explanations(activations=home.activations, label_masking=[], metrics=str(tmp_path / "metrics.csv"), **paths)
    found = read_table(tmp_path / "metrics.csv", "metrics")
    assert found["label_masking"].isna().all()
    pd.testing.assert_frame_equal(found.drop(columns="label_masking"), metrics.drop(columns="label_masking"))


def measure_importance(home, path, ranges, **changes):
    options = {"layer": "layer4", "batch_size": 8, "threads": 2} | changes
    measure_range_importance(
        data=home.data, weights=[], ranges=ranges, range_importance=str(path), **SETTINGS, **options
    )
    return read_table(path, "range_importance")


def test_range_importance_equals_a_recomputation(home, pictures, network, tmp_path):
    ranges = home.table("layer4.csv", "ranges")
    half = ranges["unit"] < 200
    parts = []
    for number, rows in enumerate((ranges[half], ranges[~half])):
        parts.append(str(tmp_path / f"{number}.csv"))
        write_table(rows, parts[-1], "ranges")
    found = measure_importance(home, tmp_path / "importance.csv", parts)
    assert found["range"].tolist() == ["top", "cluster1", "cluster2"] and (found["n_images"] == N_IMAGES).all()
    maps = torch.from_numpy(home.maps("layer4"))
    with torch.no_grad():
        head = torch.nn.Sequential(network.avgpool, torch.nn.Flatten(), network.fc)
        before = head(maps).argmax(1)
        for row in found.itertuples():
            edited = maps.clone()
            for one in ranges[(ranges["range"] == row.range) & (ranges["status"] == "ok")].itertuples():
                own = maps[:, one.unit].double()
                edited[:, one.unit][(own > one.lower) & (own < one.upper)] = 0
            assert row.n_changed == int((head(edited).argmax(1) != before).sum())
            assert row.share_changed == row.n_changed / N_IMAGES
    assert found["n_changed"].max() > 0
    again = measure_importance(home, tmp_path / "again.csv", [home / "layer4.csv"], batch_size=30, threads=1)
    pd.testing.assert_frame_equal(again, found)
    plot_table(kind="range_importance", table=str(tmp_path / "importance.csv"), plot=str(tmp_path / "plot.png"))
    assert Image.open(tmp_path / "plot.png").size[0] == 1200


def test_thresholds_equal_a_recomputation(home, tmp_path):
    options = {"layer": LAYER, "chunk": CHUNK, "units": None, "seed": 0, "quantiles": QUANTILES, "threads": 2}
    find_thresholds(activations=home.activations, ranges=home / "threshold_ranges.csv", **options)
    ranges = home.table("threshold_ranges.csv", "ranges")
    store = home.maps(LAYER)
    for row in ranges.itertuples():
        values = store[:, row.unit].astype(np.float64).reshape(-1)
        bound = np.quantile(values[values != 0], 1 - float(row.range))
        assert (row.lower, row.upper) == ((bound, np.inf) if float(row.range) <= 0.5 else (1e-6, bound))
        assert row.n_activations == ((values > row.lower) & (values < row.upper)).sum() and row.status == "ok"
    home.explain("threshold_ranges.csv", "thresholds.csv", length=3)
    explained = home.table("thresholds.csv", "explanations")
    explanations = [str(tmp_path / f"{i}.csv") for i in range(2)]
    for path, rows in zip(explanations, (explained[:30], explained[30:])):
        write_table(rows, path, "explanations")
    path = tmp_path / "thresholds.csv"
    measure_thresholds(explanations=explanations, concept_set=home.concept_set, thresholds=str(path))
    found = read_table(path, "thresholds")
    category = open_broden(home.data, **CONCEPTS).concepts.set_index("name")["category"]
    assert len(found) == len(QUANTILES) * len(CATEGORIES)
    for quantile, rows in found.groupby("quantile"):
        counts = Counter()
        texts = explained.loc[(explained["range"] == str(quantile)) & (explained["status"] == "ok"), "formula"]
        for text in texts:
            # names of the playground hold no brackets
            words = text.replace("(NOT ", "!").replace("(", "").replace(")", "").replace(" OR ", " AND ").split(" AND ")
            counts.update(category[word] for word in words if not word.startswith("!"))
        assert dict(zip(rows["category"], rows["n_concepts"])) == {name: counts[name] for name in CATEGORIES}
        assert rows["share"].sum() == pytest.approx(1) and (rows["n_units"] == len(texts)).all() and len(texts) > 18
    plot_table(kind="thresholds", table=str(path), plot=str(tmp_path / "plot.png"))
    assert Image.open(tmp_path / "plot.png").size[0] == 1200


def test_detectors_of_network_dissection(home, tmp_path):
    home.explain("layer2.csv", "dissection.csv", length=1)
    table = home.table("dissection.csv", "explanations")
    names = sorted(home.masks[0])
    store = home.maps(LAYER)
    for row in table[::9].itertuples():
        bits = bruteforce.bitmap(store[:, row.unit], row.lower, row.upper, (GRID, GRID))
        best = max(bruteforce.scores(home.masks[0][name], bits)["iou"] for name in names)
        assert row.iou == pytest.approx(best, rel=1e-12) and row.formula in names
    path = tmp_path / "detectors.csv"
    count_detectors(dissection=home / "dissection.csv", concept_set=home.concept_set, detectors=str(path))
    found = read_table(path, "detectors")
    labels = open_broden(home.data, **CONCEPTS).concepts.set_index("name")["category"]
    detected = table[table["iou"] > 0.04]
    for row in found.itertuples():
        own = detected[detected["range"] == row.range]
        own = own[own["formula"].map(labels) == row.category] if row.category else own
        assert row.layer in ("", LAYER)
        assert (row.n_detectors, row.n_unique, row.n_units) == (len(own), own["formula"].nunique(), 21)
    assert (
        len(found) == 2 * 3 * (1 + len(CATEGORIES)) and len(found.drop_duplicates(["layer", "range", "category"])) == 42
    )
    total = found[(found["layer"] == LAYER) & (found["category"] != "")]
    assert total["n_detectors"].sum() == len(detected) > total["n_unique"].sum()
    for name in ("a.png", "b.png"):
        plot_table(kind="detectors", table=str(path), plot=str(tmp_path / name))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_detectors_across_layers_count_a_concept_once(home, tmp_path):
    a, b, c = sorted(home.masks[0])[:3]
    table = explanations_of({("top", 0): a, ("top", 1): b, ("top", 2): "", ("cluster1", 0): c})
    both = pd.concat([table, table.assign(layer="layer9", formula=[a, a, "", c])], ignore_index=True)
    both.loc[both["status"] != "ok", "iou"] = np.nan
    write_table(both, tmp_path / "dissection.csv", "explanations")
    paths = {"dissection": str(tmp_path / "dissection.csv"), "concept_set": home.concept_set}
    count_detectors(**paths, detectors=str(tmp_path / "detectors.csv"))
    found = read_table(tmp_path / "detectors.csv", "detectors")
    found = found[found["category"] == ""].drop(columns="category")
    assert list(found.itertuples(index=False, name=None)) == [
        *[("", "top", 6, 4, 2), ("", "cluster1", 2, 2, 1)],
        *[(LAYER, "top", 3, 2, 2), (LAYER, "cluster1", 1, 1, 1)],
        *[("layer9", "top", 3, 2, 1), ("layer9", "cluster1", 1, 1, 1)],
    ]


def explanations_of(texts):
    """Return a table with these formulas: {(range, unit): text}, an empty one for a unit without formula."""
    rows = [
        (LAYER, unit, name, 0.0, 1.0, text, "[]", "[]")
        + (0 if not text else 1 + text.count(" OR ") + text.count(" AND "), 0.5, 0.5)
        + (False, "beam", "ok" if text else "empty")
        for (name, unit), text in texts.items()
    ]
    columns = ["layer", "unit", "range", "lower", "upper", "formula", "shown_names", "categories"]
    columns += ["length", "iou", "iou_upper_bound"]
    return pd.DataFrame(rows, columns=[*columns, "optimal", "search", "status"])


def test_specialization_known_on_paper(home, tmp_path):
    a, b, c, d = sorted(home.masks[0])[:4]
    twin = {("cluster1", unit): f"({a} OR {b})" if unit < 5 else f"({c} AND {d})" for unit in range(9)}
    twin |= {("cluster1", 9): f"({a} AND (NOT {d}))", ("cluster2", 0): f"({c} AND {d})"}
    twin |= {("top", unit): d for unit in range(10)}
    own = {
        ("top", 0): d,
        ("top", 1): a,
        ("cluster1", 0): f"({b} OR {a})",  # another spelling of a default formula
        ("cluster1", 1): f"({c} OR {b})",  # begins as a default formula does
        ("cluster1", 2): f"({b} OR {c})",
        ("cluster1", 3): "",
        ("cluster2", 0): "",
    }
    for name, texts in (("twin", twin), ("own", own)):
        write_table(explanations_of(texts), tmp_path / f"{name}.csv", "explanations")
    paths = {"explanations": str(tmp_path / "own.csv"), "twin_explanations": str(tmp_path / "twin.csv")}
    path = tmp_path / "specialization.csv"
    common = tmp_path / "common_formulas.csv"
    measure_specialization(**paths, concept_set=home.concept_set, specialization=str(path), common=str(common))
    listed = read_table(common, "common_formulas")
    shown = listed["formula"].str.replace(r"-[cs]\b", "", regex=True)
    assert (listed["shown_formula"].str.replace(r" \(\w+\)", "", regex=True) == shown).all(), "plain names"
    assert set(listed["layer"]) == {LAYER} and list(
        listed.drop(columns=["layer", "shown_formula"]).itertuples(index=False, name=None)
    ) == [
        # a fifth of ten units: two formulas, of both clusters together
        *[("cluster", "formula", 1, f"({a} OR {b})", 5, 11), ("cluster", "formula", 2, f"({c} AND {d})", 5, 11)],
        *[("cluster", "left part", 1, a, 6, 11), ("cluster", "left part", 2, c, 5, 11)],
        ("top", "formula", 1, d, 10, 10),
    ]
    found = read_table(path, "specialization")
    expected = [("top", 2, 0.5, 0, 0.5), ("cluster1", 3, 1 / 3, 1 / 3, 1 / 3), ("cluster2", 0, *[np.nan] * 3)]
    assert found["layer"].tolist() == [LAYER] * 3
    for row, values in zip(found.drop(columns="layer").itertuples(index=False, name=None), expected):
        assert row[0] == values[0] and row[1:] == pytest.approx(values[1:], nan_ok=True)
    plot_table(kind="specialization", table=str(path), plot=str(tmp_path / "plot.png"))
    assert Image.open(tmp_path / "plot.png").size[0] == 1200


def test_titles_of_pictures_say_names_as_people_read_them(home, tmp_path, monkeypatch):
    titles, compose = [], unit_pictures.compose_rows

    def note(rows, *rest, **options):
        titles.extend((title, formula) for title, _, formula in rows)
        return compose(rows, *rest, **options)

    monkeypatch.setattr(unit_pictures, "compose_rows", note)
    paths = {"data": home.data, "activations": home.activations, "concept_set": home.concept_set}
    options = {"layer": LAYER, "concepts": CONCEPTS, "k": 1, "n_reported": 2, "threads": 1}
    options["pictures"] = str(tmp_path / "pictures")
    draw_unit_pictures(**paths, explanations=[home / "explanations.csv"], **options)
    table = home.table("explanations.csv", "explanations")
    assert len(titles) == len(table)
    suffixed = 0
    plain = {"sky-s": "sky (scene)", "sky": "sky (object)"}
    for (title, found), row in zip(titles, table.sort_values("unit", kind="stable").itertuples()):
        names, operators = split_formula(row.formula) if row.formula else ([], ())
        expected = [plain.get(name, re.sub("-[cs]$", "", name)) for name in names]
        assert [one.name for one in found] == expected
        assert [one.negated for one in found[1:]] == [operator == AND_NOT for operator in operators]
        assert title == (f"{row.range}, IoU {row.iou:.3f}:" if row.status == "ok" else title)
        suffixed += names != expected
    assert suffixed > 0


def test_pictures_show_images_that_fit_better_than_all_dark_outside_the_range(home, tmp_path):
    options = {"layer": LAYER, "concepts": CONCEPTS, "k": 3, "n_reported": 2, "threads": 2}
    options["pictures"] = str(tmp_path / "pictures")
    paths = {"data": home.data, "activations": home.activations, "concept_set": home.concept_set}
    draw_unit_pictures(**paths, explanations=[home / "explanations.csv"], **options)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        *("report", *(f"{unit}.png" for unit in range(21)))
    }
    table = home.table("explanations.csv", "explanations")
    store = home.maps(LAYER)
    images = open_broden(home.data, **CONCEPTS).images
    top = table[table["range"] == "top"].set_index("unit")["iou"]
    reported = {path.stem: path.read_bytes() for path in (tmp_path / "pictures/report").iterdir()}
    assert {str(top.idxmax()), str(top.idxmin())} >= set(reported) and len(reported) == 2
    assert all((tmp_path / f"pictures/{unit}.png").read_bytes() == picture for unit, picture in reported.items())
    shown = 0
    for unit, rows in table[table["unit"].isin([0, 7])].groupby("unit"):
        sheet = np.asarray(Image.open(tmp_path / f"pictures/{unit}.png"))
        height = len(sheet) // len(rows)
        for number, row in enumerate(rows.itertuples()):
            bits = bruteforce.bitmap(store[:, unit], row.lower, row.upper, (GRID, GRID))
            formula = bruteforce.formula_mask(row.formula, *home.masks)
            with np.errstate(invalid="ignore"):
                ious = (bits & formula).sum((1, 2)) / (bits | formula).sum((1, 2))
            better = sorted((image for image in range(N_IMAGES) if ious[image] > row.iou), key=lambda i: -ious[i])[:3]
            strip = sheet[(number + 1) * height - GRID - 4 : (number + 1) * height - 4]
            for place in range(3):
                tile = strip[:, 4 + place * (GRID + 4) :][:, :GRID]
                if place < len(better):
                    picture = Image.open(images[better[place]]).convert("RGB")
                    picture = np.asarray(picture.resize((GRID, GRID), Image.Resampling.BILINEAR))
                    mask = np.pad(formula[better[place]], 1, mode="edge")
                    inner = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
                    outline = formula[better[place]] & ~inner
                    assert (tile[outline] == OUTLINE).all()
                    expected = picture * bits[better[place]][:, :, None]
                    np.testing.assert_array_equal(tile[~outline], expected[~outline])
                    shown += 1
                else:
                    assert (tile == 255).all()
            title = sheet[number * height : (number + 1) * height - GRID - 4]
            assert (title < 128).any(), "the formula stands above"
    assert shown > 6


def test_pictures_of_units_without_formula_say_why(home, tmp_path):
    table = home.table("explanations.csv", "explanations")
    path = tmp_path / "explanations.csv"
    write_table(table[table["unit"] == 2].assign(status="dead", formula=""), path, "explanations")
    options = {"layer": LAYER, "concepts": CONCEPTS, "k": 2, "n_reported": 2, "threads": 1}
    options["pictures"] = str(tmp_path / "pictures")
    paths = {"data": home.data, "activations": home.activations, "concept_set": home.concept_set}
    draw_unit_pictures(**paths, explanations=[str(path)], **options)
    assert (np.asarray(Image.open(tmp_path / "pictures/2.png")) < 128).any()
