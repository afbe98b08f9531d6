"""What an edit of the config or of the code makes run again, and what it leaves alone."""

import shutil

import pytest
import yaml
from tiny_workflow import ROOT, Workflow

pytestmark = pytest.mark.workflow

# what follows from a rule, by rule
AFTER_DESCRIBE = {"describe_units", "merge_descriptions", "score_descriptions", "map_units", "write_catalog"}
AFTER_MILAN = {"train_milan", *AFTER_DESCRIBE}
AFTER_COLLECTION = {"collect_exemplars", "annotate_exemplars", *AFTER_MILAN}
AFTER_EXEMPLARS = {"tally_units", *AFTER_COLLECTION}
AFTER_SCORES = {"score_explanations", "merge_tables", "write_catalog"}
AFTER_FORMULAS = {"explain_units", "outline_ranges", "map_units", *AFTER_SCORES}
AFTER_EXPLAIN = {"dissect_units", "merge_dissection", *AFTER_FORMULAS}
AFTER_RANGES = {"find_ranges", *AFTER_EXPLAIN}
AFTER_JUDGED = {"measure_planted", "measure_recovery"}
AFTER_PLANT = {"plant_units", *AFTER_JUDGED}
# other concepts on the same images
AFTER_CHOICE = {"build_concepts", *AFTER_PLANT, *AFTER_EXPLAIN}
AFTER_CONCEPTS = {"build_concepts", *AFTER_PLANT, *AFTER_RANGES}
AFTER_RECORDING = {"record_activations", *AFTER_RANGES}
AFTER_TRAINING = {"train_encoder_network", "train_playground_network", *AFTER_RECORDING, *AFTER_EXEMPLARS}
EVERYTHING = {"draw_playground", "list_images", *AFTER_CONCEPTS, *AFTER_TRAINING}

# of a network that is only annotated
AFTER_NETWORK = {"train_playground_network", *AFTER_EXEMPLARS}

