"""Check that the user's files and folders in the config exist."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..data.downloads.sources import all_sources
from ..data.images.lists import TABLES
from ..data.milannotations.groups import NETWORKS, PUBLISHED
from ..models.build.kinds import factory_kind, split_function
from ..models.recording.layer_names import MARK
from .captioners import (
    CAPTIONER_FILES,
    GIVEN,
    PLAYGROUND,
    annotated_networks,
    caption_training,
    captioner_names,
    crowd_annotations,
    peoples_annotations,
    training_files,
    trains_on_playground,
)
from .entries import (
    ARCHIVES,
    FETCHED_DATA,
    GENERATED,
    asks_clip,
    class_file,
    clip_tag,
    concept_folder,
    look_up,
)
from .experiments import arena
from .experiments.edits import own_folders
from .experiments.generalization import generalization_training
from .latents import given_file
from .networks import weights_file
from .own_files import own_copy
from .predictors import CLIP
from .requested import asked_comparisons, asked_entries

FILE, FOLDER = "file", "folder"
EITHER = (FILE, FOLDER)


@dataclass(frozen=True)
class Named:
    """A path in the config.

    Attributes
    ----------
    key : str
        The config key.
    path : str
        File or folder.
    kinds : tuple of str
        Allowed kinds: `file`, `folder`.
    """

    key: str
    path: str
    kinds: tuple[str, ...] = (FILE,)


def check_paths(config: dict, *, requested: Iterable[str], is_made: Callable[[str], bool]) -> None:
    """Check that all files and folders in the config that the requested results need exist, annotations to train on too.

    These are the entries used by `targets` and by requested files. Other entries may refer to files that only exist on
    another machine.

    Parameters
    ----------
    config : dict
    requested : iterable of str
        Targets of the command line; only files are used.
    is_made : callable
        Returns whether a rule makes the file or folder of this path.

    Raises
    ------
    ValueError
        With one line for each problem: config key, path and reason.
    """
    requested = list(requested)
    lines = list(_without_annotations(config, requested))
    for named in named_paths(config, requested=requested):
        is_read_only = named.key.endswith(".annotations") or named.key.startswith("crowd.results")
        if is_read_only and is_made(os.path.relpath(named.path)):
            lines.append(
                f"config key {named.key}: {named.path} is a result of the workflow, which would write over it."
            )
        problem = _problem(named)
        if problem and not _is_to_be_made(named.path, is_made):
            where = "" if os.path.isabs(named.path) else f" (relative to {os.getcwd()})"
            lines.append(
                f"config key {named.key}: {named.path} {problem}{where}. Correct the path, or put the "
                f"{' or '.join(named.kinds)} there; what is complete is kept."
            )
    if lines:
        raise ValueError("\n".join(lines))


def named_paths(config: dict, *, requested: Iterable[str]) -> list[Named]:
    """Return the paths in the config that the requested results need.

    Parameters
    ----------
    config : dict
    requested : iterable of str
        As for `check_paths`.

    Returns
    -------
    list of Named
        Each once. Names of downloads and URLs are not paths.

    Raises
    ------
    ValueError
        If a network has no such weights.
    """
    requested = list(requested)
    networks, datasets, concepts = asked_entries(config, requested=requested)
    found = [named for model, dataset in networks for named in _of_network(model, dataset, config)]
    found += [named for dataset in datasets for named in _of_dataset(dataset, config)]
    found += [named for name in concepts for named in _of_concepts(name, config)]
    # networks of given exemplars may have any name
    asked = {(target["model"], target["dataset"]) for target in config["targets"]}.union(networks)
    for network, table in config["crowd"]["results"].items():
        pair = tuple(network.split("/"))
        is_read = pair in asked and peoples_annotations(*pair, config=config) == crowd_annotations(*pair)
        if is_read or any(path.startswith(f"results/{network}/") for path in requested):
            found.append(Named(f"crowd.results.{network}", table))
    for network, folder in config["crowd"]["ratings"].items():
        if any(path.startswith(f"results/{network}/crowd/ratings") for path in requested):
            found.append(Named(f"crowd.ratings.{network}", folder, (FOLDER,)))
    if model := config["milan"]["bert_score_model"]:
        found.append(Named("milan.bert_score_model", model, (FOLDER,)))
    if config["evidence"]["images"] and any(path == "evidence" or "label_images" in path for path in requested):
        found.append(Named("evidence.images", config["evidence"]["images"], (FOLDER,)))
    if config["evidence"]["labels"] and any(path == "evidence" or "label_scores" in path for path in requested):
        found.append(Named("evidence.labels", config["evidence"]["labels"]))
    asked = [part for path in requested if path.startswith("resources/") for part in PurePath(path).parts]
    sources = [source for source in asked if source in all_sources()]
    for comparison in asked_comparisons(config, requested):
        both = (*comparison.train, *comparison.test)
        sources += [f"annotations-{network.replace('/', '-')}" for network in both if network in NETWORKS]
        training = generalization_training(comparison, config=config)
        if training["source"] != PLAYGROUND:
            sources.append(f"{training['encoder']}-{training['source']}")
    found += [Named(key, path, (FOLDER,)) for key, path in own_folders(requested, config=config)]
    found += [Named(key, path) for key, path in arena.own_files(requested, config=config)]
    compared = config["evidence"]["predictor"] == CLIP and any(
        path == "evidence" or "label_scores" in path for path in requested
    )
    compared = compared or (arena.is_asked(requested) and arena.needs_clip(config))
    if asks_clip(config) or compared:
        clip = config["milan"]["clip"]
        if tag := clip_tag(config):
            sources.append(f"clip-{clip['name']}-{tag}")
        else:
            found.append(Named("milan.clip.weights", clip["weights"]))
    found += [named for source in sources for named in _of_source(source, config)]
    return list(dict.fromkeys(found))


def _without_annotations(config: dict, requested: Iterable[str]) -> Iterator[str]:
    """Yield which captioning models that are asked for have networks without annotations to train or test on."""
    _, datasets, _ = asked_entries(config, requested=requested)
    asked = {f"experiment {one.experiment}": (*one.train, *one.test) for one in asked_comparisons(config, requested)}
    for milan in {config["datasets"][dataset]["milan"] for dataset in datasets} & {*captioner_names(config)}:
        networks = annotated_networks(milan, config=config)
        if milan == PLAYGROUND:
            networks = [f"{model}/{PLAYGROUND}" for model in networks if PLAYGROUND in config["datasets"]]
        asked[f"captioning model {milan}"] = networks
    for purpose, networks in sorted(asked.items()):
        for network in networks:
            try:
                training_files(network, config=config)
            except ValueError as error:
                yield f"{purpose}: {error}"


def _of_network(model: str, dataset: str, config: dict) -> Iterator[Named]:
    entry = look_up("models", model, config=config)
    factory = entry.get("factory", model)
    kind, key = factory_kind(factory), f"models.{model}.factory"
    if kind == "file":
        yield Named(key, split_function(factory)[0])
    elif kind == "biggan":
        yield Named(key, factory.removeprefix("biggan:"))
    elif kind in ("script", "export"):
        yield Named(key, factory)
    elif kind == "hf" and factory.startswith(("hf:/", "hf:.", "hf:~")):  # other names may also be in the cache
        yield Named(key, factory.removeprefix("hf:"), (FOLDER,))
    section, name = ("models", model) if "weights" in entry else ("datasets", dataset)
    given = config[section][name]["weights"]
    if weights_file(model, dataset, config=config) == given:
        yield Named(f"{section}.{name}.weights", given)
    yield from _of_source(f"{factory}-{given}", config)
    for layer in entry.get("layers", []):
        for path in given_file(layer, config=config) if MARK in layer else ():
            yield Named(f"saes.{layer.partition(MARK)[2]}.path", path)


def _of_dataset(dataset: str, config: dict) -> Iterator[Named]:
    entry = look_up("datasets", dataset, config=config)
    images, milan = entry["images"], entry["milan"]
    if images in FETCHED_DATA:
        yield from _of_source(FETCHED_DATA[images], config)
    elif images == GIVEN:
        if entry["exemplars"] in NETWORKS:
            yield from _of_source(f"annotations-{entry['exemplars'].replace('/', '-')}", config)
        else:
            yield Named(f"datasets.{dataset}.exemplars", entry["exemplars"], (FOLDER,))
    elif images not in (PLAYGROUND, GENERATED):
        is_file = images.lower().endswith((*ARCHIVES, *TABLES))
        yield Named(f"datasets.{dataset}.images", images, (FILE,) if is_file else (FOLDER,))
    for key in ("latents", "classes"):
        if key in entry.get("samples", {}):
            yield Named(f"datasets.{dataset}.samples.{key}", entry["samples"][key])
    if entry.get("annotations"):
        yield Named(f"datasets.{dataset}.annotations", entry["annotations"])
    if listed := class_file(dataset, config=config):
        yield Named(f"datasets.{dataset}.classes", listed)
    if milan.endswith(CAPTIONER_FILES):
        yield Named(f"datasets.{dataset}.milan", milan)
    elif config["milan"]["source"] == "download" and milan in PUBLISHED:
        yield from _of_source(f"milan-{milan}", config)
    elif milan != PLAYGROUND:
        if not trains_on_playground(milan, config=config):
            yield from _of_source(f"{caption_training(milan, config=config)['encoder']}-imagenet", config)
        for network in NETWORKS:
            if network in annotated_networks(milan, config=config):
                yield from _of_source(f"annotations-{network.replace('/', '-')}", config)


def _of_concepts(name: str, config: dict) -> Iterator[Named]:
    entry = look_up("concepts", name, config=config)
    source, key = entry["source"], f"concepts.{name}"
    if source in all_sources() and entry.get("format", "broden") == "broden":
        yield from _of_source(source, config)
    elif concept_folder(name, config=config) != f"resources/data/{source}":
        yield Named(f"{key}.source", source, (FOLDER,))
        for place in ("images", "masks", "labels", "image_list"):
            given = entry.get(place, [])
            for path in [given] if isinstance(given, str) else given:
                yield Named(f"{key}.{place}", str(Path(source, path)), EITHER)


def _of_source(source: str, config: dict) -> Iterator[Named]:
    if local := own_copy(source, config=config):
        is_folder = source.startswith(("broden", "places365_", "imagenet_val", "annotations-"))
        yield Named(f"downloads.local.{source}", local, EITHER if is_folder else (FILE,))


def _problem(named: Named) -> str:
    """Return the problem of a path, as the end of a sentence; an empty text if there is none."""
    try:
        mode = os.stat(named.path).st_mode
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        return "does not exist" if missing else f"cannot be accessed ({getattr(error, 'strerror', error)})"
    kind = FILE if stat.S_ISREG(mode) else FOLDER if stat.S_ISDIR(mode) else "pipe or device"
    if kind not in named.kinds:
        return f"is no {' or '.join(named.kinds)}"
    return "" if os.access(named.path, os.R_OK) else "may not be read"


def _is_to_be_made(path: str, is_made: Callable[[str], bool]) -> bool:
    """Return whether a rule makes a missing path, or a missing folder above it."""
    places = [path, *map(str, PurePath(path).parents)]
    return any(is_made(place) for place in places if not os.path.exists(place))
