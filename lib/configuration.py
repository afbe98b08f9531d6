"""Checks of the config that a JSON schema cannot make: names that must exist, and what follows from them."""

import difflib
from pathlib import Path

from lib.data.milan_groups import GROUPS
from lib.data.sources import all_sources, find_source

CAPTIONERS = ("playground", *GROUPS)
CAPTIONER_FILES = (".safetensors", ".pth")
FETCHED_DATA = {"places365": "places365_val", "imagenet": "imagenet_val"}
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PLANTED = "planted"
GENERATED = "generated"
# the same network with random weights; not a character of names in the config
TWIN = "~random"
# names that the workflow itself gives to what stands where the results of an entry would
RESERVED = {
    "models": (PLANTED, "comparison.csv", "benchmarks.csv", "sources.csv"),
    "concepts": (
        *("annotations.csv", "catalog", "description_metrics.csv", "descriptions.csv", "exemplars", "layers.csv"),
        *("n_best.csv", "parts", "provenance.json", "recovery.csv", "tallies", "units.csv"),
    ),
}


def look_up(section, name, *, config):
    """Return an entry of a section of the config.

    Parameters
    ----------
    section : str
        `models`, `datasets` or `concepts`.
    name : str
        The name of a model may end in `~random`, which stands for the same network with random weights.
    config : dict

    Raises
    ------
    ValueError
        If there is none of this name; the message gives what is allowed and the nearest name.
    """
    known = config[section]
    if section == "models":
        name = name.removesuffix(TWIN)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"{name!r} is not in the config section `{section}`, which has {', '.join(known)}.{hint} "
            f"Add it there to use it."
        )
    return known[name]


def image_folder(dataset, *, config):
    """Return the folder, or table of paths, of the images from which the exemplars of a data set come.

    Parameters
    ----------
    dataset : str
    config : dict

    Raises
    ------
    ValueError
        If they come from no files.
    """
    images = look_up("datasets", dataset, config=config)["images"]
    if images == GENERATED:
        raise ValueError(f"The images of datasets.{dataset} are generated: there is no folder of them to list.")
    if images == "playground" or images in FETCHED_DATA:
        return f"resources/data/{FETCHED_DATA.get(images, images)}"
    if images.lower().endswith(ARCHIVES):
        return f"resources/data/images/{dataset}"
    return images


def image_table(dataset, *, config):
    """Return the table of the images of a data set, or the file of the samples of a generator."""
    generated = look_up("datasets", dataset, config=config)["images"] == GENERATED
    return f"resources/images/{dataset}/{'samples.npz' if generated else 'images.csv'}"


def concept_folder(concepts, *, config):
    """Return the folder of a concept set in Broden's format."""
    entry = look_up("concepts", concepts, config=config)
    if entry.get("format", "broden") != "broden":
        return f"resources/data/concepts/{concepts}"
    source = entry["source"]
    return f"resources/data/{source}" if source in ("playground", "broden1_224", "broden1_227") else source


def milan_file(model, dataset, *, config):
    """Return the path of the captioning model for a model and data set.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Raises
    ------
    ValueError
        If the captioning model was trained on the model's own annotations.
    """
    check_captioner(model, dataset, config=config)
    milan = config["datasets"][dataset]["milan"]
    return milan if milan.endswith(CAPTIONER_FILES) else f"resources/milan/{milan}.safetensors"


def clip_tag(config):
    """Return the name of CLIP's published weights; None if the config gives a file of the user's own."""
    weights = config["milan"]["clip"]["weights"]
    return None if "/" in weights or Path(weights).suffix else weights


def clip_file(config):
    """Return the path of CLIP's weights; an empty list if the sentences are not chosen by CLIP.

    Parameters
    ----------
    config : dict

    Returns
    -------
    str or list

    Raises
    ------
    ValueError
        If nobody publishes these weights, or the file of the user's own does not exist.
    """
    clip = config["milan"]["clip"]
    if not asks_clip(config):
        return []
    if clip_tag(config):
        published = [name.removeprefix("clip-") for name in all_sources() if name.startswith("clip-")]
        if f"{clip['name']}-{clip['weights']}" not in published:
            raise ValueError(
                f"There are no weights {clip['weights']!r} of {clip['name']} to download, but {', '.join(published)}. "
                "Change the config key `milan.clip.weights` or `milan.clip.name`, or give the path of a checkpoint."
            )
        return f"resources/clip/{clip['name']}-{clip['weights']}"
    if not Path(clip["weights"]).expanduser().is_file():
        raise ValueError(
            f"There is no file {clip['weights']} with weights of {clip['name']}. Give one, or the name of published "
            "weights such as openai, under the config key `milan.clip.weights`."
        )
    return str(Path(clip["weights"]).expanduser())


