"""What an edit of the config or of the code makes run again, and what it leaves alone."""

import shutil

import pytest
from tiny_workflow import ROOT, Workflow

pytestmark = pytest.mark.workflow

# what follows from a rule, by rule
AFTER_DESCRIBE = {"describe_units", "merge_descriptions", "score_descriptions", "write_catalog"}
AFTER_MILAN = {"train_milan", *AFTER_DESCRIBE}
AFTER_COLLECTION = {"collect_exemplars", "annotate_exemplars", *AFTER_MILAN}
AFTER_EXEMPLARS = {"tally_units", *AFTER_COLLECTION}
AFTER_SCORES = {"score_explanations", "merge_tables", "write_catalog"}
AFTER_EXPLAIN = {"explain_units", "measure_recovery", *AFTER_SCORES}
AFTER_RANGES = {"find_ranges", *AFTER_EXPLAIN}
AFTER_PLANT = {"plant_units", "find_ranges", "explain_units", "merge_tables", "measure_recovery"}
AFTER_CONCEPTS = {"build_concepts", "plant_units", *AFTER_RANGES}
# the planted units are no recorded ones
AFTER_RECORDING = {"record_activations", *AFTER_RANGES} - {"measure_recovery"}
AFTER_TRAINING = {"train_encoder_network", "train_playground_network", *AFTER_RECORDING, *AFTER_EXEMPLARS}
EVERYTHING = {"draw_playground", "list_images", *AFTER_CONCEPTS, *AFTER_TRAINING}

CONFIG_EDITS = {
    "explanations.beam": (6, AFTER_EXPLAIN),
    "explanations.length": (2, AFTER_EXPLAIN),
    "explanations.search": ("beam", AFTER_EXPLAIN),
    "explanations.seconds": (60, AFTER_EXPLAIN),
    "explanations.chunks": (2, AFTER_RANGES),
    "activations.shards": (2, AFTER_RECORDING),
    "concepts.playground.categories": (["color", "object"], {"record_activations", *AFTER_CONCEPTS}),
    "datasets.playground.resize": (56, AFTER_EXEMPLARS),
    "datasets.playground.normalisation": ("untrained", AFTER_TRAINING),
    "heuristics.units": (2, set()),
    "ranges.quantile": (0.01, AFTER_RANGES),
    "ranges.clusters": (4, AFTER_RANGES | AFTER_PLANT),
    "milan.beam": (5, AFTER_DESCRIBE),
    "milan.temperature": (0.3, AFTER_DESCRIBE),
    "milan.strategy": ("beam", AFTER_DESCRIBE),
    "milan.n_best": (3, AFTER_DESCRIBE),
    "milan.chunks": (2, AFTER_DESCRIBE),
    "milan.bert_score_model": ("roberta", {"score_descriptions"}),
    "milan.lm_sum": ("published", AFTER_DESCRIBE),
    "milan.clip.lambda": (0.2, set()),
    "milan.training.epochs": (3, AFTER_MILAN),
    "milan.training.hold_out": (0.2, AFTER_MILAN),
    "milan.training.units_per_layer": (20, AFTER_EXEMPLARS),
    "datasets.playground.k": (4, AFTER_EXEMPLARS),
    "exemplars.quantile": (0.95, AFTER_EXEMPLARS),
    "exemplars.shards": (2, AFTER_EXEMPLARS),
    "datasets.playground.output_size": (64, AFTER_COLLECTION),
    "training.batch_size": (10, AFTER_TRAINING),
    "playground.n_images": (50, EVERYTHING),
    "seed": (1, EVERYTHING),
    "planted.noises": ([0.0, 0.5], AFTER_PLANT),
    "metrics.masking_images": (1, {"measure_label_masking", *AFTER_SCORES}),
    "thresholds.quantiles": ([0.1], set()),  # analyses are on request
    "pictures.k": (2, set()),
    "catalog.opacity": (0.5, {"write_catalog"}),
    "catalog.k_shown": (2, {"write_catalog"}),
    "resources.device": ("cpu", set()),
    "resources.batch_size": (16, set()),
    "resources.threads": (1, set()),
}

CODE_EDITS = {
    "lib/kernels/beam.py": {"plant_units", "find_ranges", *AFTER_EXPLAIN},
    "lib/kernels/scores.py": {"measure_recovery", *AFTER_SCORES},
    "lib/kernels/ranges.py": AFTER_RANGES,
    "lib/models/loading.py": AFTER_TRAINING,
    "lib/kernels/topk.py": AFTER_EXEMPLARS,
    "lib/kernels/upsampling.py": AFTER_COLLECTION,
    "lib/captioning/reranking.py": AFTER_MILAN,
    "lib/reporting/pictures.py": {"write_catalog"},
    "lib/stages/measure_recovery.py": {"measure_recovery"},
}


