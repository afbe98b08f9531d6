"""Stage: list the images of a data set that can be read, and those that cannot."""

import pandas as pd

from ...data.images.lists import list_dataset_images
from ...data.images.photographs import check_image
from ...data.stores.tables import write_table
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def list_images(*, data: str, images: str, skipped: str, subset: str, column: str, threads: int) -> None:
    """Decode every image of a data set once, so that no unreadable one stops a later pass.

    Parameters
    ----------
    data : str
        Folder, Broden folder or table of paths, as for `list_dataset_images`.
    images : str
        Output table: paths of the readable images. An image's id is the number of its row, from 0.
    skipped : str
        Output table: path of each unreadable image, and the reason.
    subset : str
        Only images whose path contains this text; empty for all.
    column : str
        Column of the paths, if `data` is a table.
    threads : int
        It does not change results.

    Raises
    ------
    FileNotFoundError
        If the data set does not exist.
    ValueError
        If no image can be read.
    """
    paths = list_dataset_images(data, subset=subset, column=column)
    reasons = map_in_order(_reason, paths, threads=threads)
    reasons = list(Progress(reasons, total=len(paths), unit="image"))
    table = pd.DataFrame({"path": [path.encode(errors="backslashreplace").decode() for path in paths]})
    table["reason"] = reasons
    readable = table["reason"] == ""
    write_table(table[~readable], skipped, "skipped_images")
    if not readable.any():
        raise ValueError(f"None of the {len(paths)} images of {data} can be read. The first one: {reasons[0]}")
    write_table(table.loc[readable, ["path"]], images, "images")


def _reason(path: str) -> str:
    """Return the reason why an image cannot be read; an empty text if it can."""
    try:
        path.encode()
        check_image(path)
    except UnicodeEncodeError:
        return "Its name is not valid UTF-8."
    except (OSError, ValueError) as error:
        return str(error)
    return ""
