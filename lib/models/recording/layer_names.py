"""Resolve the layer names of a config: exact names, and globs such as `layer*`."""

import difflib
import re
from collections.abc import Sequence

from ..build.kinds import LISTING
from .hook_names import locate

EXACT = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)
# between a layer and the autoencoder whose latents are its units
MARK = "#"
_SIGNS = {"**": ".*", "*": "[^.]*", "?": "[^.]"}


def base_of(layer: str) -> str:
    """Return the module path of a layer, which is all of its name unless its units are latents."""
    return layer.partition(MARK)[0]


def is_glob(pattern: str) -> bool:
    """Return whether a layer name is a glob."""
    return not EXACT.fullmatch(base_of(pattern))


def expand_layers(patterns: list[str], known: list[str], *, model: str) -> list[str]:
    """Replace globs by the layers that they match.

    Parameters
    ----------
    patterns : list of str
        Names of layers or hook points, or globs: `*` and `?` match characters other than the dot, `**` any, `[12]` one of a
        set. What follows a `#` is the name of an autoencoder, which each layer keeps.
    known : list of str
        All layers of the network, in order.
    model : str
        Name of the network, for messages.

    Returns
    -------
    list of str
        Each layer once, in the order of the patterns.

    Raises
    ------
    ValueError
        If a pattern matches no layer; the message gives the nearest names and how to list all. If a glob matches
        layers whose names are not valid file names.
    """
    found = []
    for whole in patterns:
        pattern, mark, latents = whole.partition(MARK)
        if pattern in known or locate(pattern, known):
            found.append(whole)
            continue
        matching = re.compile(_as_regex(pattern))
        layers = [name for name in known if matching.fullmatch(name)]
        if not layers:
            raise ValueError(
                f"The network {model} has no layer {pattern!r}. {nearest(pattern, known)} {LISTING} (leave out "
                f"models.{model}.layers meanwhile)."
            )
        if unusable := [name for name in layers if not EXACT.fullmatch(name)]:
            raise ValueError(
                f"The layers {', '.join(map(repr, unusable))} of the network {model}, which {pattern!r} also matches, have "
                "names that cannot be those of files (only letters, digits, _, - and dots can). Give the other layers by "
                "narrower globs or by their names."
            )
        found += [name + mark + latents for name in layers]
    return list(dict.fromkeys(found))


def nearest(name: str, known: Sequence[str]) -> str:
    """Return a sentence with the known names most similar to an unknown one."""
    near = difflib.get_close_matches(name, known, n=6, cutoff=0.4) or list(known[:6])
    return f"The nearest names are {', '.join(near)}."


def _as_regex(pattern: str) -> str:
    parts = re.split(r"(\*\*|\*|\?|\[!?\w[\w-]*\])", pattern)
    return "".join(
        _SIGNS.get(part, part.replace("[!", "[^") if part.startswith("[") else re.escape(part)) for part in parts
    )
