"""Stage: bring the user's own labelled images into Broden's on-disk format."""

import os
import shutil
from pathlib import Path

import pandas as pd

from lib.data.broden_writer import write_broden
from lib.data.label_formats import open_labelled_images
from lib.data.tables import write_table


def convert_concepts(*, source, folder, format, places, mask_size, threads):
    """Write a concept data set in Broden's format; `skipped_images.csv` in it lists the images left out.

    Parameters
    ----------
    source : str
        Folder of the labelled images.
    folder : str
        Output folder.
    format, places : str, dict
        As `open_labelled_images` takes them.
    mask_size : int
        Height and width of the label maps.
    threads : int
        The result does not depend on it.
    """
    data = open_labelled_images(source, format=format, places=places)
    partial = Path(folder + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    skipped = write_broden(partial, data, mask_size=mask_size, threads=threads)
    table = pd.DataFrame(skipped, columns=["path", "reason"])
    write_table(table, partial / "skipped_images.csv", "skipped_images")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
