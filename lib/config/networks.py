"""Settings of a network in the config: weights, construction, input, layers."""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from ..data.downloads.sources import is_url
from ..models.build.kinds import PASSES, factory_kind, own_weights, split_function
from ..models.recording.layer_names import is_glob
from ..runtime.cache import recall, remember
from .entries import GENERATED, TWIN, look_up

OWN_WEIGHTS = "resources/weights/own"
# default ratio of the resized image to the center crop: 256 for 224
MARGIN = 8 / 7
# weights of networks trained here on drawn scenes
DRAWN = ("playground", "blurred")
RECIPE = ("factory", "arguments", "key_prefix", "renames", "sha256")


def weights_file(model: str, dataset: str, *, config: dict) -> str | list[str]:
    """Return the path of the weights of a model for a data set; an empty list if there is no such file.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Returns
    -------
    str or list

    Raises
    ------
    ValueError
        If the config has no such name, or if there are no such weights of the network.
    """
    entry, weights = _network_entry(model, dataset, config=config)
    kind = factory_kind(entry["factory"])
    if weights != "own" and kind in ("script", "export"):
        raise ValueError(
            f"{entry['factory']} has its own weights, but the config has `weights: {weights}`. Set "
            f"models.{model}.weights to own."
        )
    if weights == "own":
        return own_weights(entry["factory"])
    if weights == "none":
        return []
    if weights == "playground" and kind == "generator":
        return f"resources/weights/playground/generators/{model}.safetensors"
    if weights in (*DRAWN, "imagenet", "places365"):
        if kind != "torchvision":
            raise ValueError(
                f"There are no weights {weights!r} for {entry['factory']}, only for networks of torchvision. Set "
                f"models.{model}.weights to a path, a URL, own or none."
            )
        name = f"{model}.safetensors" if weights in DRAWN else f"{entry['factory']}.pth"
        return f"resources/weights/{weights}/{name}"
    if is_url(weights):
        if not entry.get("sha256"):
            raise ValueError(f"models.{model}.weights is a URL; give the sha256 of its file in models.{model}.sha256.")
        return (
            f"{OWN_WEIGHTS}/{model}/{re.sub(r'[^A-Za-z0-9_.-]', '_', Path(urlsplit(weights).path).name) or 'weights'}"
        )
    return weights


def network_settings(model: str, dataset: str, *, config: dict) -> dict:
    """Return the settings from which `open_network` builds a network.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Returns
    -------
    dict
        name, normalisation, seed, recipe.

    Raises
    ------
    ValueError
        If the config has no such name.
    """
    entry, weights = _network_entry(model, dataset, config=config)
    normalisation = entry.get("normalisation", config["datasets"][dataset]["normalisation"])
    return {
        "name": model.removesuffix(TWIN),
        "normalisation": "untrained" if model.endswith(TWIN) else normalisation,
        "seed": config["seed"],
        "recipe": {
            **{key: entry[key] for key in RECIPE if key in entry},
            "own_weights": weights == "own",
            "code": _digest(entry["factory"]),
        },
    }


def recording_options(model: str, dataset: str, *, config: dict) -> dict:
    """Return the settings in `PASSES` of a network that are not at their default.

    They belong to `open_network` where activations are recorded.

    Parameters are those of `network_settings`.
    """
    entry, _ = _network_entry(model, dataset, config=config)
    return {key: entry[key] for key, usual in PASSES.items() if entry.get(key, usual) != usual}


def training_settings(model: str, dataset: str, *, config: dict) -> dict:
    """Return the part of `network_settings` that is relevant to a network trained from scratch.

    Parameters are those of `network_settings`.
    """
    settings = network_settings(model, dataset, config=config)
    recipe = {key: settings["recipe"][key] for key in ("factory", "arguments") if key in settings["recipe"]}
    return {key: settings[key] for key in ("name", "normalisation", "seed")} | {"recipe": recipe}


def input_geometry(model: str, dataset: str, *, config: dict) -> dict | None:
    """Return the preprocessing of images for a model, as arguments of `Geometry`.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Returns
    -------
    dict or None
        resize, crop, and reduced_jpeg if it is set. The central part of the images as set for the data set, at the model's input
        size; all of the image if that is not square. None if the images are generated.
    """
    chosen = look_up("datasets", dataset, config=config)
    if chosen["images"] == GENERATED:
        return None
    size = look_up("models", model, config=config).get("input_size", chosen["input_size"])
    reduced = {"reduced_jpeg": True} if chosen.get("reduced_jpeg") else {}
    if isinstance(size, list):
        return {"resize": size, "crop": None, **reduced}
    resize = chosen.get("resize", round(chosen["input_size"] * MARGIN))
    return {"resize": round(resize * size / chosen["input_size"]), "crop": size, **reduced}


