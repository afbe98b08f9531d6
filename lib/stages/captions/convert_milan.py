"""Stage: turn a published captioning model into the native format, which contains only tensors and settings."""

from ...captioning.checkpoints.native import write_captioner
from ...captioning.checkpoints.published import read_published


def convert_milan(*, payload: str, milan: str) -> None:
    """Read a published payload, running no code from it, and write it as an equivalent safetensors file.

    Parameters
    ----------
    payload : str
        The published file.
    milan : str
        Output: the captioning model.

    Raises
    ------
    ValueError
        If the file is damaged or contains more than tensors and plain values.
    """
    write_captioner(milan, read_published(payload))
