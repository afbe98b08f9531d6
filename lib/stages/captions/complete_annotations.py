"""Stage: check the published annotations of a network and add the missing images."""

import os
from pathlib import Path

import numpy as np

from ...data.formats.annotations import read_annotations, write_annotations
from ...data.formats.exemplars import read_exemplars
from ...data.images.photographs import load_batch
from ...data.milannotations.pictures import (
    geometry_of,
    list_source_images,
    open_pictures,
    read_ids,
    read_units,
    write_images,
)
from ...data.milannotations.units import check_annotated
from ...runtime.atomic import new_folder
from ...runtime.checksums import seal_folder
from ...runtime.progress import Progress

FILES = ("images.npy", "masks.npy", "units.npy", "ids.csv", "activations.csv")
IMAGES_PER_BLOCK = 64


def complete_annotations(
    *,
    data: str,
    images: str | list,
    class_list: str | list,
    network: str,
    exemplars: str,
    annotations: str,
    threads: int,
) -> None:
    """Write an annotated network in the layout of exemplar results: a folder of exemplars and a table of annotations.

    Files of the zip are linked, not copied.

    Parameters
    ----------
    data : str
        The unpacked zip: `annotations.csv`, and per layer `masks.npy`, `ids.csv` and perhaps `images.npy`, `units.npy`
        and `activations.csv`.
    images : str or list
        Folder of the validation images that the exemplars come from; an empty list if it is not needed.
    class_list : str or list
        As for `list_source_images`; an empty list for none.
    network : str
        Its name, such as `alexnet/imagenet`.
    exemplars : str
        Output folder; activations that are not published are NaN.
    annotations : str
        Output table `annotations`.
    threads : int
        It does not change results.

    Raises
    ------
    FileNotFoundError
        If a file of the zip is missing, or images are needed and not given.
    LookupError
        If annotated layers or units have no exemplars.
    ValueError
        If a file is damaged, or an id is not that of an image.
    """
    root = _find_root(Path(data), network)
    texts = read_annotations(str(root / "annotations.csv"))
    layers = sorted(path.parent for path in root.glob("*/masks.npy"))
    shapes = {layer: open_pictures(layer / "masks.npy", n_channels=1).shape for layer in layers}
    units = {layer.name: read_units(layer / "units.npy", shapes[layer][0]) for layer in layers}
    check_annotated(texts, units, table=str(root / "annotations.csv"))

    bare = [layer for layer in layers if not (layer / "images.npy").is_file()]
    paths = _list_images(images, network, class_list) if bare else None
    for layer in layers:
        if layer not in bare:
            open_pictures(layer / "images.npy", n_channels=3)
    ids = {
        layer: read_ids(layer / "ids.csv", shapes[layer][:2], n_images=len(paths) if paths else None)
        for layer in layers
    }

    target = Path(exemplars).parent.resolve() / Path(exemplars).name
    with new_folder(exemplars) as draft:
        for layer in layers:
            own = draft / layer.name
            own.mkdir(parents=True)
            for name in filter(lambda name: (layer / name).is_file(), FILES):
                # relative, so that the folder above can be moved
                (own / name).symlink_to(os.path.relpath((layer / name).resolve(), target / layer.name))
            if not (layer / "activations.csv").is_file():
                np.savetxt(own / "activations.csv", np.full(ids[layer].shape, np.nan), fmt="%.5e", delimiter=",")
        with Progress(total=sum(len(np.unique(ids[layer])) for layer in bare), desc="images", unit="image") as progress:

            def read(chosen: list[int], size: int) -> np.ndarray:
                progress.update(len(chosen))
                return load_batch([paths[index] for index in chosen], geometry_of(size), threads=threads)

            for layer in bare:
                path, size = draft / layer.name / "images.npy", shapes[layer][-1]
                write_images(path, ids[layer], read=read, size=size, per_block=IMAGES_PER_BLOCK)
        for layer in layers:
            read_exemplars(draft, layer.name)
            seal_folder(draft / layer.name)
    write_annotations(annotations, [(layer, unit, text) for (layer, unit), own in texts.items() for text in own])


def _list_images(folder: str | list, network: str, class_list: str | list) -> list[str]:
    if not folder:
        raise FileNotFoundError(
            f"the annotations of {network} contain no images.npy, and its images cannot be downloaded; give a "
            f"complete copy as config key downloads.local.annotations-{network.replace('/', '-')}"
        )
    return list_source_images(folder, network.split("/")[1], class_list=class_list or None)


def _find_root(data: Path, network: str) -> Path:
    """Return the folder that holds the table of annotations, at the top or further in."""
    tables = sorted(data.rglob("annotations.csv"), key=lambda path: len(path.parts))
    root = tables[0].parent if tables else data
    if not tables or not any(root.glob("*/masks.npy")):
        raise FileNotFoundError(
            f"{data} has no {'layer folder with masks.npy' if tables else 'annotations.csv'}, so it is not what was "
            f"published for {network}; config key downloads.local.annotations-{network.replace('/', '-')}"
        )
    return root
