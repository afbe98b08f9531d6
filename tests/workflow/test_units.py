"""Some units of each layer in place of all: in every table and on the page, and all again later."""

import pandas as pd
import pytest
from small_catalog import read_script

pytestmark = pytest.mark.workflow

ROOT = "results/resnet18/playground"


def test_chosen_units_are_the_only_ones_everywhere_and_all_come_back(finished, tmp_path):
    workflow = finished.copy(tmp_path / "run")
    before = workflow.tables()
    settings = {
        "models": {"resnet18": {"layers": ["layer1", "layer2"], "units": {"layer1": [3, 17], "layer2": {"n": 4}}}}
    }
    workflow.must_run(settings=settings)
    after = {name: path for name in before if name.startswith(ROOT) and (path := workflow.folder / name).is_file()}
    for name in ("descriptions", "units", "playground/explanations", "playground/ranges", "playground/metrics"):
        table = pd.read_csv(after[f"{ROOT}/{name}.csv"])
        whole = pd.read_csv(finished.folder / ROOT / f"{name}.csv")
        assert table["layer"].eq("layer1").groupby(table["unit"]).any()[[3, 17]].all()
        assert table.groupby("layer")["unit"].nunique().to_dict() == {"layer1": 2, "layer2": 4}
        kept = whole.merge(table[["layer", "unit"]].drop_duplicates(), on=["layer", "unit"])
        pd.testing.assert_frame_equal(table, kept)
    assert len(read_script(workflow.folder / ROOT / "catalog/data.js")["units"]["unit"]) == 6
    workflow.must_run()
    assert workflow.tables() == before
    logs = [path.read_text() for path in workflow.folder.glob("logs/explain_units/resnet18/**/*.log")]
    assert len(logs) == 2 and all("results of earlier runs are used again" in log for log in logs)


def test_a_unit_that_no_layer_has_is_named(finished, tmp_path):
    workflow = finished.copy(tmp_path / "run")
    status, text = workflow.run(settings={"models": {"resnet18": {"layers": ["layer1", "layer2"], "units": [3, 9999]}}})
    assert status and "has no unit 9999" in text and "models.*.units" in text
