"""Stage: write what people would say of each unit's exemplars, known from the playground's pixel truth."""

from functools import cache

import numpy as np

from lib.data.annotations import write_annotations
from lib.data.broden import open_broden
from lib.data.exemplars import read_exemplars, read_layers
from lib.data.playground_captions import describe_exemplars, measure_base_rates
from lib.progress import Progress

CATEGORIES = ["color", "object", "part", "material", "scene", "texture"]


def annotate_exemplars(*, data, exemplars, annotations, subset, seed):
    """Write several captions of every unit that has exemplars.

    Parameters
    ----------
    data : str
        Folder of the playground, from whose images the exemplars were taken.
    exemplars : str
        Exemplar folder, one folder per layer.
    annotations : str
        Output table.
    subset : str
        The exemplars are images whose path contains this text.
    seed : int
        Seed of the wording.
    """
    dataset = open_broden(data, subset=subset, categories=CATEGORIES)

    @cache
    def labels(image):
        found = dataset.annotations(image)
        return [(category, item.astype(np.uint16) if np.ndim(item) else item) for category, item in found]

    base_rates = measure_base_rates(labels, len(dataset.images))
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