CONFIG_EDITS = {
    "seed": (1, EVERYTHING),
    "models.resnet18.layers": (
        ["layer2", "layer1"],
        {"merge_tables", "merge_dissection", "collect_exemplars", "annotate_exemplars", *AFTER_DESCRIBE},
    ),
    "models.resnet18.units": (
        [0, 5],
        {"collect_exemplars", "annotate_exemplars", *AFTER_DESCRIBE, *AFTER_RANGES} - {"measure_recovery"},
    ),
    "models.shufflenet_v2_x1_0.arguments": ({"num_classes": 30}, AFTER_NETWORK),
    "models.shufflenet_v2_x1_0.factory": ("shufflenet_v2_x0_5", AFTER_NETWORK),
    "models.shufflenet_v2_x1_0.normalisation": ("untrained", AFTER_NETWORK),
    "models.shufflenet_v2_x1_0.input_size": (40, AFTER_NETWORK),
    "models.shufflenet_v2_x1_0.weights": ("none", AFTER_EXEMPLARS),
    "models.shufflenet_v2_x1_0.key_prefix": ("a.", AFTER_EXEMPLARS),
    "models.shufflenet_v2_x1_0.renames": ([["a", "b"]], AFTER_EXEMPLARS),
    "models.shufflenet_v2_x1_0.fold_batch_norms": (True, AFTER_EXEMPLARS),
    "models.shufflenet_v2_x1_0.precision": ("bfloat16", AFTER_EXEMPLARS),
    "models.shufflenet_v2_x1_0.sha256": ("0" * 64, AFTER_EXEMPLARS),
    "datasets.playground.weights": ("none", AFTER_RECORDING | AFTER_EXEMPLARS),
    "datasets.playground.image_column": ("file", {"list_images", *AFTER_EXEMPLARS}),
    "datasets.playground.class_column": ("scene", set()),
    "datasets.playground.classes": ("sorted", set()),
    "datasets.playground.subset": ("train/", {"list_images", *AFTER_EXEMPLARS}),
    "datasets.playground.input_size": (40, AFTER_TRAINING),
    "datasets.playground.resize": (56, AFTER_EXEMPLARS),
    "datasets.playground.reduced_jpeg": (True, AFTER_EXEMPLARS),
    "datasets.playground.normalisation": ("untrained", AFTER_TRAINING),
    "datasets.playground.k": (4, AFTER_EXEMPLARS),
    "datasets.playground.output_size": (64, AFTER_COLLECTION),
    "datasets.playground.milan": ("resources/milan/playground.safetensors", set()),
    "concepts.playground.source": ("resources/data/playground", set()),
    "concepts.playground.subset": ("train/", {"record_activations", *AFTER_CONCEPTS}),
    "concepts.playground.categories": (["color", "object"], {"record_activations", *AFTER_CONCEPTS}),
    # the images and their activations stay
    "concepts.playground.ignore": ([1], AFTER_CHOICE),
    "concepts.playground.include": (["red", "blue"], AFTER_CHOICE),
    "concepts.playground.exclude": (["red"], AFTER_CHOICE),
    "playground.n_images": (50, EVERYTHING),
    "playground.image_size": (64, EVERYTHING),
    "playground.validation_share": (0.5, EVERYTHING),
    "playground.network.sizes": ([0.7, 1.0], AFTER_TRAINING),
    "playground.network.batch_size": (10, AFTER_TRAINING),
    "playground.network.learning_rate": (0.01, AFTER_TRAINING),
    "playground.network.weight_decay": (0.1, AFTER_TRAINING),
    "activations.shards": (2, AFTER_RECORDING),
    "ranges.quantile": (0.01, AFTER_RANGES),
    "ranges.clusters": (4, AFTER_RANGES),
    "explanations.search": ("beam", AFTER_EXPLAIN | AFTER_PLANT),
    "explanations.seconds": (60, AFTER_EXPLAIN | AFTER_PLANT),
    # Network Dissection has one concept
    "explanations.length": (2, AFTER_FORMULAS | AFTER_PLANT),
    "explanations.beam": (6, AFTER_EXPLAIN | AFTER_PLANT),
    "explanations.chunks": (2, AFTER_RANGES | AFTER_PLANT),
    "metrics.masking_images": (1, {"measure_label_masking", *AFTER_SCORES}),
    "exemplars.quantile": (0.95, AFTER_EXEMPLARS),
    "exemplars.shards": (2, AFTER_EXEMPLARS),
    "milan.strategy": ("beam", AFTER_DESCRIBE),
    "milan.beam": (5, AFTER_DESCRIBE),
    "milan.temperature": (0.3, AFTER_DESCRIBE),
    "milan.n_best": (3, AFTER_DESCRIBE),
    "milan.chunks": (2, AFTER_DESCRIBE),
    "milan.bert_score_model": ("resources/milan", {"score_descriptions"}),
    "milan.lm_sum": ("published", AFTER_DESCRIBE),
    "milan.training.networks": (
        ["mobilenet_v3_small"],
        {"train_playground_network", "tally_units", *AFTER_COLLECTION},
    ),
    "milan.training.units_per_layer": (20, AFTER_EXEMPLARS),
    "milan.training.encoder": ("alexnet", {"train_encoder_network", *AFTER_MILAN}),
    "milan.training.embedding_size": (8, AFTER_MILAN),
    "milan.training.hidden_size": (8, AFTER_MILAN),
    "milan.training.attention_size": (4, AFTER_MILAN),
    "milan.training.lm_hidden_size": (4, AFTER_MILAN),
    "milan.training.lm_layers": (2, AFTER_MILAN),
    "milan.training.dropout": (0.1, AFTER_MILAN),
    "milan.training.epochs": (3, AFTER_MILAN),
    "milan.training.patience": (1, AFTER_MILAN),
    "milan.training.batch_size": (8, AFTER_MILAN),
    "milan.training.learning_rate": (0.01, AFTER_MILAN),
    "milan.training.hold_out": (0.2, AFTER_MILAN),
    "milan.training.length": (9, AFTER_MILAN),
    "milan.training.beam": (3, AFTER_MILAN),
    "milan.training.temperature": (0.1, AFTER_MILAN),
    "playground.planted.lengths": ([1], AFTER_PLANT),
    "playground.planted.noises": ([0.0, 0.5], AFTER_PLANT),
    "playground.planted.images": ([20], AFTER_PLANT),
    "playground.planted.repeats": (3, AFTER_PLANT),
    "evidence.shuffles": (5, AFTER_PLANT),
    "evidence.bootstraps": (30, AFTER_PLANT),
    "evidence.verdict.q_value": (0.01, AFTER_JUDGED),
    "evidence.verdict.support": (0.7, AFTER_JUDGED),
    "catalog.k_shown": (2, {"write_catalog"}),
    "catalog.opacity": (0.5, {"write_catalog"}),
    "catalog.range_images": (3, {"outline_ranges", "merge_tables", "write_catalog"}),
    "catalog.base_url": ("https://example.org", {"write_catalog"}),
    "report.units": (2, {"summarise_network", "write_index"}),
}

