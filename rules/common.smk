import functools
import sys
from pathlib import Path

import lib.configuration as configuration
import lib.data.milan_groups as milan_groups
import lib.networks as networks
import lib.paths as paths

from lib.data.contents import Contents
from snakemake.exceptions import WorkflowError

CONTENTS = Contents(f"{RECORDS}/neuron-lexicon-contents.json")
# where jobs are submitted to a cluster there may be no number of cores: its profile says how many each rule gets
N_CORES = workflow.resource_settings.cores or 1
# half of the cores by default: two jobs run side by side, so that a long one on a single core leaves none idle
THREADS = config["resources"]["threads"] or max(1, N_CORES // 2)
EXPLANATION_TABLES = ("ranges", "histograms", "explanations", "metrics")
ANALYSES = ("range_importance", "specialization", "thresholds", "detectors")

try:
    configuration.check_names(config)
    configuration.check_ranges(config)
    networks.resolve_layers(config, f"{RECORDS}/neuron-lexicon-layers.json")
except ValueError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    model=r"[^/]+",
    dataset=r"[^/]+",
    concepts=r"[^/]+",
    layer=r"[^/]+",
    chunk=r"\d+-of-\d+",
    shard=r"\d+-of-\d+",
    batch=r".+",


def checked(function, *names):
    """Return an input function that looks names up in the config and reports unknown ones in one line."""

    def look_up(wildcards):
        try:
            return function(*(wildcards[name] for name in names), config=config)
        except ValueError as error:
            raise WorkflowError(str(error)) from None

    return look_up


weights_of = checked(networks.weights_file, "model", "dataset")
images_of = checked(configuration.image_folder, "dataset")
image_table_of = checked(configuration.image_table, "dataset")
concept_data_of = checked(configuration.concept_folder, "concepts")
network_of = checked(networks.network_settings, "model", "dataset")
geometry_of = checked(networks.input_geometry, "model", "dataset")
input_size_of = checked(networks.input_size, "model", "dataset")
milan_of = checked(configuration.milan_file, "model", "dataset")
own_images_of = checked(paths.own_images, "dataset")
network_files_of = checked(paths.network_files, "model", "dataset")


@functools.cache
def is_made(path):
    """Return whether a rule makes a file or folder."""
    return any(rule.is_producer(path) for rule in workflow.rules)


def check_paths():
    """Refuse a config that names files or folders that are not there: Snakemake overlooks them where outputs exist."""
    try:
        # Snakemake tells the targets only when all rules are read
        paths.check_paths(config, requested=sys.argv[1:], is_made=is_made)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def contents(*inputs):
    """Return a params function that changes with what the user's own files and folders among some inputs hold.

    Snakemake compares dates alone: an older file in place of another, or a picture more in a folder, would rerun nothing.
    """

    def digest(wildcards):
        # only the main process decides what to run
        if not workflow.is_main_process:
            return ""
        given = [found(wildcards) for found in inputs]
        given = [[path] if isinstance(path, str) else path for path in given]
        own = [path for found in given for path in found if not is_made(path)]
        try:
            return " ".join(CONTENTS.digest(path) for path in own)
        except OSError as error:
            raise WorkflowError(
                f"{error.filename} cannot be read ({error.strerror})."
            ) from None

    return digest


def own_copy_of(source):
    """Return the input function of the user's own copy in place of a download."""
    return lambda wildcards: paths.own_copy(source.format(**wildcards), config=config)


def pattern(text):
    """Return a function that puts wildcards into a text."""
    return lambda wildcards: text.format(**wildcards)


def settings(**entries):
    """Return a params function that gives all settings of a rule as one dict; functions among them get the wildcards.

    Snakemake compares the params of a job as a set of values: one that turns into the value of another (length 3 and
    beam 5 into 5 and 5), and a list in a new order, would rerun nothing.
    """
    return lambda wildcards: {
        name: value(wildcards) if callable(value) else value
        for name, value in entries.items()
    }


def explanation_settings(**changes):
    keys = ("search", "seconds", "length", "beam")
    entries = {key: config["explanations"][key] for key in keys}
    return settings(layer=pattern("{layer}"), **entries | changes)


def trusted_sha256(wildcards, threads):
    """Return the checkpoints that are trusted; params that depend on threads are no reason to rerun."""
    return config["checkpoints"]["trusted_sha256"]


def is_generated(wildcards):
    """Return whether the images of a data set are those that a generator makes."""
    return image_table_of(wildcards).endswith("samples.npz")


def drawn_of(wildcards):
    """Return how the samples of a data set are drawn."""
    entry = configuration.look_up("datasets", wildcards.dataset, config=config)
    if "samples" not in entry:
        raise WorkflowError(
            f"datasets.{wildcards.dataset} is of images in files; it has no samples."
        )
    return entry["samples"]


def samples_file(key):
    """Return the input function of the user's own latents or classes; they are drawn if there are none."""
    return lambda wildcards: drawn_of(wildcards).get(key, [])


def any_of(names):
    """Return a pattern that any of the names fits; nothing, if there is none."""
    return "|".join(sorted(names)) or "(?!)"


def clip_settings():
    """Return what decides how CLIP chooses; None if it does not."""
    if not configuration.asks_clip(config):
        return None
    clip = config["milan"]["clip"]
    return {
        "name": clip["name"],
        "tag": configuration.clip_tag(config),
        "whole": clip["lambda"],
    }


def layers_of(wildcards):
    if wildcards.model == configuration.PLANTED:
        return ["planted"]
    layers = configuration.look_up("models", wildcards.model, config=config).get(
        "layers"
    )
    if not layers:
        root = f"results/{wildcards.model}/{wildcards.dataset}"
        raise WorkflowError(
            f"models.{wildcards.model} has no layers; {root}/layers.csv lists them all."
        )
    return layers


def concepts_of(wildcards):
    """Return what decides which images and labels a concept set has."""
    entry = configuration.look_up("concepts", wildcards.concepts, config=config)
    return {"subset": entry["subset"], "categories": entry["categories"]}


def activations_of(wildcards):
    """Return the folders of all shards of the activations of a layer, or of all layers.

    Layers that are recorded stay where they are, so that a new one is recorded by itself and moves nothing.
    """
    root = f"results/{wildcards.model}/{wildcards.dataset}/{wildcards.concepts}/activations"
    planted = wildcards.model == configuration.PLANTED
    return recorded(wildcards, root, 1 if planted else config["activations"]["shards"])


def tallies_of(wildcards):
    """Return the folders of all shards of the tallies of all layers, which are reused as activations are."""
    root = f"results/{wildcards.model}/{wildcards.dataset}/tallies"
    return recorded(wildcards, root, config["exemplars"]["shards"])


def recorded(wildcards, root, n_shards):
    """Return the folders below `root` with all shards of the wanted layers, whether they are there or still to be made."""
    shards = chunks(n_shards)
    batches = configuration.recording_batches(root, layers_of(wildcards), shards=shards)
    wanted = [wildcards.layer] if "layer" in wildcards.keys() else layers_of(wildcards)
    if unknown := set(wanted) - set(batches):
        raise WorkflowError(
            f"{unknown.pop()!r} is not among the layers of {wildcards.model}: {', '.join(batches)}. "
            f"Add it to models.{wildcards.model}.layers to use it."
        )
    names = dict.fromkeys(batches[layer] for layer in wanted)
    return [f"{root}/{name}/{shard}" for name in names for shard in shards]


def annotated_units_of(wildcards):
    """Return how many units per layer a network needs that is only annotated to train MILAN; None for all."""
    training = config["milan"]["training"]
    only_annotated = (
        wildcards.dataset == "playground" and wildcards.model in training["networks"]
    )
    return training["units_per_layer"] if only_annotated else None


def chunks(n_chunks):
    return [f"{chunk}-of-{n_chunks}" for chunk in range(n_chunks)]


def parts_of(wildcards):
    return parts_named(wildcards.table)(wildcards)


def parts_named(table):
    """Return the input function of the parts of a table, in the order of layers and units."""
    return lambda wildcards: [
        f"results/{wildcards.model}/{wildcards.dataset}/{wildcards.concepts}/parts/{table}/{layer}/{chunk}.csv"
        for layer in layers_of(wildcards)
        for chunk in chunks(config["explanations"]["chunks"])
    ]


def layer_parts(table):
    """Return the parts of a table of one layer, in the order of units."""
    return expand(
        "results/{{model}}/{{dataset}}/{{concepts}}/parts/{table}/{{layer}}/{chunk}.csv",
        table=table,
        chunk=chunks(config["explanations"]["chunks"]),
    )


def all_targets():
    """Return all tables and the catalog of each entry of `targets`."""
    files = []
    for target in config["targets"]:
        root = f"results/{target['model']}/{target['dataset']}"
        files += [
            f"{root}/{name}"
            for name in ("descriptions.csv", "catalog", "provenance.json")
        ]
        files += [
            f"{root}/{concepts}/{table}.csv"
            for concepts in target["concepts"]
            for table in EXPLANATION_TABLES
        ]
        if config["datasets"][target["dataset"]]["images"] == "playground":
            files.append(f"{root}/description_metrics.csv")
    # a planted formula is the highest of several clusters
    if config["ranges"]["clusters"] > 1 and any(
        concepts == "playground"
        for target in config["targets"]
        for concepts in target["concepts"]
    ):
        files.append("results/planted/playground/recovery.csv")
    if len(compared_entries()) > 1:
        files.append("results/comparison.csv")
    return files


def compared_entries():
    """Return the model, data set and concept set of every table of formulas that `targets` asks for."""
    entries = [
        (target["model"], target["dataset"], concepts)
        for target in config["targets"]
        for concepts in target["concepts"]
    ]
    return [list(entry) for entry in dict.fromkeys(entries)]


def analysis_targets():
    """Return what the analyses of each entry of `targets` give."""
    files = []
    for target in config["targets"]:
        for concepts in target["concepts"]:
            root = f"results/{target['model']}/{target['dataset']}/{concepts}"
            files += [f"{root}/{name}.csv" for name in (*ANALYSES, "dissection")]
            files += [f"{root}/{name}.png" for name in ANALYSES]
            files += [
                f"{root}/pictures/{layer}"
                for layer in config["models"][target["model"]]["layers"]
            ]
    return files


def concept_sets_of(wildcards):
    """Return the concept sets that `targets` names for a model and data set."""
    return [
        concepts
        for target in config["targets"]
        if (target["model"], target["dataset"]) == (wildcards.model, wildcards.dataset)
        for concepts in target["concepts"]
    ]


def catalog_tables(table):
    return lambda wildcards: [
        f"results/{wildcards.model}/{wildcards.dataset}/{concepts}/{table}.csv"
        for concepts in concept_sets_of(wildcards)
    ]


def tables_of(wildcards):
    """Return the tables that `targets` asks for of a model and data set."""
    root = f"results/{wildcards.model}/{wildcards.dataset}"
    return [f"{root}/descriptions.csv", f"{root}/units.csv"] + [
        f"{root}/{concepts}/{table}.csv"
        for concepts in concept_sets_of(wildcards)
        for table in EXPLANATION_TABLES
    ]


def sources_of(wildcards):
    """Return the weights, the list of images and the labelled data that a model's results are made from."""
    wanted = [weights_of(wildcards), milan_of(wildcards)]
    wanted += [
        configuration.concept_folder(concepts, config=config)
        for concepts in concept_sets_of(wildcards)
    ]
    return [path for path in wanted if path] + [image_table_of(wildcards)]


def write_benchmarks():
    from lib.reporting.benchmarks import collect_benchmarks

    collect_benchmarks("benchmarks", "results/benchmarks.csv")


onerror:
    write_benchmarks()


onsuccess:
    write_benchmarks()
    for target in config["targets"]:
        page = Path(
            f"results/{target['model']}/{target['dataset']}/catalog/index.html"
        )
        if page.is_file():
            logger.info(f"Open {page} in a browser.")
