"""Stage: download the weights that the user's config gives as a URL."""

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
        Path of the file to make.
    config_key : str
        The setting that the URL comes from, for error messages.

    Raises
    ------
    OSError
        If the download fails or the file is another one.
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
