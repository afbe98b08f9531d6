"""Why the file of a model is not read, whatever its format."""


class Unreadable(ValueError):
    """A file cannot be read; the text goes on where the name of the file ends."""


class HoldsCode(Unreadable):
    """A file holds something that only code could make; the text names it."""


def damaged(detail: str) -> Unreadable:
    """Return the error of a file that is not as it was written."""
    return Unreadable(f"is truncated or otherwise damaged ({detail}); get it again")


def excessive(detail: str) -> Unreadable:
    """Return the error of a file that is beyond what weights need."""
    return Unreadable(f"holds {detail}, which no weights need; save them as safetensors")
