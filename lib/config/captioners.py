"""Captioning models in the config: what they are trained on, and where annotations and given exemplars come from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..data.milannotations.groups import GROUPS, NETWORKS
from ..runtime.checksums import was_written_here
from .entries import look_up

CAPTIONERS = ("playground", *GROUPS)
CAPTIONER_FILES = (".safetensors", ".pth")
PLAYGROUND = "playground"
# what `datasets.*.images` is if the exemplars themselves are given
GIVEN = "given"
# keys of an entry of `captioners` that are not settings of a training run
_OWN_KEYS = ("networks", "encoder_weights")
# sentences per unit that decoding keeps: the published number, and fewer for the playground's small model
PUBLISHED_BEAM = 50
BEAMS = {"playground": 20}


def captioner_names(config: dict) -> tuple[str, ...]:
    """Return the names of all captioning models that are not files."""
    return (*CAPTIONERS, *config.get("captioners", {}))


def milan_file(model: str, dataset: str, *, config: dict) -> str:
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
    check_not_its_own(model, dataset, config=config)
    milan = config["datasets"][dataset]["milan"]
    return milan if milan.endswith(CAPTIONER_FILES) else f"resources/milan/{milan}.safetensors"


def check_not_its_own(model: str, dataset: str, *, config: dict) -> None:
    """Check that a network is not captioned by a model trained on its own annotated units.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`; the model of given exemplars may have any name.
    config : dict

    Raises
    ------
    ValueError
        If the network to label is among those that the captioning model is trained on.
    """
    milan = look_up("datasets", dataset, config=config)["milan"]
    if milan == PLAYGROUND:
        networks = config["milan"]["training"]["networks"]
        if model in networks:
            raise ValueError(
                f"{model} is labelled and also listed in milan.training.networks ({', '.join(networks)}), so its sentences "
                "would be copied from its own annotations. Take it out of milan.training.networks."
            )
    elif milan in captioner_names(config):
        own = published_network(dataset, config=config) or f"{model}/{dataset}"
        is_own = own in annotated_networks(milan, config=config)
        if is_own and (own not in NETWORKS or published_network(dataset, config=config)):
            hint = f", such as not-{own.replace('/', '-')}" if own in GROUPS["base"] else ""
            raise ValueError(
                f"datasets.{dataset}.milan is {milan}, which is trained on the annotations of {own}, so the sentences of "
                f"its units would be copied from them. Choose a captioning model of other networks{hint}."
            )


def caption_training(milan: str, *, config: dict) -> dict:
    """Return the training settings of a captioning model, with its seed and whether it has a language model."""
    training = config["milan"]["training"] | {"seed": config["seed"], "language_model": True}
    if milan == PLAYGROUND:
        return training
    entry = config.get("captioners", {}).get(milan)
    if entry is None:
        return training | config["milan"]["milannotations"]
    base = training if trains_on_playground(milan, config=config) else training | config["milan"]["milannotations"]
    return base | {key: value for key, value in entry.items() if key not in _OWN_KEYS}


def trains_on_playground(milan: str, *, config: dict) -> bool:
    """Return whether the encoder of a captioning model is a network of the playground; else it is one of ImageNet."""
    entry = config.get("captioners", {}).get(milan)
    if entry is None:
        return milan == PLAYGROUND
    if "encoder_weights" in entry:
        return entry["encoder_weights"] == PLAYGROUND
    return draws_all(entry["networks"], config=config)


def annotated_networks(milan: str, *, config: dict) -> Sequence[str]:
    """Return the networks on whose annotated units a captioning model is trained, in order.

    They are `model/data set`: of MILANNOTATIONS, else of the config. Those of `playground` are models alone.
    """
    if milan == PLAYGROUND:
        return config["milan"]["training"]["networks"]
    entry = config.get("captioners", {}).get(milan)
    return GROUPS[milan] if entry is None else entry["networks"]


def training_files(network: str, *, config: dict) -> tuple[str, str]:
    """Return the folder of exemplars and the annotations of an annotated network.

    Parameters
    ----------
    network : str
        A network of MILANNOTATIONS, or `model/data set` of the config.
    config : dict

    Raises
    ------
    ValueError
        If it is neither, or has no annotations.
    """
    if network in NETWORKS:
        root = f"resources/milannotations/{network}"
        return f"{root}/exemplars", f"{root}/annotations.csv"
    model, dataset = network.split("/")
    return f"results/{network}/exemplars", annotations_file(model, dataset, config=config)


def is_given(dataset: str, *, config: dict) -> bool:
    """Return whether the exemplars of a data set are given, in place of images."""
    return look_up("datasets", dataset, config=config)["images"] == GIVEN


def published_network(dataset: str, *, config: dict) -> str | None:
    """Return the network of MILANNOTATIONS whose exemplars a data set takes; None if it takes none."""
    exemplars = look_up("datasets", dataset, config=config).get("exemplars")
    return exemplars if exemplars in NETWORKS else None


def given_exemplars(dataset: str, *, config: dict) -> str:
    """Return the folder of the exemplars that a data set is given.

    Raises
    ------
    ValueError
        If its exemplars are computed.
    """
    if not is_given(dataset, config=config):
        raise ValueError(f"datasets.{dataset} has images, from which its exemplars are computed.")
    network = published_network(dataset, config=config)
    return f"resources/milannotations/{network}/exemplars" if network else config["datasets"][dataset]["exemplars"]


def peoples_annotations(model: str, dataset: str, *, config: dict) -> str | None:
    """Return the table of people's annotations of a network's units; None if there is none.

    That is `datasets.*.annotations`; else what was published with the exemplars; else, unless the images are the playground's,
    the cleaned answers of crowd workers, or what lies beside the layers of the exemplars or was put beside the results.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    entry = look_up("datasets", dataset, config=config)
    if entry.get("annotations"):
        return entry["annotations"]
    if network := published_network(dataset, config=config):
        return f"resources/milannotations/{network}/annotations.csv"
    if entry["images"] == PLAYGROUND:
        return None
    if f"{model}/{dataset}" in config["crowd"]["results"]:
        return crowd_annotations(model, dataset)
    beside = f"results/{model}/{dataset}/annotations.csv"
    # what the workflow wrote when the images were the playground's is none of people's
    places = [] if was_written_here(beside) else [beside]
    if is_given(dataset, config=config):
        places.insert(0, str(Path(entry["exemplars"], "annotations.csv")))
    return next((place for place in places if Path(place).is_file()), None)


def crowd_annotations(model: str, dataset: str) -> str:
    """Return the table of the cleaned answers of crowd workers on a network."""
    return f"results/{model}/{dataset}/crowd/annotations.csv"


def annotations_file(model: str, dataset: str, *, config: dict) -> str:
    """Return the table of annotations of a network's units: people's, or generated ones of the playground.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict

    Raises
    ------
    ValueError
        If there is none.
    """
    if table := peoples_annotations(model, dataset, config=config):
        return table
    if look_up("datasets", dataset, config=config)["images"] == PLAYGROUND:
        return f"results/{model}/{dataset}/annotations.csv"
    raise ValueError(
        f"{model}/{dataset} has no annotations: give a CSV table with the columns layer, unit, annotation under the config key "
        f"datasets.{dataset}.annotations, put one at results/{model}/{dataset}/annotations.csv, or name the answers of crowd "
        "workers under crowd.results."
    )


def draws_all(networks: Iterable[str], *, config: dict) -> bool:
    """Return whether the exemplars of all these annotated networks are scenes of the playground."""
    return all(
        network not in NETWORKS and config["datasets"].get(network.split("/")[-1], {}).get("images") == PLAYGROUND
        for network in networks
    )


def beam_width(dataset: str, *, config: dict) -> int:
    """Return how many sentences per unit decoding keeps: the published 50, and 20 for the playground's small model.

    Parameters
    ----------
    dataset : str
        Name in the section `datasets`.
    config : dict
    """
    return config["milan"]["beam"] or BEAMS.get(look_up("datasets", dataset, config=config)["milan"], PUBLISHED_BEAM)