@pytest.mark.parametrize("key", CONFIG_EDITS)
def test_a_config_edit_reruns_just_what_depends_on_it(finished, key):
    value, expected = CONFIG_EDITS[key]
    settings = value
    for part in reversed(key.split(".")):
        settings = {part: settings}
    # every edit is written down but of what changes speed alone
    written = set() if key.startswith("resources.") else {"write_provenance"}
    assert set(finished.planned(settings=settings)) == expected | written


def test_a_new_layer_leaves_the_others_alone(finished):
    planned = finished.planned(settings={"models": {"resnet18": {"layers": ["layer1", "layer2", "layer3", "layer4"]}}})
    assert {planned[rule] for rule in ("record_activations", "tally_units")} == {1}, "one pass for both new layers"
    assert {planned[rule] for rule in ("find_ranges", "explain_units", "score_explanations")} == {2}
    assert planned["merge_tables"] == 4
    assert not {"plant_units", "train_playground_network", "build_concepts"} & set(planned)


def test_fewer_layers_only_merge_again(finished):
    planned = finished.planned(settings={"models": {"resnet18": {"layers": ["layer2"]}}})
    assert planned.get("merge_tables") == 4 and "write_catalog" in planned
    untouched = {"record_activations", "tally_units", "find_ranges", "explain_units", "score_explanations"}
    assert not untouched & set(planned)


def test_a_new_network_and_a_new_concept_set_leave_the_others_alone(finished):
    targets = [{"model": name, "dataset": "playground", "concepts": ["playground"]} for name in ("resnet18", "alexnet")]
    planned = finished.planned(settings={"targets": targets, "models": {"alexnet": {"layers": ["features.1"]}}})
    assert {planned[rule] for rule in ("train_playground_network", "record_activations", "find_ranges")} == {1}
    assert {planned[rule] for rule in ("tally_units", "collect_exemplars", "describe_units", "write_catalog")} == {1}
    assert not {"build_concepts", "plant_units", "train_milan"} & set(planned)
    concepts = {"source": "playground", "subset": "val/", "categories": ["color", "scene"]}
    targets = [{"model": "resnet18", "dataset": "playground", "concepts": ["playground", "new"]}]
    planned = finished.planned(settings={"targets": targets, "concepts": {"new": concepts}})
    assert {planned[rule] for rule in ("build_concepts", "record_activations", "write_catalog")} == {1}
    assert planned["find_ranges"] == planned["explain_units"] == 2, "one job per layer of the new set"
    assert not {"train_playground_network", "tally_units", "collect_exemplars", "describe_units"} & set(planned)


def test_a_layer_added_and_removed_for_real(finished, tmp_path):
    workflow = finished.copy(tmp_path / "copy")
    root = workflow.folder / "results/resnet18/playground/playground"
    table = "results/resnet18/playground/playground/ranges.csv"
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and "part" in str(path)}
    before |= {path: path.stat().st_mtime_ns for path in root.glob("activations/**/c/**/*")}
    first = workflow.tables()[table]
    more = {"models": {"resnet18": {"layers": ["layer1", "layer2", "layer4"]}}}
    workflow.must_run(table, settings=more)
    assert before and all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert (root / "activations/layer4/0-of-1/layer4.zarr").is_dir()
    assert workflow.tables()[table].startswith(first)
    assert workflow.planned(table, settings=more) == {}
    assert set(workflow.planned(table)) == {"merge_tables"}
    retrained = {"training": {"batch_size": 10}, **more}
    planned = workflow.planned(table, settings=retrained)
    assert planned["record_activations"] == 2 and planned["find_ranges"] == 3, "weights changed: all layers"
    shutil.rmtree(root / "activations/layer4/0-of-1")
    assert workflow.planned(table, settings=more) == {}, "not needed any more"
    planned = workflow.planned(table, settings={"ranges": {"clusters": 4}, **more})
    assert planned == {"record_activations": 1, "find_ranges": 3, "merge_tables": 1}
    workflow.must_run(table, settings={"activations": {"shards": 3}})
    assert workflow.tables()[table] == first, "the same for any sharding"


@pytest.fixture(scope="module")
def copied(finished, tmp_path_factory):
    """Return the finished workflow, run from a copy of the code that may be edited."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, copy / name)
    for name in ("lib", "rules", "workflow_scripts", "profiles", "envs"):
        shutil.copytree(ROOT / name, copy / name)
    for path in CODE_EDITS:
        with (copy / path).open("a", encoding="utf-8") as handle:
            handle.write("\n# a comment\n")
    workflow = Workflow(finished.folder, snakefile=copy / "Snakefile")
    assert workflow.planned() == {}
    return workflow


@pytest.mark.parametrize("path", CODE_EDITS)
def test_a_code_edit_reruns_just_the_stages_that_import_it(copied, path):
    file = copied.snakefile.parent / path
    original = file.read_text(encoding="utf-8")
    try:
        file.write_text(original + "\nEDITED = True\n", encoding="utf-8")
        expected = CODE_EDITS[path]
        written = {"write_provenance"} if expected - {"write_catalog", "measure_recovery"} else set()
        assert set(copied.planned()) == expected | written
    finally:
        file.write_text(original, encoding="utf-8")
