"""What the config says of a network: its weights, how it is built, its input, its layers."""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from ..models.build.kinds import factory_kind, own_weights, split_function
from ..models.recording.layer_names import is_glob
from ..runtime.cache import recall, remember
from .entries import GENERATED, TWIN, look_up

OWN_WEIGHTS = "resources/weights/own"
# what images are scaled to in relation to the input cut out of them, where the config does not say: 256 for 224
MARGIN = 8 / 7
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
            f"{entry['factory']} brings its own weights, but the config asks for `weights: {weights}`. Set "
            f"models.{model}.weights to own."
        )
    if weights == "own":
        return own_weights(entry["factory"])
    if weights == "none":
        return []
    if weights == "playground" and kind == "generator":
        return f"resources/weights/playground/generators/{model}.safetensors"
    if weights in ("playground", "imagenet", "places365"):
        if kind != "torchvision":
            raise ValueError(
                f"There are no weights {weights!r} for {entry['factory']}, only for networks of torchvision. Set "
                f"models.{model}.weights to a path, a URL, own or none."
            )
        name = f"{model}.safetensors" if weights == "playground" else f"{entry['factory']}.pth"
        return f"resources/weights/{weights}/{name}"
    if is_url(weights):
        if not entry.get("sha256"):
            raise ValueError(f"models.{model}.weights is a URL; give the sha256 of its file in models.{model}.sha256.")
        return (
            f"{OWN_WEIGHTS}/{model}/{re.sub(r'[^A-Za-z0-9_.-]', '_', Path(urlsplit(weights).path).name) or 'weights'}"
        )
    return weights


def is_url(text: str) -> bool:
    """Tell whether a text is a web address rather than a path."""
    return urlsplit(text).scheme.lower() in ("http", "https")


def network_settings(model: str, dataset: str, *, config: dict) -> dict:
    """Return what decides how a network is built, as `open_network` takes it.

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


def training_settings(model: str, dataset: str, *, config: dict) -> dict:
    """Return what of `network_settings` matters to a network that is trained from the start.

    Parameters are those of `network_settings`.
    """
    settings = network_settings(model, dataset, config=config)
    recipe = {key: settings["recipe"][key] for key in ("factory", "arguments") if key in settings["recipe"]}
    return {key: settings[key] for key in ("name", "normalisation", "seed")} | {"recipe": recipe}


def input_geometry(model: str, dataset: str, *, config: dict) -> dict | None:
    """Return how the images of a data set are brought to the input of a model, as `Geometry` takes it.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Returns
    -------
    dict or None
        resize, crop. The central part of the images that the data set says, at the model's input size; all of the image
        if that is not square. None if the images are generated.
    """
    chosen = look_up("datasets", dataset, config=config)
    if chosen["images"] == GENERATED:
        return None
    size = look_up("models", model, config=config).get("input_size", chosen["input_size"])
    if isinstance(size, list):
        return {"resize": size, "crop": None}
    resize = chosen.get("resize", round(chosen["input_size"] * MARGIN))
    return {"resize": round(resize * size / chosen["input_size"]), "crop": size}


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
        If the images are generated, so that there is none with labels to put in.
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
    """Return a digest of the user's file behind a factory; archives are inputs of the rules themselves."""
    kind = factory_kind(factory)
    if kind not in ("file", "biggan"):
        return ""
    path = Path(split_function(factory)[0] if kind == "file" else factory.removeprefix("biggan:"))
    if not path.is_file():
        raise ValueError(f"The file {path} does not exist; config key models.*.factory.")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def resolve_layers(config: dict, memory: str, *, own: Collection[str] = ()) -> None:
    """Put the layers that they stand for in place of globs in the config, and check names that are not the user's own.

    Networks of packages are built to learn whether they have the layers; a file of the user's runs only if there are globs,
    or if its names are to be checked too. That takes seconds, so the outcome is remembered.

    Parameters
    ----------
    config : dict
        The lists of layers in the section `models` are changed in place.
    memory : str
        File that remembers the layers.
    own : collection of str
        Networks whose files run to check the names. If such a file needs a package that only the jobs have, it passes.

    Raises
    ------
    ValueError
        If a network or layer is unknown; the message gives the nearest names.
    """
    seen = recall(memory)
    found = {}
    for name, entry in config["models"].items():
        try:
            found[name] = _layers_of_entry(
                name, entry, seen, own=name in own, trusted_sha256=config["checkpoints"]["trusted_sha256"]
            )
        except (ValueError, ModuleNotFoundError) as error:
            if name in own and isinstance(error.__cause__, ModuleNotFoundError):
                continue
            raise ValueError(f"config key models.{name}: {error}") from error
    for name, (digest, layers) in found.items():
        if digest:
            seen[digest] = layers
            config["models"][name]["layers"] = layers
    if seen != recall(memory):
        remember(memory, seen)


def _layers_of_entry(
    name: str, entry: dict, seen: dict, *, own: bool, trusted_sha256: list[str]
) -> tuple[str | None, list[str]]:
    """Return (digest, layers) of an entry of `models`; no digest if nothing has to be looked up."""
    factory, layers = entry.get("factory", name), entry.get("layers", [])
    kind = factory_kind(factory)
    if kind in ("file", "script", "export") and not (own and layers) and not any(map(is_glob, layers)):
        return None, layers
    facts = [factory, entry.get("arguments", {}), layers, _digest(factory), _state_of(factory, kind)]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    if digest not in seen:
        from ..models.build.factories import Recipe, known_layers
        from ..models.recording.layer_names import expand_layers

        known = known_layers(Recipe(factory, entry.get("arguments", {})), trusted_sha256=trusted_sha256)
        return digest, expand_layers(layers, known, model=name)
    return digest, seen[digest]


def _state_of(factory: str, kind: str) -> list[int]:
    """Return what changes when an archive is replaced, or the configuration in a Hugging Face folder."""
    path = Path(factory.removeprefix("hf:"), "config.json") if kind == "hf" else Path(factory)
    return (
        [path.stat().st_size, path.stat().st_mtime_ns] if kind in ("hf", "script", "export") and path.is_file() else []
    )