# keys of entries that another entry of that kind has, or that do not go with those of the playground
ELSEWHERE = {
    "samples",
    "exemplars",
    "annotations",
    "format",
    "images",
    "masks",
    "labels",
    "mask_size",
    "mask_suffix",
    "image_list",
}

# what the tables and the catalog of the finished run do not depend on, edited all at once
EDITS_WITHOUT_EFFECT = {
    # of files on request
    "milan.tagger": "en_core_web_sm",
    "export.base_url": "https://example.org",
    "export.images": False,
    "crowd.limit": 5,
    "crowd.title": "T",
    "crowd.instructions": "I",
    "crowd.questions": [{"image_urls": ["a"], "options": ["b", "c"], "answer": 0}],
    "crowd.results": {"resnet18/playground": "batch.csv"},
    "crowd.ratings": {"resnet18/playground": "ratings"},
    "crowd.letters": 1,
    "crowd.words": 2,
    "crowd.copies": 3,
    "crowd.spelling": False,
    "crowd.known_words": ["a"],
    "crowd.prefixes": ["a"],
    "crowd.suffixes": ["a"],
    "crowd.replacements": [["a", "b"]],
    "models.alexnet.layers": ["features.1"],
    "saes": {"codes": {"kind": "topk", "concepts": "playground"}},
    "datasets.places365.k": 3,
    "datasets.generated.samples.n": 10,
    "datasets.generated.samples.latent_size": 8,
    "concepts.pascal.categories": ["color"],
    "playground.generator.epochs": 1,
    "playground.generator.batch_size": 8,
    "playground.generator.learning_rate": 0.1,
    "checkpoints.trusted_sha256": ["0" * 64],
    "downloads.local": {"imagenet_val": "/nowhere"},
    "analyses.thresholds.quantiles": [0.1],
    "analyses.pictures.k": 2,
    "analyses.comparison.iou": 0.1,
    "analyses.overlap.iou": 0.1,
    "analyses.heuristics.units": 2,
    "analyses.heuristics.ranges": ["top"],
    "analyses.heuristics.searches": ["beam"],
    "analyses.sweep.units": 2,
    "analyses.sweep.ranges": ["top"],
    "analyses.sweep.searches": ["optimal"],
    "analyses.sweep.lengths": [2],
    "analyses.sweep.beams": [3],
    "analyses.sweep.seconds": None,
    "evidence.labels": "/nowhere.csv",
    "evidence.predictor": "clip",
    "evidence.fresh_images": 10,
    "evidence.twins": 10,
    "evidence.images": "resources/labels",
    "labels": {"mine": {"network": "alexnet/playground", "file": "/nowhere.csv", "program": "milan"}},
    "arena.sources": ["formula"],
    "arena.pooling": "max",
    "arena.clip_dissect.words": "/nowhere.txt",
    "arena.clip_dissect.images": 10,
    "arena.clip_dissect.scale": 2,
    "arena.clip_dissect.prior": 0.5,
    "arena.invert.length": 1,
    "arena.invert.beam": 1,
    "arena.invert.least_share": 0,
    "arena.linear.concepts": 2,
    "captioners": {"mine": {"networks": ["shufflenet_v2_x1_0/playground"]}},
    "playground.blurred": ["car"],
    "audit.topics.people": ["car"],
    "audit.topics.buildings": ["car"],
    "audit.compare": [],
    "experiments.bootstraps": 10,
    "experiments.edits.lettering.images": "playground",
    "experiments.importance.images": None,
    "experiments.importance.criteria": ["iou"],
    "experiments.importance.words.surroundings": ["sky"],
    "experiments.importance.parts_of_speech": [],
    "experiments.importance.shares": [0.5],
    "experiments.importance.trials": 1,
    "experiments.importance.by_layer": False,
    "experiments.sweep.beams": [3],
    "experiments.sweep.temperatures": [0.3],
    "experiments.generalization.presets": [],
    "experiments.generalization.comparisons": {"mine": {"train": ["shufflenet_v2_x1_0/playground"]}},
    "experiments.generalization.trials": 1,
    "experiments.generalization.hold_out": 0.2,
    "experiments.generalization.early_stopping": 0.2,
    "experiments.generalization.encoder": "resnet18",
    "milan.source": "train",
    "milan.clip.name": "ViT-L-14",
    "milan.clip.weights": "laion2b_s32b_b82k",
    "milan.clip.lambda": 0.2,
    "milan.milannotations.encoder": "alexnet",
    "milan.milannotations.embedding_size": 8,
    "milan.milannotations.hidden_size": 8,
    "milan.milannotations.attention_size": 8,
    "milan.milannotations.lm_hidden_size": 8,
    "milan.milannotations.lm_layers": 1,
    "milan.milannotations.dropout": 0.1,
    "milan.milannotations.epochs": 2,
    "milan.milannotations.patience": 1,
    "milan.milannotations.batch_size": 8,
    "milan.milannotations.learning_rate": 0.1,
    "milan.milannotations.hold_out": 0.2,
    "milan.milannotations.beam": 3,
}
EDITS_OF_SPEED = {"resources.device": "cpu", "resources.batch_size": 16, "resources.threads": 1}

