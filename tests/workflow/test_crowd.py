"""Exports, and tasks and answers of crowd workers, through the real workflow."""

import csv
import json

import pandas as pd
import pytest
from tiny_workflow import Workflow

from lib.data.formats.annotations import read_annotations
from lib.data.stores.tables import read_table

pytestmark = pytest.mark.workflow
ROOT = "results/resnet18/playground"
ANSWERS = "Input.layer,Input.unit,Answer.summary,WorkerId\nlayer1,0,images of red cars,w\nlayer1,1,x,w\n"


def test_exports_tasks_and_answers(tmp_path):
    workflow = Workflow(tmp_path)
    (tmp_path / "batch.csv").write_text(ANSWERS)
    settings = {
        "export": {"base_url": "https://example.org/c"},
        "crowd": {"results": {"resnet18/playground": "batch.csv"}},
    }
    names = ("export/data.json", "export/milannotations.zip", "crowd/hits.csv", "crowd/pages", "crowd/annotations.csv")
    workflow.must_run(*(f"{ROOT}/{name}" for name in (*names, "agreement.csv", "words.png")), settings=settings)
    root = tmp_path / ROOT
    units = json.loads((root / "export/data.json").read_text())["units"]
    with (root / "crowd/hits.csv").open(newline="") as file:
        hits = {(row["layer"], row["unit"]): row["image_url_1"] for row in csv.DictReader(file)}
    assert {(unit["layer"], str(unit["unit"])): unit["images"][0] for unit in units} == hits
    assert read_annotations(str(root / "crowd/annotations.csv")) == {("layer1", 0): ("red cars",)}
    assert len(read_annotations(str(root / "annotations.csv"))) > 1, "drawn annotations stay"


def test_ratings_of_the_labels_and_a_card(tmp_path):
    workflow = Workflow(tmp_path)
    status, text = workflow.run("--dry-run", f"{ROOT}/crowd/ratings.csv")
    assert status and "has no ratings" in text
    workflow.must_run(f"{ROOT}/descriptions.csv", f"{ROOT}/cards/layer1/0.svg")
    assert "IoU " in (tmp_path / ROOT / "cards/layer1/0.svg").read_text()
    folder = tmp_path / "ratings"
    folder.mkdir()
    described = pd.read_csv(tmp_path / ROOT / "descriptions.csv", keep_default_na=False)
    rated = described[["layer", "unit"]].assign(
        network="resnet18/playground", comparison="sentence_shuffled", concepts=""
    )
    rated = rated.assign(range="", label=described["description"], other="else", answer="label", rater="ann")
    rated.to_csv(folder / "ann.csv", index=False)
    settings = {"crowd": {"ratings": {"resnet18/playground": "ratings"}}}
    workflow.must_run(f"{ROOT}/crowd/ratings.csv", settings=settings)
    table = read_table(tmp_path / ROOT / "crowd/ratings.csv", "ratings")
    assert table.loc[0, ["n_units", "agreement"]].tolist() == [len(described), 1.0]
    rated.assign(rater="ben", answer="other").to_csv(folder / "ben.csv", index=False)
    assert workflow.planned(f"{ROOT}/crowd/ratings.csv", settings=settings) == {"summarise_ratings": 1}


def test_annotations_of_the_user_are_read_and_never_made(tmp_path):
    workflow, own = Workflow(tmp_path), "results/resnet18/places365/annotations.csv"
    status, text = workflow.run("--dry-run", own)
    assert status and "no rule makes it" in text
    status, text = workflow.run("--dry-run", "results/resnet18/places365/agreement.csv")
    assert status and "has no annotations" in text
    (tmp_path / own).parent.mkdir(parents=True)
    (tmp_path / own).write_text("layer,unit,summary\nlayer1,0,red\nlayer1,0,reddish\n")
    assert workflow.planned("--forceall", "results/resnet18/places365/agreement.csv") == {"measure_agreement": 1}
    assert workflow.run("results/resnet18/places365/agreement.csv")[0] == 0
    assert (tmp_path / own).read_text().endswith("reddish\n")
