"""Stage: export a captioning model in the format of the published program."""

from ...captioning.checkpoints.native import read_captioner
from ...captioning.checkpoints.published_writer import write_published


def export_milan(*, milan: str, payload: str) -> None:
    """Write a captioning model in the structure of the published payloads.

    Parameters
    ----------
    milan : str
        The model.
    payload : str
        Output: the payload, which the published program and `read_captioner` read.
    """
    write_published(payload, read_captioner(milan))
