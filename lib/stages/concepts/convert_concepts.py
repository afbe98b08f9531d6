"""Stage: convert the user's labelled images to Broden's on-disk format."""

import pandas as pd

from ...data.formats.broden_writer import write_broden
from ...data.formats.label_formats import open_labelled_images
from ...data.stores.tables import write_table
from ...runtime.atomic import new_folder


def convert_concepts(
    *, source: str, folder: str, format: str, places: dict, choice: dict, mask_size: int, threads: int
) -> None:
    """Write a concept data set in Broden's format; `skipped_images.csv` in it lists the images left out.

    Parameters
    ----------
    source : str
        Folder of the labelled images.
    folder : str
        Output folder.
    format, places : str, dict
        Arguments of `open_labelled_images`.
    choice : dict
        Further arguments: mask_suffix, ignore, subset, image_list; those left out have their defaults.
    mask_size : int
        Height and width of the label maps.
    threads : int
        It does not change results.
    """
    data = open_labelled_images(source, format=format, places=places, **choice)
    with new_folder(folder) as draft:
        skipped = write_broden(draft, data, mask_size=mask_size, threads=threads)
        table = pd.DataFrame(skipped, columns=["path", "reason"])
        write_table(table, draft / "skipped_images.csv", "skipped_images")