CODE_EDITS = {
    "lib/kernels/search/beam.py": AFTER_EXPLAIN | AFTER_PLANT,
    "lib/kernels/metrics/formulas.py": AFTER_SCORES | {"outline_ranges"},
    "lib/kernels/activations/ranges.py": AFTER_RANGES | AFTER_PLANT,
    "lib/kernels/evidence/verdicts.py": {*AFTER_JUDGED, "write_catalog", "summarise_network"},
    "lib/models/build/loading.py": AFTER_TRAINING,
    "lib/kernels/activations/topk.py": AFTER_EXEMPLARS,
    "lib/kernels/activations/upsampling.py": AFTER_COLLECTION,
    "lib/captioning/decoding/rerank.py": AFTER_MILAN,
    "lib/reporting/catalog/pictures.py": {"write_catalog"},
    "lib/kernels/likeness/placing.py": {"map_units", "write_catalog"},
    "lib/stages/playground/measure_recovery.py": {"measure_recovery"},
}


def nested(edits):
    """Return {"a": {"b": 1}} of {"a.b": 1}."""
    settings = {}
    for key, value in edits.items():
        *sections, last = key.split(".")
        place = settings
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return settings


def with_pages(expected):
    """Return rules with those of the figures and the index, which follow from tables and catalog."""
    figures = {"score_descriptions", "merge_descriptions", "score_explanations", "collect_exemplars"} & expected
    figures |= {"measure_label_masking"} & expected
    pages = {"summarise_network"} if figures else set()
    return expected | pages | ({"write_index"} if pages or "write_catalog" in expected else set())


