"""Stage: generate annotations of each unit's exemplars from the playground's pixel labels."""

import os
from functools import cache

import numpy as np

from ...data.formats.annotations import write_annotations
from ...data.formats.broden import open_broden
from ...data.formats.exemplars import read_exemplars, read_layers
from ...data.stores.tables import read_table
from ...playground.captions import describe_exemplars, measure_base_rates
from ...runtime.progress import Progress

CATEGORIES = ["color", "object", "part", "material", "scene", "texture"]


def annotate_exemplars(*, data: str, images: str, exemplars: str, annotations: str, seed: int) -> None:
    """Write several captions of every unit that has exemplars.

    Parameters
    ----------
    data : str
        Folder of the playground, from whose images the exemplars were taken.
    images : str
        Table of the images to which the exemplars' ids refer.
    exemplars : str
        Exemplar folder, one folder per layer.
    annotations : str
        Output table.
    seed : int
        Seed of the wording.
    """
    dataset = open_broden(data, subset="", categories=CATEGORIES)
    rows_of = {path: row for row, path in enumerate(dataset.images)}
    listed = [rows_of[os.path.abspath(path)] for path in read_table(images, "images")["path"]]

    @cache
    def labels(image: int) -> list[tuple[str, np.ndarray | int]]:
        found = dataset.annotations(listed[image])
        return [(category, item.astype(np.uint16) if np.ndim(item) else item) for category, item in found]

    base_rates = measure_base_rates(labels, len(listed))
    names = dict(zip(dataset.concepts["number"], dataset.concepts["name"]))
    rows = []
    for layer in read_layers(exemplars):
        stored = read_exemplars(exemplars, layer)
        for position, unit in enumerate(Progress(stored.units.tolist(), desc=layer, unit="unit")):
            captions = describe_exemplars(
                masks=stored.masks[position],
                image_ids=stored.ids[position].tolist(),
                annotations=labels,
                names=names,
                base_rates=base_rates,
                layer=layer,
                unit=unit,
                seed=seed,
            )
            rows.extend((layer, unit, caption) for caption in captions)
    write_annotations(annotations, rows)
