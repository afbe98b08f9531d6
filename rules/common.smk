import functools

from lib.config import batches, captioners, checks, entries, latents
from lib.config import networks, own_files, paths, predictors, targets
from lib.config.experiments import arena, audit, edits, generalization, tables
import lib.data.milannotations.groups as milan_groups

from lib.data.contents import Contents
from lib.runtime.parts import all_parts
from snakemake.exceptions import WorkflowError

CONTENTS = Contents(f"{RECORDS}/neuron-lexicon-contents.json")
LAYERS = f"{RECORDS}/neuron-lexicon-layers.json"
# with a cluster executor the number of cores may be undefined: the profile sets the cores of each rule
N_CORES = workflow.resource_settings.cores or 1
# half of the cores by default: two jobs run in parallel, so that a long one on a single core leaves no core idle
THREADS = config["resources"]["threads"] or max(1, N_CORES // 2)

try:
    edits.add_entries(config)
    checks.check_names(config)
    checks.check_ranges(config)
    checks.check_concepts(config)
    audit.check(config)
    arena.check(config)
    generalization.comparisons(config)
    networks.resolve_layers(config, LAYERS)
    latents.check_latents(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    model=r"[^/]+",
    dataset=r"[^/]+",
    concepts=r"[^/]+",
    layer=r"[^/]+",
    labels=r"[^/]+",
    chunk=r"\d+-of-\d+",
    shard=r"\d+-of-\d+",
    batch=r".+",


def of(function, *names, **fixed):
    """Return a function of wildcards that calls a function of the config with some of them; errors are shortened to one line."""

    def look_up(wildcards):
        try:
            return function(
                *(getattr(wildcards, name) for name in names), config=config, **fixed
            )
        except ValueError as error:
            raise WorkflowError(str(error)) from None

    return look_up


weights_of = of(networks.weights_file, "model", "dataset")
plain_network_of = of(networks.network_settings, "model", "dataset")
recording_options_of = of(networks.recording_options, "model", "dataset")
network_files_of = of(own_files.network_files, "model", "dataset")
geometry_of = of(networks.input_geometry, "model", "dataset")
input_size_of = of(networks.input_size, "model", "dataset")
layers_of = of(entries.layers_of, "model", "dataset")
milan_of = of(captioners.milan_file, "model", "dataset")
image_table_of = of(entries.image_table, "dataset")
own_images_of = of(own_files.own_images, "dataset")
is_generated = of(entries.is_generated, "dataset")
concept_data_of = of(entries.concept_folder, "concepts")
concepts_of = of(entries.concept_settings, "concepts")
chosen_concepts_of = of(entries.chosen_concepts, "concepts")


@functools.cache
def is_made(path):
    """Return whether a rule makes a file or folder."""
    return any(rule.is_producer(path) for rule in workflow.rules)


def contents(*inputs):
    """Return a params function with the digests of the user's files and folders among some inputs.

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


def pattern(text):
    """Return a function that fills wildcards into a text."""
    return lambda wildcards: text.format(**wildcards)


def settings(**entries):
    """Return a params function with all settings of a rule as one dict; functions among them are called with the wildcards.

    Snakemake compares the params of a job as a set of values: one that turns into the value of another (length 3 and
    beam 5 into 5 and 5), and a list in a new order, would rerun nothing.
    """
    return lambda wildcards: {
        name: value(wildcards) if callable(value) else value
        for name, value in entries.items()
    }


def trusted_sha256(wildcards, threads):
    """Return the checkpoints that are trusted; params that depend on threads do not trigger reruns."""
    return config["checkpoints"]["trusted_sha256"]


def any_of(names):
    """Return a pattern that matches any of the names, or nothing if there are none."""
    return "|".join(sorted(names)) or "(?!)"


def activations_of(wildcards):
    """Return the folders with the activations of a layer, or of all layers if the rule has no wildcard `layer`."""
    layer = getattr(wildcards, "layer", None)
    return of(batches.activation_folders, "model", "dataset", "concepts", layer=layer)(
        wildcards
    )


def parts_of(table):
    """Return the input function of the parts of a table: of a layer, or of all layers if the rule has no wildcard `layer`."""
    return lambda wildcards: targets.explanation_parts(
        table,
        model=wildcards.model,
        dataset=wildcards.dataset,
        concepts=wildcards.concepts,
        layer=getattr(wildcards, "layer", None),
        config=config,
    )
