"""All tables of evidence, built after a finished run: complete, renewed by what they depend on, and in the catalog."""

import csv
import shutil

import pytest

from lib.captioning.decoding.clip import build_clip
from lib.models.weights.checkpoints import save_state_dict

pytestmark = [pytest.mark.workflow, pytest.mark.analyses]

ROOT = "results/resnet18/playground/playground"
# one layer is enough
SETTINGS = {"models": {"resnet18": {"layers": ["layer1"]}}}
EVIDENCE = {"shuffles": 4, "bootstraps": 20, "fresh_images": 12, "twins": 20, "images": "labels"}
AFTER_EVIDENCE = {"judge_labels", "write_catalog", "write_provenance", "summarise_network", "write_index"}
# the verdicts of planted units
AFTER_JUDGED = {"measure_planted", "measure_recovery", "plot_recovery", "calibrate_planted", "merge_calibration"}
AFTER_PLANT = {"plant_units", *AFTER_JUDGED}


def with_evidence(**edit):
    return SETTINGS | {"evidence": EVIDENCE | edit}


@pytest.fixture(scope="module")
def evident(finished, tmp_path_factory):
    """Return a copy of the finished run with all tables of evidence."""
    workflow = finished.copy(tmp_path_factory.mktemp("evident") / "run")
    images = sorted((workflow.folder / "resources/data/playground/images").rglob("*.jpg"))
    for k, name in enumerate(("blue-c", "sky", "wall", "tree")):
        (workflow.folder / "labels" / name).mkdir(parents=True)
        for path in images[6 * k : 6 * k + 6]:
            shutil.copy(path, workflow.folder / "labels" / name)
    workflow.must_run("evidence", settings=with_evidence())
    return workflow


def rows(workflow, name):
    with (workflow.folder / ROOT / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


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


def test_units_are_simulated_by_each_predictor(evident):
    simulated, summary = rows(evident, "simulation"), rows(evident, "simulation_summary")
    per_unit = len(simulated) // 64
    assert [row["unit"] for row in simulated] == [str(unit) for unit in range(64) for _ in range(per_unit)]
    known = {row["predictor"] for row in simulated if row["status"] == "ok"}
    assert {"formulas", "linear", "shuffled"} <= known and len(summary) == 2 * per_unit
    assert all((row["correlation"] != "") == (row["status"] == "ok") for row in simulated)


def test_formulas_are_scored_on_unseen_and_on_fresh_images_and_judged(evident):
    keys = [(row["layer"], row["unit"], row["range"]) for row in rows(evident, "explanations")]
    scores = rows(evident, "label_scores")
    by_pixel = [row for row in scores if (row["source"], row["granularity"]) == ("formula", "pixel")]
    assert [(row["layer"], row["unit"], row["range"]) for row in by_pixel] == keys
    assert any(row["iou_fresh"] for row in by_pixel)
    verdicts = rows(evident, "verdicts")
    assert [(row["layer"], row["unit"], row["range"]) for row in verdicts] == keys
    assert {row["verdict"] for row in verdicts} <= {"supported", "partly", "chance", "untested"}
    assert '"verdict":' in (evident.folder / "results/resnet18/playground/catalog/data.js").read_text()


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({}, set()),
        ({"shuffles": 5}, {"search_shuffled", "measure_chance", *AFTER_EVIDENCE, *AFTER_PLANT}),
        ({"bootstraps": 21}, {"measure_stability", "merge_tables", *AFTER_EVIDENCE, *AFTER_PLANT}),
        (
            {"fresh_images": 14},
            {
                *("draw_fresh_scenes", "build_concepts", "record_activations", "score_labels", "merge_tables"),
                *AFTER_EVIDENCE,
            },
        ),
        ({"verdict": {"support": 0.6}}, AFTER_EVIDENCE | AFTER_JUDGED),
        (
            {"predictor": "clip"},
            {
                *("fetch_clip", "embed_images", "compare_sentences", "score_labels", "merge_tables"),
                *AFTER_EVIDENCE,
            },
        ),
        (
            {"twins": 30},
            {
                *("draw_twins", "build_twin_concepts", "record_responses"),
                *("measure_interventions", "calibrate_interventions", "merge_calibration", "write_provenance"),
            },
        ),
        ({"images": None}, {"write_provenance"}),
    ],
)
def test_an_edit_of_the_evidence_reruns_that_alone(evident, edit, expected):
    assert set(evident.planned("evidence", settings=with_evidence(**edit))) == expected


