"""Errors of model files that are refused."""


class Unreadable(ValueError):
    """A file cannot be read; the message continues after the name of the file."""


class HoldsCode(Unreadable):
    """A file contains something that needs code to load; the message names it."""


def damaged(detail: str) -> Unreadable:
    """Return the error of a damaged file."""
    return Unreadable(f"is truncated or otherwise damaged ({detail}); download it again")


def excessive(detail: str) -> Unreadable:
    """Return the error of a file that exceeds the needs of weights."""
    return Unreadable(f"holds {detail}, which no weights need; save them as safetensors")
