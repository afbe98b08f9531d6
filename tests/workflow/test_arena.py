"""The arena after a finished run: labels of other programs and rivals, one ranking, and what an edit makes again."""

import csv

import pytest

from lib.captioning.decoding.clip import build_clip
from lib.models.weights.checkpoints import save_state_dict

ROOT = "results/resnet18/playground/playground"
SOURCES = ["formula", "sentence", "dissection", "clip_dissect", "invert", "linear", "wrong"]
SETTINGS = {
    "arena": {"sources": SOURCES, "clip_dissect": {"images": 10}},
    "milan": {"clip": {"name": "ViT-S-32-alt", "weights": "clip.safetensors"}},
    "labels": {"theirs": {"network": "resnet18/playground", "file": "theirs.csv", "program": "milan"}},
}
SHOWN = {"write_catalog", "write_provenance"}
JUDGED = {"score_sources", "merge_arena_scores", "rank_sources", *SHOWN}


def rows(workflow, name):
    with (workflow.folder / ROOT / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def given(finished, tmp_path):
    """Return a copy of the finished run with a CLIP of random weights and labels of another program."""
    workflow = finished.copy(tmp_path / "run")
    save_state_dict(build_clip("ViT-S-32-alt", tag=None).network, workflow.folder / "clip.safetensors")
    lines = [f"layer1,{unit},{'trees' if unit % 2 else 'sky'}" for unit in range(64)]
    (workflow.folder / "theirs.csv").write_text("\n".join(["layer,unit,description", *lines, ""]))
    return workflow


@pytest.mark.workflow
def test_the_arena_is_planned_with_what_its_sources_need(given):
    planned = given.planned("arena", settings=SETTINGS)
    clip = {"embed_images", "compare_words", "dissect_by_clip"}
    assert set(planned) == {"import_labels", *clip, *JUDGED}
    fewer = SETTINGS | {"arena": {"sources": ["formula", "wrong"]}, "labels": {}}
    planned = given.planned(f"{ROOT}/arena.csv", settings=fewer)
    assert set(planned) == JUDGED - SHOWN
    by_clip = SETTINGS | {"evidence": {"predictor": "clip"}}
    assert {"compare_labels", "compare_sentences"} <= set(given.planned("arena", settings=by_clip))
    missing = SETTINGS | {"labels": {"theirs": SETTINGS["labels"]["theirs"] | {"file": "no.csv"}}}
    status, text = given.run("arena", "--dry-run", settings=missing)
    assert status and "config key labels.theirs.file: no.csv does not exist" in text
    status, text = given.run(f"{ROOT}/arena.csv", "--dry-run", settings=SETTINGS | {"labels": {"wrong": {}}})
    assert status and "labels.wrong" in text


@pytest.mark.experiments
def test_all_sources_are_scored_and_ranked(given):
    given.must_run("arena", settings=SETTINGS)
    scores, ranking = rows(given, "arena_scores"), rows(given, "arena")
    names = [*SOURCES, "theirs"]
    units = [("layer1", unit) for unit in range(64)] + [("layer2", unit) for unit in range(128)]
    found = [(row["layer"], int(row["unit"]), row["source"]) for row in scores]
    assert found == [(*unit, name) for unit in units for name in names]
    labelled = {row["layer"] for row in scores if row["source"] == "theirs" and row["status"] == "ok"}
    assert labelled == {"layer1"}
    by_clip = [row for row in scores if row["source"] == "clip_dissect" and row["status"] == "ok"]
    assert by_clip and all(row["correlation"] for row in by_clip)
    for measure in ("iou", "correlation", "auc"):
        ranked = [row["source"] for row in ranking if (row["layer"], row["measure"]) == ("", measure) and row["rank"]]
        assert set(ranked) >= {"formula", "sentence", "invert", "clip_dissect", "theirs"}, measure
        # sentences after one epoch, a CLIP of random weights and arbitrary labels know nothing of the units either
        behind = ranked[ranked.index("wrong") :]
        assert not {"formula", "dissection", "invert", "linear"} & set(behind), measure
    provenance = (given.folder / "results/resnet18/playground/provenance.json").read_text()
    assert "arena.csv" in provenance and "labels/theirs.csv" in provenance
    assert given.planned("arena", settings=SETTINGS) == {}
    with (given.folder / "theirs.csv").open("a") as handle:
        handle.write("layer1,64,cars\n")
    assert set(given.planned("arena", settings=SETTINGS)) == {"import_labels", *JUDGED}
    status, text = given.run("arena", settings=SETTINGS)
    assert status and "theirs.csv (config key labels.theirs), line 66: unit 64 must be at most 63" in text