def test_things_are_removed_and_images_of_labels_compared(evident):
    keys = [(row["layer"], row["unit"], row["range"]) for row in rows(evident, "explanations")]
    removed, labelled = rows(evident, "interventions"), rows(evident, "label_images")
    for table in (removed, labelled):
        assert list(dict.fromkeys((row["layer"], row["unit"], row["range"]) for row in table)) == keys
    assert any(row["effect"] for row in removed) and {row["n_with"] for row in labelled} == {"0", "6"}
    calibration = evident.folder / "results/planted/playground/parts/calibration/interventions.csv"
    assert calibration.read_text().startswith("check,case,n,value,low,high,target,met\n")


def test_one_more_image_of_a_label_renews_their_comparison(evident, tmp_path):
    workflow = evident.copy(tmp_path / "run")
    shutil.copy(next((workflow.folder / "labels").rglob("*.jpg")), workflow.folder / "labels/sky/one_more.jpg")
    planned = workflow.planned("evidence", settings=with_evidence())
    assert set(planned) == {"record_responses", "measure_label_images"}


@pytest.mark.parametrize("key", ["images", "labels"])
def test_a_missing_file_of_the_user_is_named_before_the_run(evident, key):
    status, text = evident.run("evidence", "--dry-run", settings=with_evidence(**{key: "no/where"}))
    assert status and f"config key evidence.{key}: no/where does not exist" in text


def test_sentences_are_compared_by_clip(evident, tmp_path):
    """The smallest CLIP of open_clip, with random weights."""
    workflow = evident.copy(tmp_path / "run")
    save_state_dict(build_clip("ViT-S-32-alt", tag=None).network, workflow.folder / "clip.safetensors")
    clip = {"name": "ViT-S-32-alt", "weights": "clip.safetensors"}
    settings = with_evidence(predictor="clip") | {"milan": {"clip": clip}}
    workflow.must_run(f"{ROOT}/label_scores.csv", settings=settings)
    words = [row for row in rows(workflow, "label_scores") if row["source"] == "description"]
    compared = [row for row in words if row["granularity"] == "image" and row["status"] == "ok"]
    assert len(words) == 2 * 64 and compared
    assert all(row["auprc"] and row["correlation"] and not row["iou"] for row in compared)
    assert {row["status"] for row in words if row["granularity"] == "pixel"} & {"ok", "no_predictor"} == {
        "no_predictor"
    }
    same = [[row for row in rows(run, "label_scores") if row["source"] != "description"] for run in (evident, workflow)]
    assert same[0] == same[1]
    assert workflow.planned(f"{ROOT}/label_scores.csv", settings=settings) == {}
    settings["milan"]["clip"]["weights"] = "no/such.pt"
    status, text = workflow.run(f"{ROOT}/label_scores.csv", "--dry-run", settings=settings)
    assert status and "milan.clip.weights: no/such.pt does not exist" in text


def test_label_masking_asks_for_masked_images(evident):
    target = f"{ROOT}/label_masking.csv"
    status, text = evident.run(target, "--dry-run", settings=SETTINGS)
    assert status and "metrics.masking_images" in text
    settings = SETTINGS | {"metrics": {"masking_images": 1}}
    assert set(evident.planned(target, settings=settings)) == {"measure_label_masking", "merge_label_masking"}


def test_images_of_labels_are_asked_for(evident):
    settings = with_evidence(images=None)
    status, text = evident.run(f"{ROOT}/label_images.csv", "--dry-run", "--force", settings=settings)
    assert status and "evidence.images" in text
