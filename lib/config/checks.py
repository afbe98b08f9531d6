"""Checks of the config beyond the JSON schema: references to entries, and consistency of settings."""

from collections.abc import Iterable
from pathlib import Path

from ..data.downloads.sources import find_source
from ..data.formats.label_formats import ENDINGS, PLACES
from ..data.milannotations.groups import NETWORKS
from ..runtime.checksums import was_written_here
from .captioners import CAPTIONER_FILES, CAPTIONERS, annotated_networks, captioner_names, check_not_its_own, is_given
from .entries import GENERATED, PLANTED, clip_file, look_up
from .nearest import did_you_mean

# names that the workflow itself uses in place of an entry's name
RESERVED = {
    "models": (
        *(PLANTED, "comparison.csv", "benchmarks.csv", "metric_checks.csv", "sources.csv", "concepts"),
        *("generalization.csv", "generalization.png", "audit_comparison.csv", "audit_comparison.png", "edit"),
        *("index.html", "front_page.html", "compare"),
    ),
    "concepts": (
        *("annotations.csv", "catalog", "description_metrics.csv", "descriptions.csv", "exemplars", "layers.csv"),
        *(
            "n_best.csv",
            "neighbours.csv",
            "map.csv",
            "parts",
            "export",
            "crowd",
            "cards",
            "imported_labels",
            "agreement.csv",
            "audit.csv",
            "audit_units.csv",
            "words.csv",
            "words.png",
            "provenance.json",
            "tallies",
            "units.csv",
            "unit_importance.csv",
            "class_importance.csv",
        ),
        *("summary.json", "examples", "catalog.zip"),
    ),
}


def check_names(config: dict) -> None:
    """Check that all references to entries exist, and that no entry has a reserved name.

    Raises
    ------
    ValueError
        The message gives the value, the allowed values and the nearest name.
    """
    for section, taken in RESERVED.items():
        if clashes := sorted(set(taken) & set(config[section])):
            raise ValueError(
                f"config key {section}.{clashes[0]}: the workflow itself has results of that name. Choose another one."
            )
    for name in config["downloads"]["local"]:
        try:
            find_source(name)
        except ValueError as error:
            raise ValueError(f"config key downloads.local.{name}: {error}") from None
    known = captioner_names(config)
    for dataset, entry in config["datasets"].items():
        milan = entry["milan"]
        if milan not in known and not milan.endswith(CAPTIONER_FILES):
            raise ValueError(
                f"{milan!r} is no captioning model; config key datasets.{dataset}.milan must be one of "
                f"{', '.join(known)}, or the path of a file that ends in {' or '.join(CAPTIONER_FILES)}."
                f"{did_you_mean(milan, known)}"
            )
    for target in config["targets"]:
        look_up("datasets", target["dataset"], config=config)
        # a network whose exemplars are given is not run, and may have any name
        if target["concepts"] or not is_given(target["dataset"], config=config):
            look_up("models", target["model"], config=config)
        elif target["model"] in RESERVED["models"]:
            raise ValueError(
                f"`targets` has the model {target['model']!r}, a name of the workflow itself; choose another."
            )
        for concepts in target["concepts"]:
            look_up("concepts", concepts, config=config)
        if target["concepts"] and config["datasets"][target["dataset"]]["images"] == GENERATED:
            raise ValueError(
                f"`targets` requests formulas of {target['model']} on {target['dataset']}, whose images are generated and "
                "carry no labels: set concepts: []."
            )
        check_not_its_own(target["model"], target["dataset"], config=config)
    encoder = config["milan"]["training"]["encoder"]
    for name in (*config["milan"]["training"]["networks"], encoder):
        look_up("models", name, config=config)
    if own := sorted(config["models"][encoder].keys() - {"layers", "units"}):
        raise ValueError(
            f"models.{encoder} has its own {', '.join(own)}, but milan.training.encoder needs the network as it is. Give "
            "yours another name, with the factory."
        )
    _check_captioners(config)
    clip_file(config)


