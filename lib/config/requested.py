"""The targets of the command line: checked before Snakemake plans, and the entries of the config that they ask for."""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath

from ..data.milannotations.groups import NETWORKS
from .captioners import PLAYGROUND, annotated_networks, caption_training, is_given, trains_on_playground
from .checks import RESERVED
from .entries import PLANTED, TWIN, layers_of, look_up
from .experiments.audit import asked_audits
from .experiments.generalization import Comparison, comparisons
from .nearest import did_you_mean
from .networks import input_size, weights_file

WILDCARD = re.compile(r"\{(\w+)(?:,([^}]*))?\}")
ALTERNATIVES = re.compile(r"\w+(\|\w+)*")
# patterns of output paths that contain the names of entries
_PLACES = (
    re.compile(r"results/concepts/(?P<concepts>[^/]+)"),
    re.compile(r"results/edit/"),
    re.compile(
        r"results/(?P<model>[^/]+)/(?P<dataset>[^/]+)(/(?P<concepts>[^/]+)(/(pictures|parts/\w+)/(?P<layer>[^/]+))?)?"
    ),
    re.compile(r"resources/weights/(playground|blurred)/(generators/)?(?P<model>[^/]+)\.(safetensors|json)$"),
    re.compile(r"resources/(data/)?images/(?P<dataset>[^/]+)"),
    re.compile(r"resources/(data/)?concepts/(?P<concepts>[^/]+?)(\.zarr)?(/|$)"),
)


def check_targets(
    targets: list[str], *, config: dict, rules: list[str], outputs: list[str], is_made: Callable[[str], bool]
) -> None:
    """Check that every target is a rule, or a file or folder that a rule makes from entries of the config.

    Parameters
    ----------
    targets : list of str
    config : dict
    rules : list of str
        Names of all rules.
    outputs : list of str
        Outputs of all rules, with wildcards as in `{table,ranges|metrics}`.
    is_made : callable
        Returns whether a rule makes the file or folder of this path.

    Raises
    ------
    ValueError
        With one line for each wrong target: the reason, the known names and the nearest one.
    """
    lines = []
    for target in targets:
        path = os.path.relpath(target)
        try:
            if target not in rules:
                _check_entries(path, config)
                _check_output(path, rules=rules, outputs=outputs, is_made=is_made)
        except ValueError as error:
            lines.append(f"target {target}: {error}")
    if lines:
        raise ValueError("\n".join(lines))


def _check_entries(path: str, config: dict) -> None:
    """Check that the entries in an output path exist and match."""
    names = entries_in(path)
    model, dataset, concepts = (names.get(kind) for kind in ("model", "dataset", "concepts"))
    if concepts in RESERVED["concepts"] or (model and path.count("/") < 4):
        concepts = None
    # planted units see no concept set but the playground's
    planted = model == PLANTED and not concepts
    if dataset:
        look_up("datasets", dataset, config=config)
    # the network of given exemplars is not run, and may have any name
    planted = planted or bool(model and dataset and not concepts and is_given(dataset, config=config))
    if model and not planted:
        look_up("models", model, config=config)
    if concepts:
        look_up("concepts", concepts, config=config)
    if not model or planted or not dataset:
        return
    weights_file(model, dataset, config=config)
    if concepts:
        input_size(model, dataset, config=config)
    layer = names.get("layer")
    if not path.endswith("/layers.csv") and layer not in {None, *(layers := layers_of(model, dataset, config=config))}:
        raise ValueError(
            f"{layer!r} is not among the layers of {model}: {', '.join(layers)}.{did_you_mean(layer, layers)} Add it to "
            f"models.{model}.layers to use it."
        )


