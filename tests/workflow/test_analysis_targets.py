"""All analyses, built after a finished run: complete, and in Snakemake's report."""

import csv

import pytest

pytestmark = pytest.mark.workflow

ROOT = "results/resnet18/playground/playground"
# one layer is enough
SETTINGS = {"models": {"resnet18": {"layers": ["layer1"]}}, "analyses": {"thresholds": {"quantiles": [0.05, 0.9]}}}
EVIDENCE = {"shuffles": 4, "bootstraps": 20}
TARGETS = ("analyses", f"{ROOT}/heuristics.png", "results/comparison.csv")
ANALYSES = ("range_importance", "specialization", "thresholds", "detectors")


@pytest.fixture(scope="module")
def analysed(finished, tmp_path_factory):
    """Return a copy of the finished run with all analyses; the run itself stays as other tests expect it."""
    workflow = finished.copy(tmp_path_factory.mktemp("analysed") / "run")
    workflow.must_run(*TARGETS, settings=SETTINGS)
    return workflow


@pytest.fixture(scope="module")
def evident(analysed):
    """Return the run with all tables of evidence."""
    analysed.must_run("evidence", settings=SETTINGS | {"evidence": EVIDENCE})
    return analysed


def rows(workflow, name):
    with (workflow.folder / ROOT / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_all_analyses_are_made(analysed):
    ranges = ["top", *(f"cluster{i}" for i in range(1, 6))]
    expected = [("layer1", name) for name in ranges]
    for name in ("range_importance", "specialization"):
        assert [(row["layer"], row["range"]) for row in rows(analysed, name)] == expected
    assert {row["n_units"] for row in rows(analysed, "specialization")} <= {str(n) for n in range(65)}
    dissection = rows(analysed, "dissection")
    assert len(dissection) == 64 * 6 and {row["length"] for row in dissection if row["status"] == "ok"} == {"1"}
    assert len(rows(analysed, "thresholds")) == 2 * 6 and len(rows(analysed, "detectors")) == 6 * 6
    assert len(list((analysed.folder / ROOT / "pictures/layer1").glob("*.png"))) == 64
    assert all((analysed.folder / ROOT / f"{name}.png").is_file() for name in ANALYSES)
    twin, own = (
        (analysed.folder / ROOT.replace("resnet18", name) / "explanations.csv").read_text()
        for name in ("resnet18~random", "resnet18")
    )
    assert twin != own and len(twin.splitlines()) == len(own.splitlines())
    assert analysed.planned(*TARGETS, settings=SETTINGS) == {}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            {"thresholds": {"quantiles": [0.05, 0.8]}},
            {"find_thresholds", "explain_thresholds", "measure_thresholds", "plot_table"},
        ),
        ({"pictures": {"k": 2}}, {"draw_unit_pictures"}),
        ({"heuristics": {"units": 2}}, {"compare_heuristics", "plot_table"}),
        ({"comparison": {"iou": 0.1}}, {"compare_targets"}),
    ],
    ids=["thresholds", "pictures", "heuristics", "comparison"],
)
def test_an_edit_of_an_analysis_reruns_that_alone(analysed, edit, expected):
    settings = SETTINGS | {"analyses": SETTINGS["analyses"] | edit}
    assert set(analysed.planned(*TARGETS, settings=settings)) == expected


@pytest.mark.parametrize("table", ["chance", "stability"])
def test_evidence_is_made_for_every_row(evident, table):
    found, explained = rows(evident, table), rows(evident, "explanations")
    keys = [[(row["layer"], row["unit"], row["range"], row["status"]) for row in table] for table in (found, explained)]
    assert keys[0] == keys[1]
    number, n = {"chance": ("n_shuffles", "4"), "stability": ("n_replicates", "20")}[table]
    assert {row[number] for row in found if row["status"] == "ok"} == {n}


def test_each_concept_of_a_formula_has_its_support(evident):
    lengths = [int(row["length"]) for row in rows(evident, "explanations")]
    assert len(rows(evident, "literal_support")) == sum(lengths) > 0


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({}, set()),
        ({"shuffles": 5}, {"search_shuffled", "measure_chance"}),
        ({"bootstraps": 21}, {"measure_stability", "merge_tables"}),
    ],
)
def test_an_edit_of_the_evidence_reruns_that_alone(evident, edit, expected):
    assert set(evident.planned("evidence", settings=SETTINGS | {"evidence": EVIDENCE | edit})) == expected


def test_the_report_holds_them_with_captions_and_categories(analysed):
    analysed.must_run("analyses", "--report", "report.html", settings=SETTINGS)
    report = (analysed.folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "Range importance",
        "Specialization",
        "Thresholds",
        "Network Dissection",
        "Pictures",
        "loses its activations",
        "weakly specialized",
        "unique detectors",
        "63.png",
    ):
        assert words in report, words
