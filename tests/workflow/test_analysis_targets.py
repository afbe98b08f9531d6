"""All analyses, built after a finished run: complete, and in Snakemake's report."""

import csv

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.analyses]

ROOT = "results/resnet18/playground/playground"
# one layer is enough
SETTINGS = {
    "models": {"resnet18": {"layers": ["layer1"]}},
    "analyses": {
        "thresholds": {"quantiles": [0.05, 0.9]},
        "sweep": {"units": 2, "lengths": [2, 4], "beams": [2, 3], "seconds": 0.1, "ranges": ["top"]},
    },
}
SEARCHES = ("heuristics", "search_sweep")
TARGETS = (
    *("analyses", "text_tables", "results/comparison.csv", f"{ROOT}/search_pictures/layer1"),
    *(f"{ROOT}/{name}.png" for name in (*SEARCHES, "optimality_summary")),
    *(f"{ROOT}/{name}_summary.{ending}" for name in (*SEARCHES, "optimality") for ending in ("md", "tex")),
)
ANALYSES = ("range_importance", "specialization", "thresholds", "detectors")


@pytest.fixture(scope="module")
def analysed(finished, tmp_path_factory):
    """Return a copy of the finished run with all analyses; the run itself stays as other tests expect it."""
    workflow = finished.copy(tmp_path_factory.mktemp("analysed") / "run")
    workflow.must_run(*TARGETS, settings=SETTINGS)
    return workflow


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
    assert len(rows(analysed, "thresholds")) == 2 * 6 and len(rows(analysed, "detectors")) == 2 * 6 * 7
    assert len(list((analysed.folder / ROOT / "pictures/layer1").glob("*.png"))) == 64
    assert all((analysed.folder / ROOT / f"{name}.png").is_file() for name in ANALYSES)
    explained = rows(analysed, "explanations")
    for name in ("optimality", "metrics"):
        found = rows(analysed, name)
        assert [[row[key] for key in ("layer", "unit", "range")] for row in found] == [
            [row[key] for key in ("layer", "unit", "range")] for row in explained
        ]
    for row, known in zip(rows(analysed, "optimality"), explained):
        # the default search is the optimal one
        assert (row["optimal_formula"], row["optimal_iou"]) == (known["formula"], known["iou"])
    assert len(rows(analysed, "metrics_summary")) == 2 * 7 * 10 and rows(analysed, "common_formulas")
    assert len(rows(analysed, "search_sweep")) == 2 * 2 * 2 * 2 and len(rows(analysed, "heuristics")) == 4 * 6 * 9
    for name in ("metrics_summary", "common_formulas", "optimality_summary", "heuristics_summary"):
        text = (analysed.folder / ROOT / f"{name}.md").read_text(encoding="utf-8")
        assert len(text.splitlines()) == 2 + len(rows(analysed, name))
        assert r"\begin{tabular}" in (analysed.folder / ROOT / f"{name}.tex").read_text(encoding="utf-8")
    twin, own = (
        (analysed.folder / ROOT.replace("resnet18", name) / "explanations.csv").read_text()
        for name in ("resnet18~random", "resnet18")
    )
    assert twin != own and len(twin.splitlines()) == len(own.splitlines())
    assert analysed.planned(*TARGETS, settings=SETTINGS) == {}


AFTER_HEURISTICS = {"compare_heuristics", "summarise_searches", "plot_table", "write_text_table"}
AFTER_SWEEP = {"sweep_searches", "summarise_searches", "plot_table", "write_text_table"}
SWEEP_EDITS = (
    *({"units": 3}, {"ranges": None}, {"searches": ["beam"]}, {"lengths": [4, 2]}, {"beams": [2]}, {"seconds": 0.2}),
)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            {"thresholds": {"quantiles": [0.05, 0.8]}},
            {"find_thresholds", "explain_thresholds", "measure_thresholds", "plot_table", "write_text_table"},
        ),
        ({"pictures": {"k": 2}}, {"draw_unit_pictures", "draw_search_pictures"}),
        ({"heuristics": {"units": 2}}, AFTER_HEURISTICS),
        ({"heuristics": {"ranges": ["top"]}}, AFTER_HEURISTICS),
        ({"heuristics": {"searches": ["beam", "mmesh"]}}, AFTER_HEURISTICS),
        *(({"sweep": SETTINGS["analyses"]["sweep"] | edit}, AFTER_SWEEP) for edit in SWEEP_EDITS),
        ({"comparison": {"iou": 0.1}}, {"compare_targets"}),
    ],
)
def test_an_edit_of_an_analysis_reruns_that_alone(analysed, edit, expected):
    settings = SETTINGS | {"analyses": SETTINGS["analyses"] | edit}
    assert set(analysed.planned(*TARGETS, settings=settings)) == expected


def test_the_report_holds_them_with_captions_and_categories(analysed):
    analysed.must_run(*TARGETS, "--report", "report.html", settings=SETTINGS)
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
        "pictures/layer1/report/",
        "Optimality",
        "Searches",
        "its pixels inside",
        "common_formulas.csv",
        "median",
    ):
        assert words in report, words