def keys_of(config, prefix=""):
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_every_key_of_the_config_is_edited():
    named = ("models.", "datasets.", "concepts.")
    edited = {key for key in (*CONFIG_EDITS, *EDITS_WITHOUT_EFFECT, *EDITS_OF_SPEED) if not key.startswith(named)}
    keys = set(keys_of(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))))
    assert edited == {key for key in keys if not key.startswith(named)} - {"targets"}
    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8"))["properties"]
    for section in ("models", "datasets", "concepts"):
        entry = schema[section]["additionalProperties"]
        own = {key.split(".")[2] for key in CONFIG_EDITS if key.startswith(f"{section}.")}
        assert set(entry["properties"]) - own <= ELSEWHERE


@pytest.mark.parametrize("key", CONFIG_EDITS)
def test_a_config_edit_reruns_just_what_depends_on_it(finished, key):
    value, expected = CONFIG_EDITS[key]
    # every edit is written down
    assert set(finished.planned(settings=nested({key: value}))) == with_pages(expected) | {"write_provenance"}


def test_a_config_edit_of_what_is_not_used_reruns_nothing(finished):
    assert set(finished.planned(settings=nested(EDITS_WITHOUT_EFFECT))) == {"write_provenance"}
    assert finished.planned(settings=nested(EDITS_OF_SPEED)) == {}


def test_generated_annotations_are_not_taken_for_those_of_other_images(finished):
    settings = nested({"datasets.playground.images": "resources/data/playground/images"})
    status, text = finished.run("--dry-run", settings=settings)
    assert status and "/playground has no annotations" in text, text[-3000:]


def test_a_new_layer_leaves_the_others_alone(finished):
    planned = finished.planned(settings={"models": {"resnet18": {"layers": ["layer1", "layer2", "layer3", "layer4"]}}})
    assert {planned[rule] for rule in ("record_activations", "tally_units")} == {1}, "one pass for both new layers"
    chunks = ("find_ranges", "explain_units", "dissect_units", "score_explanations")
    assert {planned[rule] for rule in chunks} == {2}
    assert planned["merge_tables"] == 5
    assert not {"plant_units", "train_playground_network", "build_concepts"} & set(planned)


def test_latents_are_made_of_a_recorded_layer_and_labelled_like_it(finished):
    saes = {
        "codes": {"kind": "topk", "concepts": "playground", "latents": 20},
        "chance": {"kind": "random", "concepts": "playground"},
    }
    layers = ["layer1", "layer2", "layer2#codes", "layer2#chance"]
    planned = finished.planned(settings={"models": {"resnet18": {"layers": layers}}, "saes": saes})
    assert planned["make_latents"] == 2
    assert {planned[rule] for rule in ("record_activations", "tally_units")} == {1}, (
        "one pass for both, none for layers"
    )
    assert {planned[rule] for rule in ("find_ranges", "explain_units", "score_explanations")} == {2}
    assert not {"plant_units", "train_playground_network", "build_concepts"} & set(planned)
    settings = {"models": {"resnet18": {"layers": layers}}, "saes": saes}
    planned = finished.planned("results/resnet18/playground/playground/sae_quality.csv", settings=settings)
    # the units of two networks; codes with three seeds, and nine sets of directions and frozen autoencoders for each
    assert (planned["measure_latents"], planned["make_latents"]) == (26, 24) and planned["merge_latent_quality"] == 1
    status, text = finished.run("--dry-run", settings={"models": {"resnet18": {"layers": layers[2:]}}, "saes": saes})
    assert status and "layer2#codes is made of the activations of layer2: add that layer" in text


def test_fewer_layers_only_merge_again(finished):
    planned = finished.planned(settings={"models": {"resnet18": {"layers": ["layer2"]}}})
    assert planned.get("merge_tables") == 5 and "write_catalog" in planned
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
    retrained = {"playground": {"network": {"batch_size": 10}}, **more}
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
        shown = {"write_catalog", "summarise_network", *AFTER_PLANT}
        written = {"write_provenance"} if expected - shown else set()
        assert set(copied.planned()) == with_pages(expected) | written
    finally:
        file.write_text(original, encoding="utf-8")
