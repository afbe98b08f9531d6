"""Which processors made the parts of a result, whose last digits may differ between them."""

import logging
from collections.abc import Mapping

logger = logging.getLogger(__name__)


def warn_of_mixed_processors(processors: Mapping[str, str], *, what: str) -> None:
    """Warn if parts of a result were made on processors of different kinds.

    Parameters
    ----------
    processors : mapping of str to str
        What made each part, by its path, as `models.device.processor` names it; empty if nobody knows.
    what : str
        What the parts are, for the message.
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
