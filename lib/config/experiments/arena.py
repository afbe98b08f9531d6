"""Which labels are compared in the arena, and where they come from."""

from collections.abc import Iterable, Iterator

from ...data.formats.unit_labels import FORMULAS, PROGRAMS
from ..entries import TWIN, look_up
from ..nearest import did_you_mean
from ..predictors import CLIP, sentence_predictor

SENTENCE, CLIP_DISSECT = "sentence", "clip_dissect"
BUILT_IN = ("formula", SENTENCE, "dissection", CLIP_DISSECT, "invert", "linear", "wrong")


def check(config: dict) -> None:
    """Check the entries of `labels`.

    Raises
    ------
    ValueError
        If one has the name of a source of the workflow, names an unknown network, or columns are missing.
    """
    for name, entry in config["labels"].items():
        key = f"config key labels.{name}"
        if name in BUILT_IN:
            raise ValueError(
                f"{key}: the arena itself has labels of that name ({', '.join(BUILT_IN)}); choose another one."
            )
        model, dataset = entry["network"].split("/")
        try:
            look_up("models", model, config=config)
            look_up("datasets", dataset, config=config)
        except ValueError as error:
            raise ValueError(f"{key}.network: {error}") from None
        if ("file" in entry) == ("files" in entry):
            raise ValueError(f"{key} needs either `file` or `files` (a file for each layer).")
        if "files" in entry and "layer" in entry:
            raise ValueError(f"{key}.layer goes with `file`; the keys of `files` are layers.")
        columns = PROGRAMS.get(entry.get("program"), {}) | entry.get("columns", {})
        for kind in ("unit", "label", *(() if "layer" in entry or "files" in entry else ("layer",))):
            if kind not in columns:
                near = did_you_mean(entry.get("program", ""), PROGRAMS)
                raise ValueError(
                    f"{key}: name the column with the {kind} under columns.{kind}, or the program that wrote the file "
                    f"({', '.join(PROGRAMS)}).{near}"
                )


def imported(model: str, dataset: str, *, config: dict) -> list[str]:
    """Return the names of the entries of `labels` for a network.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`.
    config : dict
    """
    return [name for name, entry in config["labels"].items() if entry["network"] == f"{model}/{dataset}"]


def files_of(name: str, *, config: dict) -> list[str]:
    """Return the files of an entry of `labels`."""
    entry = look_up("labels", name, config=config)
    return list(entry["files"].values()) if "files" in entry else [entry["file"]]


def kind_of(name: str, *, config: dict) -> dict:
    """Return the name of an entry of `labels`, whether its labels are formulas, and whether these are of whole images."""
    entry = look_up("labels", name, config=config)
    formulas = entry.get("meaning", "formulas" if entry.get("program") in FORMULAS else "words") == "formulas"
    return {"name": name, "formulas": formulas, "by_image": entry.get("program") in FORMULAS}


def sources(model: str, dataset: str, *, config: dict) -> list[str]:
    """Return all sources of labels for a network, the first being what others are compared with.

    Parameters
    ----------
    model, dataset : str
        Names in the sections `models` and `datasets`. Networks with random weights have no sentences.
    config : dict
    """
    built_in = [name for name in config["arena"]["sources"] if name != SENTENCE or not model.endswith(TWIN)]
    return [*built_in, *imported(model, dataset, config=config)]


def compared_words(model: str, dataset: str, concepts: str, *, config: dict) -> list[str]:
    """Return the entries of `labels` for a network whose words CLIP compares with images.

    Parameters
    ----------
    model, dataset, concepts : str
        Names in the sections `models`, `datasets` and `concepts`.
    config : dict
    """
    if sentence_predictor(model, dataset, concepts, config=config) != CLIP:
        return []
    return [name for name in imported(model, dataset, config=config) if not kind_of(name, config=config)["formulas"]]


def is_asked(requested: Iterable[str]) -> bool:
    """Return whether the arena is among the requested results."""
    return any(
        path == "arena" or "arena" in path.rpartition("/")[2] or "/imported_labels/" in path for path in requested
    )


def needs_clip(config: dict) -> bool:
    """Return whether the arena needs CLIP."""
    return CLIP_DISSECT in config["arena"]["sources"] or config["evidence"]["predictor"] == CLIP


def own_files(requested: Iterable[str], *, config: dict) -> Iterator[tuple[str, str]]:
    """Yield config key and path of the files of labels and words that the requested results need."""
    requested = list(requested)
    if not is_asked(requested):
        return
    networks = {f"{target['model']}/{target['dataset']}" for target in config["targets"]}
    for name, entry in config["labels"].items():
        if entry["network"] in networks or any(path.startswith(f"results/{entry['network']}/") for path in requested):
            if "file" in entry:
                yield f"labels.{name}.file", entry["file"]
            for layer, path in entry.get("files", {}).items():
                yield f"labels.{name}.files.{layer}", path
    words = config["arena"]["clip_dissect"]["words"]
    if words and CLIP_DISSECT in config["arena"]["sources"]:
        yield "arena.clip_dissect.words", words
