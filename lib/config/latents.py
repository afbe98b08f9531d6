"""Autoencoders and directions of the config, whose latents are units of a layer."""

import re
from pathlib import Path

from ..models.recording.layer_names import MARK, base_of
from .batches import activation_folders
from .entries import TWIN, layers_of, look_up
from .nearest import did_you_mean

# what is made of recorded activations
TRAINED = ("topk", "batchtopk", "frozen", "random")
BASELINES = ("random", "frozen")
VARIANT, N_SEEDS = "~", 3
_VARIANT = re.compile(rf"([^~]+)~({'|'.join(TRAINED)})~(\d)")
_TRAINING = ("latents", "active", "samples", "epochs", "batch_size", "learning_rate")


def sae_of(layer: str, *, config: dict) -> dict:
    """Return the entry of the autoencoder of a layer of latents, as `quality_layers` names them too.

    Raises
    ------
    ValueError
        If there is none; the message gives the nearest name.
    """
    name, known = layer.partition(MARK)[2], list(config["saes"])
    variant = _VARIANT.fullmatch(name)
    name = variant[1] if variant else name
    if name not in known:
        raise ValueError(
            f"{name!r} of the layer {layer} is not in the config section `saes`, which has {', '.join(known) or 'no entry'}."
            f"{did_you_mean(name, known)}"
        )
    entry = config["saes"][name]
    if not variant:
        return entry
    changes = {"kind": variant[2], "active": min(entry["active"], entry["latents"])}
    return entry | changes | {"seed": entry.get("seed", config["seed"]) + int(variant[3])}


def check_latents(config: dict) -> None:
    """Check the layers of latents and the entries of their autoencoders.

    Raises
    ------
    ValueError
        The message gives the config key.
    """
    for name, entry in config["saes"].items():
        key, trained = f"config key saes.{name}", entry["kind"] in TRAINED
        if trained and "concepts" not in entry:
            raise ValueError(
                f"{key}.concepts: kind {entry['kind']} is made of activations: name the concept set with its images."
            )
        if trained and entry["concepts"] not in config["concepts"]:
            look_up("concepts", entry["concepts"], config=config)
        if not trained and "path" not in entry:
            raise ValueError(f"{key}.path: kind file needs the path of a folder of SAELens, or of a .safetensors file.")
        if trained and entry["kind"] != "random" and entry["active"] > entry["latents"]:
            raise ValueError(
                f"{key}.active: {entry['active']} active latents must be at most latents, {entry['latents']}."
            )
    for model, entry in config["models"].items():
        for layer in entry.get("layers", []):
            if MARK not in layer:
                continue
            try:
                kind = sae_of(layer, config=config)["kind"]
            except ValueError as error:
                raise ValueError(f"config key models.{model}.layers: {error}") from None
            if kind in TRAINED and base_of(layer) not in entry["layers"]:
                raise ValueError(
                    f"config key models.{model}.layers: {layer} is made of the activations of {base_of(layer)}: add that layer."
                )


def latent_file(model: str, dataset: str, layer: str) -> str:
    """Return the file of the latents of a layer.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    layer : str
        `{layer}#{name}`.
    """
    return f"resources/saes/{model}/{dataset}/{layer}.safetensors"


def latent_files(model: str, dataset: str, *, layers: list[str] | None, config: dict) -> dict[str, str]:
    """Return the files of latents by layer.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    layers : list of str or None
        Layers, with or without latents; None for all of the model.
    config : dict
    """
    chosen = layers_of(model, dataset, config=config) if layers is None else layers
    return {layer: latent_file(model, dataset, layer) for layer in chosen if MARK in layer}


def given_file(layer: str, *, config: dict) -> list[str]:
    """Return the user's files of the latents of a layer; none if they are made here."""
    entry = sae_of(layer, config=config)
    if entry["kind"] in TRAINED:
        return []
    path = Path(entry["path"])
    return (
        [str(path)]
        if path.suffix == ".safetensors"
        else [str(path / name) for name in ("cfg.json", "sae_weights.safetensors")]
    )


def base_activations(model: str, dataset: str, layer: str, *, config: dict) -> list[str]:
    """Return the folders of the activations of which the latents of a layer are made; none if they are given.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    layer : str
        `{layer}#{name}`.
    config : dict
    """
    entry = sae_of(layer, config=config)
    if entry["kind"] not in TRAINED:
        return []
    return activation_folders(model, dataset, entry["concepts"], config=config, layer=base_of(layer))


def making_settings(layer: str, *, config: dict) -> dict:
    """Return the settings from which the latents of a layer are made."""
    entry = sae_of(layer, config=config)
    if entry["kind"] not in TRAINED:
        return {"kind": "file", "path": entry["path"]} | {
            key: entry.get(key) for key in ("activation", "keep", "tensors")
        }
    seed = {"kind": entry["kind"], "seed": entry.get("seed", config["seed"])}
    return seed | {key: entry[key] for key in (("latents",) if entry["kind"] == "random" else _TRAINING)}


def quality_layers(layer: str, *, config: dict) -> dict[str, dict]:
    """Return what the latents of a layer are compared with: the same training from other seeds, and baselines of their number.

    Parameters
    ----------
    layer : str
        `{layer}#{name}`.
    config : dict

    Returns
    -------
    dict of str to dict
        By layer, `{layer}#{name}~{kind}~{number}`, or `{layer}#{name}` for the latents themselves: sae, kind and seed. A given
        autoencoder has baselines if its entry names the concept set on whose images they are made.
    """
    name, entry = layer.partition(MARK)[2], sae_of(layer, config=config)
    kinds = [entry["kind"]]
    if entry["kind"] not in BASELINES and "concepts" in entry:
        kinds += BASELINES
    first, found = entry.get("seed", config["seed"]), {}
    for kind in kinds:
        for number in range(N_SEEDS if kind in TRAINED else 1):
            is_own = kind == entry["kind"] and not number
            own = layer if is_own else VARIANT.join([layer, kind, str(number)])
            seed = str(first + number) if kind in TRAINED else ""
            found[own] = {"sae": name, "kind": kind, "seed": seed}
    return found


def quality_entry(layer: str, *, config: dict) -> dict:
    """Return sae, kind and seed of a layer that `quality_layers` names, or of the units of a layer."""
    if MARK not in layer:
        return {"sae": "", "kind": "units", "seed": ""}
    return quality_layers(layer.split(VARIANT)[0], config=config)[layer]


def quality_parts(model: str, dataset: str, concepts: str, *, table: str, config: dict) -> list[str]:
    """Return the parts of a table of the quality of latents: of each layer its units and latents, and those of the twin.

    Parameters
    ----------
    model, dataset, concepts : str
        Names in the sections of the config.
    table : str
        sae_quality or sae_concepts.
    config : dict

    Raises
    ------
    ValueError
        If the model has no layers of latents.
    """
    layers = [layer for layer in layers_of(model, dataset, config=config) if MARK in layer]
    if not layers:
        raise ValueError(
            f"{table}.csv compares latents: name some in models.{model}.layers, as LAYER{MARK}NAME, see saes."
        )
    named = {}
    for base in dict.fromkeys(map(base_of, layers)):
        named[base] = None
        for layer in layers:
            named |= quality_layers(layer, config=config) if base_of(layer) == base else {}
    networks = dict.fromkeys([model, model.removesuffix(TWIN) + TWIN])
    return [
        f"results/{network}/{dataset}/{concepts}/parts/{table}/{layer}.csv" for network in networks for layer in named
    ]
