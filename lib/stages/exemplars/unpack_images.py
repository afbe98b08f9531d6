"""Stage: unpack the user's archive of images."""

from ...data.downloads.archives import LARGEST_FOLDER, LARGEST_RATIO, unpack


def unpack_images(*, archive: str, folder: str) -> None:
    """Unpack a zip or tar archive of images.

    Parameters
    ----------
    archive : str
    folder : str
        Output folder.

    Raises
    ------
    ValueError
        If the archive is damaged or unsafe.
    """
    unpack(archive, folder, max_size=LARGEST_FOLDER, max_ratio=LARGEST_RATIO)