def _check_captioners(config: dict) -> None:
    """Check the names of captioning models and of the networks that they are trained on."""
    for name in config.get("captioners", {}):
        key = f"config key captioners.{name}"
        if name in CAPTIONERS or name.endswith(CAPTIONER_FILES):
            raise ValueError(f"{key}: there is a captioning model of that name already; choose another one.")
        _check_annotated(annotated_networks(name, config=config), f"{key}.networks", config)
    for name, entry in config.get("experiments", {}).get("generalization", {}).get("comparisons", {}).items():
        for side in ("train", "test"):
            key = f"config key experiments.generalization.comparisons.{name}.{side}"
            _check_annotated(entry.get(side, []), key, config)


def _check_annotated(names: Iterable[str], key: str, config: dict) -> None:
    """Check that networks are of MILANNOTATIONS or of the config."""
    for network in names:
        model, _, dataset = network.partition("/")
        if network not in NETWORKS and dataset not in config["datasets"]:
            raise ValueError(
                f"{key}: {network!r} is neither a network of MILANNOTATIONS ({', '.join(NETWORKS)}) nor "
                f"MODEL/DATASET with a data set of the config.{did_you_mean(network, NETWORKS)}"
            )
        if network not in NETWORKS and not is_given(dataset, config=config):
            look_up("models", model, config=config)


def check_own_annotations(config: dict) -> None:
    """Check that no rule would write over annotations of the user: the playground's own are known by their checksum.

    Raises
    ------
    ValueError
        With the table that was written or edited by hand.
    """
    drawn = {name for name, entry in config["datasets"].items() if entry["images"] == "playground"}
    for table in sorted(Path("results").glob("*/*/annotations.csv")):
        if table.parent.name in drawn and not was_written_here(table):
            raise ValueError(
                f"{table} was not written by this workflow, or edited since: a run could write over it. Put it elsewhere and "
                f"name it under the config key datasets.{table.parent.name}.annotations, or delete it to have it made anew."
            )


def check_ranges(config: dict) -> None:
    """Check that there is at least one activation range, and that the analyses name known ones.

    Raises
    ------
    ValueError
        If the config has neither the range `top` nor several clusters, or an analysis names another range.
    """
    quantile, clusters = config["ranges"]["quantile"], config["ranges"]["clusters"]
    if quantile is None and clusters < 2:
        raise ValueError(
            f"ranges.quantile is null and ranges.clusters is {clusters}, so that no range is left: give a quantile for "
            "the range `top`, or 2 clusters at least."
        )
    names = (["top"] if quantile is not None else []) + [
        f"cluster{i + 1}" for i in range(clusters if clusters > 1 else 0)
    ]
    for analysis in ("heuristics", "sweep"):
        if unknown := sorted(set(config["analyses"][analysis]["ranges"] or ()) - set(names)):
            raise ValueError(
                f"config key analyses.{analysis}.ranges: {unknown[0]!r} is no range; the ranges are {', '.join(names)}."
                f"{did_you_mean(unknown[0], names)}"
            )


def check_concepts(config: dict) -> None:
    """Check that the keys of each concept set go with its format.

    Raises
    ------
    ValueError
        The message gives the key and the formats that have it.
    """
    converted = frozenset(PLACES)
    formats = {
        "images": converted,
        "masks": frozenset(name for name, (_, masks, _) in PLACES.items() if masks),
        "labels": frozenset(name for name, (_, _, labels) in PLACES.items() if labels) | {"ade20k"},
        "mask_suffix": frozenset(ENDINGS),
        "mask_size": converted,
        "image_list": converted,
        "ignore": converted - {"tags"} | {"broden"},
    }
    for name, entry in config["concepts"].items():
        used = entry.get("format", "broden")
        for key, fitting in formats.items():
            if key in entry and used not in fitting:
                raise ValueError(
                    f"config key concepts.{name}.{key}: format {used} has no such key; it goes with "
                    f"{', '.join(sorted(fitting))}."
                )
        several = [key for key in ("masks", "labels") if isinstance(entry.get(key), list)]
        if several and used != "index_png":
            raise ValueError(
                f"config key concepts.{name}.{several[0]}: format {used} takes one path; lists are for index_png."
            )