def asks_clip(config):
    """Tell whether CLIP chooses among the sentences."""
    return config["milan"]["strategy"].endswith("+clip")


def check_names(config):
    """Check that every name in the config that stands for another entry has that entry, and none is taken already.

    Raises
    ------
    ValueError
        With the value, what is allowed and the nearest name.
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
            near = difflib.get_close_matches(milan, CAPTIONERS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{milan!r} is no captioning model; config key datasets.{dataset}.milan must be one of "
                f"{', '.join(CAPTIONERS)}, or the path of a file that ends in {' or '.join(CAPTIONER_FILES)}.{hint}"
            )
    for target in config["targets"]:
        for section in ("model", "dataset"):
            look_up(f"{section}s", target[section], config=config)
        for concepts in target["concepts"]:
            look_up("concepts", concepts, config=config)
        if target["concepts"] and config["datasets"][target["dataset"]]["images"] == GENERATED:
            raise ValueError(
                f"`targets` asks for formulas of {target['model']} on {target['dataset']}, whose images are generated and "
                "carry no labels: set concepts: []."
            )
        check_captioner(target["model"], target["dataset"], config=config)
    encoder = config["milan"]["training"]["encoder"]
    for name in (*config["milan"]["training"]["networks"], encoder):
        look_up("models", name, config=config)
    if own := sorted(config["models"][encoder].keys() - {"layers"}):
        raise ValueError(
            f"models.{encoder} has its own {', '.join(own)}, but milan.training.encoder needs the network as it is. Give "
            "yours another name, with the factory."
        )
    clip_file(config)


def check_ranges(config):
    """Check that units have a range to be explained in.

    Raises
    ------
    ValueError
        If the config asks for neither the range `top` nor several clusters.
    """
    quantile, clusters = config["ranges"]["quantile"], config["ranges"]["clusters"]
    if quantile is None and clusters < 2:
        raise ValueError(
            f"ranges.quantile is null and ranges.clusters is {clusters}, so that no range is left: give a quantile for "
            "the range `top`, or 2 clusters at least."
        )


def check_captioner(model, dataset, *, config):
    """Refuse to caption a network with a model that was trained on its own annotated units.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Raises
    ------
    ValueError
        If the network to label is among `milan.training.networks`.
    """
    networks = config["milan"]["training"]["networks"]
    if look_up("datasets", dataset, config=config)["milan"] == "playground" and model in networks:
        raise ValueError(
            f"{model} is labelled and also stands in milan.training.networks ({', '.join(networks)}), so its sentences "
            "would be copied from its own annotations. Take it out of milan.training.networks."
        )


def batch_name(layers):
    """Return the folder of layers that are recorded together: their names joined, cut to parts that are valid names.

    Parameters
    ----------
    layers : list of str
    """
    parts = [""]
    for layer in layers:
        if len(parts[-1]) + len(layer) > 200:
            parts.append("")
        parts[-1] += f"{layer}+"
    return "/".join(parts).rstrip("+")


def layers_of_batch(name):
    """Return the layers that are recorded together in the folder of this name."""
    return name.replace("/", "").split("+")


def recording_batches(root, layers, *, shards):
    """Return {layer: batch}: the folder below `root` in which a layer is recorded, or will be with all new ones.

    Parameters
    ----------
    root : str
        Folder of a network's activations on a concept set.
    layers : list of str
        Layers asked for.
    shards : list of str
        Names of the shards; folders that have none of them do not count.
    """
    recorded = {}
    for name in sorted(_batches(Path(root))):
        if any(Path(root, name, shard).is_dir() for shard in shards):
            for layer in layers_of_batch(name):
                recorded.setdefault(layer, name)
    new = batch_name([layer for layer in layers if layer not in recorded])
    return {layer: recorded.get(layer, new) for layer in layers}


def _batches(folder, above=""):
    for path in folder.iterdir() if folder.is_dir() else ():
        name = above + path.name
        if path.name.endswith("+"):
            yield from _batches(path, f"{name}/")
        else:
            yield name
