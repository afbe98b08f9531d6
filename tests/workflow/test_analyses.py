"""All analyses, built after a finished run: complete, and in Snakemake's report."""

import csv

import pytest

pytestmark = pytest.mark.workflow

ROOT = "results/resnet18/playground/playground"
ANALYSES = ("range_importance", "specialization", "thresholds", "detectors")


@pytest.fixture(scope="module")
def analysed(finished, tmp_path_factory):
    """Return a copy of the finished run with all analyses; the run itself stays as other tests expect it."""
    workflow = finished.copy(tmp_path_factory.mktemp("analysed") / "run")
    workflow.must_run("analyses")
    return workflow


def rows(workflow, name):
    with (workflow.folder / ROOT / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_all_analyses_are_made(analysed):
    ranges = ["top", *(f"cluster{i}" for i in range(1, 6))]
    expected = [(layer, name) for layer in ("layer1", "layer2") for name in ranges]
    for name in ("range_importance", "specialization"):
        assert [(row["layer"], row["range"]) for row in rows(analysed, name)] == expected
    assert {row["n_units"] for row in rows(analysed, "specialization")} <= {str(n) for n in range(129)}
    assert len(rows(analysed, "dissection")) == 192 * 6 and {row["length"] for row in rows(analysed, "dissection")} == {
        "1"
    }
    assert len(rows(analysed, "thresholds")) == 2 * 11 * 6 and len(rows(analysed, "detectors")) == 2 * 6 * 6
    for layer, n_units in (("layer1", 64), ("layer2", 128)):
        assert len(list((analysed.folder / ROOT / "pictures" / layer).glob("*.png"))) == n_units
    assert all((analysed.folder / ROOT / f"{name}.png").is_file() for name in ANALYSES)
    twin, own = (
        (analysed.folder / ROOT.replace("resnet18", name) / "explanations.csv").read_text()
        for name in ("resnet18~random", "resnet18")
    )
    assert twin != own and len(twin.splitlines()) == len(own.splitlines())
    assert analysed.planned("analyses") == {}


def test_the_report_holds_them_with_captions_and_categories(analysed):
    files = [f"{ROOT}/{name}.{suffix}" for name in ANALYSES for suffix in ("csv", "png")]
    analysed.must_run(*files, f"{ROOT}/dissection.csv", f"{ROOT}/pictures/layer1", "--report", "report.html")
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
