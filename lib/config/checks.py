"""Checks of the config beyond the JSON schema: references to entries, and consistency of settings."""

from ..data.downloads.sources import find_source
from ..data.formats.label_formats import ENDINGS, PLACES
from .entries import CAPTIONER_FILES, CAPTIONERS, GENERATED, PLANTED, check_not_its_own, clip_file, look_up
from .nearest import did_you_mean

# names that the workflow itself uses in place of an entry's name
RESERVED = {
    "models": (PLANTED, "comparison.csv", "benchmarks.csv", "metric_checks.csv", "sources.csv", "concepts"),
    "concepts": (
        *("annotations.csv", "catalog", "description_metrics.csv", "descriptions.csv", "exemplars", "layers.csv"),
        *(
            "n_best.csv",
            "parts",
            "export",
            "crowd",
            "agreement.csv",
            "words.csv",
            "words.png",
            "provenance.json",
            "tallies",
            "units.csv",
        ),
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
    for dataset, entry in config["datasets"].items():
        milan = entry["milan"]
        if milan not in CAPTIONERS and not milan.endswith(CAPTIONER_FILES):
            raise ValueError(
                f"{milan!r} is no captioning model; config key datasets.{dataset}.milan must be one of "
                f"{', '.join(CAPTIONERS)}, or the path of a file that ends in {' or '.join(CAPTIONER_FILES)}."
                f"{did_you_mean(milan, CAPTIONERS)}"
            )
    for target in config["targets"]:
        for section in ("model", "dataset"):
            look_up(f"{section}s", target[section], config=config)
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
    clip_file(config)


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
