"""Stage: turn the label maps of a concept data set into atoms, the sparse segmentation cache."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ...data.formats.broden import BrodenDataset, open_broden
from ...data.formats.choice import choose_concepts
from ...data.stores.concepts import write_atoms
from ...kernels.search.atoms import AtomCollector, image_atoms
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress

IMAGES_PER_TASK = 64
CHOICE = ("include", "exclude", "ignore")


def build_concepts(*, data: str, concept_set: str, concepts: dict, threads: int) -> None:
    """Read every label map once and write the atoms of the data set.

    Parameters
    ----------
    data : str
        Folder of the concept data set, in Broden's format.
    concept_set : str
        Output: the Zarr store.
    concepts : dict
        subset, categories: arguments of `open_broden`; include, exclude, ignore: of `choose_concepts`, if given.
    threads : int
        It does not change results.

    Raises
    ------
    FileNotFoundError
        If a label map is missing.
    ValueError
        If a label map is damaged or does not fit, or a concept to choose is unknown.
    """
    opened = open_broden(data, subset=concepts["subset"], categories=concepts["categories"])
    dataset = choose_concepts(opened, **{key: concepts[key] for key in CHOICE if key in concepts})
    collector = AtomCollector()

    def pixel_blocks() -> Iterator[np.ndarray]:
        starts = range(0, len(dataset.images), IMAGES_PER_TASK)
        blocks = map_in_order(partial(_group_images, dataset), starts, threads=threads)
        for block in Progress(blocks, total=len(starts), unit="block"):
            for _, sizes, sets in block:
                collector.add(sizes, sets)
            yield np.stack([pixels for pixels, _, _ in block])

    write_atoms(
        concept_set,
        collector.tables,
        pixel_blocks=pixel_blocks(),
        shape=(len(dataset.images), *dataset.mask_shape),
        concepts=dataset.concepts,
    )


def _group_images(dataset: BrodenDataset, first: int) -> list[tuple]:
    groups = []
    for image in range(first, min(first + IMAGES_PER_TASK, len(dataset.images))):
        maps, whole = [], []
        for _, labels in dataset.annotations(image):
            if np.ndim(labels):
                maps.append(dataset.concept_of[labels])
            else:
                whole.append(int(dataset.concept_of[labels]))
        groups.append(image_atoms(maps, [c for c in whole if c >= 0], shape=dataset.mask_shape))
    return groups