def input_size(model: str, dataset: str, *, config: dict) -> list[int] | None:
    """Return the height and width of the input of a model on a data set.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Raises
    ------
    ValueError
        If the images are generated and therefore have no labels.
    """
    if look_up("datasets", dataset, config=config)["images"] == GENERATED:
        raise ValueError(
            f"The images of datasets.{dataset} are generated and carry no labels: its units get exemplars and sentences, "
            "but no formulas."
        )
    geometry = input_geometry(model, dataset, config=config)
    return [geometry["crop"]] * 2 if geometry["crop"] else geometry["resize"]


def _network_entry(model: str, dataset: str, *, config: dict) -> tuple[dict, str]:
    """Return the entry of a model with its factory, and which weights it has on a data set."""
    entry = {"factory": model.removesuffix(TWIN), **look_up("models", model, config=config)}
    if model.endswith(TWIN):
        return entry, "none"
    return entry, entry.get("weights", look_up("datasets", dataset, config=config)["weights"])


def _digest(factory: str) -> str:
    """Return a digest of the Python or configuration file of a factory; archives are inputs of the rules."""
    kind = factory_kind(factory)
    if kind not in ("file", "biggan"):
        return ""
    path = Path(split_function(factory)[0] if kind == "file" else factory.removeprefix("biggan:"))
    if not path.is_file():
        raise ValueError(f"The file {path} does not exist; config key models.*.factory.")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def resolve_layers(config: dict, memory: str, *, own: Collection[str] = ()) -> None:
    """Replace globs of layers in the config by the layers that they match, and check layer names.

    Networks of packages are built to check their layers; a file of the user runs only if there are globs, or if its names
    are to be checked too. This takes seconds, so the result is cached.

    Parameters
    ----------
    config : dict
        The lists of layers in the section `models` are changed in place.
    memory : str
        Cache file of the layers.
    own : collection of str
        Networks whose files run to check the names. The check is skipped if such a file needs a package that only the jobs have.

    Raises
    ------
    ValueError
        If a network or layer is unknown; the message gives the nearest names.
    """
    cached = recall(memory)
    found = {}
    for name, entry in config["models"].items():
        try:
            found[name] = _layers_of_entry(
                name, entry, cached, own=name in own, trusted_sha256=config["checkpoints"]["trusted_sha256"]
            )
        except (ValueError, ModuleNotFoundError) as error:
            if name in own and isinstance(error.__cause__, ModuleNotFoundError):
                continue
            raise ValueError(f"config key models.{name}: {error}") from error
    for name, (digest, layers) in found.items():
        if digest:
            cached[digest] = layers
            config["models"][name]["layers"] = layers
    if cached != recall(memory):
        remember(memory, cached)


def _layers_of_entry(
    name: str, entry: dict, cached: dict, *, own: bool, trusted_sha256: list[str]
) -> tuple[str | None, list[str]]:
    """Return (digest, layers) of an entry of `models`; no digest if nothing has to be resolved."""
    factory, layers = entry.get("factory", name), entry.get("layers", [])
    kind = factory_kind(factory)
    if kind in ("file", "script", "export") and not (own and layers) and not any(map(is_glob, layers)):
        return None, layers
    facts = [factory, entry.get("arguments", {}), layers, _digest(factory), _state_of(factory, kind)]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    if digest not in cached:
        from ..models.build.factories import Recipe, known_layers
        from ..models.recording.layer_names import expand_layers

        known = known_layers(Recipe(factory, entry.get("arguments", {})), trusted_sha256=trusted_sha256)
        return digest, expand_layers(layers, known, model=name)
    return digest, cached[digest]


def _state_of(factory: str, kind: str) -> list[int]:
    """Return size and time of an archive or of the configuration in a Hugging Face folder, which change when it is replaced."""
    path = Path(factory.removeprefix("hf:"), "config.json") if kind == "hf" else Path(factory)
    return (
        [path.stat().st_size, path.stat().st_mtime_ns] if kind in ("hf", "script", "export") and path.is_file() else []
    )
