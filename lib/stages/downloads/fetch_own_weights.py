"""Stage: download weights given as a URL in the config."""

from ...data.downloads.download import download
from ...data.downloads.obtain import RETRIES, TIMEOUT


def fetch_own_weights(*, url: str, sha256: str, target: str, config_key: str) -> None:
    """Download a checkpoint and verify it.

    Parameters
    ----------
    url : str
    sha256 : str
        Digest of the file.
    target : str
        Path of the file to create.
    config_key : str
        Config key of the URL, for error messages.

    Raises
    ------
    OSError
        If the download fails or the file has another digest.
    """
    download(
        url,
        target,
        mirrors=[],
        sha256=sha256,
        md5="",
        size=None,
        retries=RETRIES,
        timeout=TIMEOUT,
        config_key=config_key,
    )
