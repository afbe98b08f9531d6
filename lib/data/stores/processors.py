"""Check that all parts of a result were computed on the same kind of processor."""

import logging
from collections.abc import Mapping

logger = logging.getLogger(__name__)


def warn_of_mixed_processors(processors: Mapping[str, str], *, what: str) -> None:
    """Warn if parts of a result were computed on different kinds of processors, as last digits may differ.

    Parameters
    ----------
    processors : mapping of str to str
        Processor of each part by path, as returned by `models.device.processor`; empty if unknown.
    what : str
        Name of the parts, for the message.
    """
    found: dict[str, str] = {}
    for path, name in processors.items():
        if name:
            found.setdefault(name, path)
    if len(found) > 1:
        logger.warning(
            "the %s were made on different processors (%s): another split into shards would change their last digits. "
            "Run all shards on one kind of processor, or force one instruction set (manual, On a cluster).",
            what,
            "; ".join(f"{path} on {name}" for name, path in found.items()),
        )