def _check_output(path: str, *, rules: list[str], outputs: list[str], is_made: Callable[[str], bool]) -> None:
    """Check that a rule makes a path, or that it is a file of the user."""
    if is_made(path):
        return
    place = PurePath(path)
    for above in map(str, place.parents):
        if is_made(above):
            raise ValueError(f"it is a part of {above}, which is the target to name.")
    if os.path.isfile(path):
        return
    for folder, name in ((place.parent, place.name), (place, ""))[:: 1 if place.suffix else -1]:
        known = sorted({found for output in outputs for found in _names_in(folder, output)})
        if known:
            hint = did_you_mean(name, known)
            raise ValueError(f"no rule makes it; in {folder} there can be {', '.join(known)}.{hint}")
    raise ValueError(f"no rule makes it or has this name.{did_you_mean(path, rules)}")


def _names_in(folder: str, output: str) -> Iterator[str]:
    """Return the names that an output of a rule can have in a folder; none if the output is elsewhere or can have any name."""
    constraints = dict(WILDCARD.findall(output))
    *above, last = WILDCARD.sub(r"{\1}", output).split("/")
    if len(above) != len(folder.parts):
        return
    for pattern, part in zip(above, folder.parts, strict=True):
        literal = map(re.escape, re.split(r"\{\w+\}", pattern))
        if not re.fullmatch("[^/]+".join(literal), part):
            return
    wildcards = re.findall(r"\{(\w+)\}", last)
    if all(ALTERNATIVES.fullmatch(constraints[wildcard]) for wildcard in wildcards):
        for values in itertools.product(*(constraints[wildcard].split("|") for wildcard in wildcards)):
            yield last.format(**dict(zip(wildcards, values, strict=True)))


def entries_in(path: str) -> dict[str, str]:
    """Return {kind: name} of the model, data set, concept set and layer in an output path."""
    found = next(filter(None, (place.match(path) for place in _PLACES)), None)
    return {kind: name for kind, name in found.groupdict().items() if name} if found else {}


def asked_entries(config: dict, *, requested: Iterable[str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Return (pairs of model and data set, data sets, concept sets) of `targets` and of requested paths."""
    networks = {(target["model"], target["dataset"]) for target in config["targets"]}
    datasets = {dataset for _, dataset in networks}
    concepts = {name for target in config["targets"] for name in target["concepts"]}
    for names in map(entries_in, requested):
        model = (names.get("model") or "").removesuffix(TWIN)
        if names.get("dataset") in config["datasets"]:
            datasets.add(names["dataset"])
            networks |= {(model, names["dataset"])} if model in config["models"] else set()
        if names.get("concepts") in config["concepts"]:
            concepts.add(names["concepts"])
    for comparison in asked_comparisons(config, requested):
        own = [network for network in (*comparison.train, *comparison.test) if network not in NETWORKS]
        networks |= {tuple(network.split("/")) for network in own}
        datasets |= {network.split("/")[1] for network in own}
    networks |= set(asked_audits(config, requested))
    datasets |= {dataset for _, dataset in asked_audits(config, requested)}
    for name in [name for name in datasets if config["datasets"][name]["milan"] in config.get("captioners", {})]:
        # networks whose annotations train the captioning model of an asked data set, and its encoder
        milan = config["datasets"][name]["milan"]
        own = [network for network in annotated_networks(milan, config=config) if network not in NETWORKS]
        networks |= {tuple(network.split("/")) for network in own}
        datasets |= {network.split("/")[1] for network in own}
        if trains_on_playground(milan, config=config):
            networks.add((caption_training(milan, config=config)["encoder"], PLAYGROUND))
    networks = {pair for pair in networks if not is_given(pair[1], config=config) or pair[0] in config["models"]}
    if PLAYGROUND in config["datasets"] and any(config["datasets"][name]["milan"] == PLAYGROUND for name in datasets):
        training = config["milan"]["training"]
        networks |= {(model, PLAYGROUND) for model in (*training["networks"], training["encoder"])}
    return sorted(networks), sorted(datasets), sorted(concepts)


def asked_comparisons(config: dict, requested: Iterable[str]) -> list[Comparison]:
    """Return the comparisons of captioning models, if they are asked for."""
    asked = any(path == "experiments" or "generalization" in path for path in requested)
    return list(comparisons(config).values()) if asked else []
