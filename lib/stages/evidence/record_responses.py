"""Stage: record the response of every unit and range to images outside the concept set, in one forward pass."""

import numpy as np

from ...data.images.lists import list_dataset_images
from ...data.images.photographs import Geometry, load_batch
from ...data.stores.tables import read_table
from ...kernels.evidence.interventions import Responses
from ...models.build.loading import open_network
from ...models.recording.recorder import open_recorder
from ...runtime.atomic import new_folder
from ...runtime.blocks import whole_blocks
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def record_responses(
    *,
    images: str,
    weights: str | list[str],
    ranges: str,
    responses: str,
    network: dict,
    input_size: list[int],
    trusted_sha256: list[str],
    device: str,
    batch_size: int,
    threads: int,
) -> None:
    """Write one array per layer of the responses to all images of a folder.

    Parameters
    ----------
    images : str
        Folder of images, or one in Broden's format.
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    ranges : str
        Table of the activation ranges.
    responses : str
        Output folder: `<layer>.npy`, float32 of shape (n_images, rows of the layer in `ranges`). See
        `kernels.evidence.interventions.Responses`.
    network : dict
        Settings for `open_network`.
    input_size : list of int
        Height and width of the network's input, in pixels.
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
    batch_size : int
        Images per batch, rounded up to whole blocks (`runtime.blocks`); it does not change results.
    threads : int

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If it holds no image.
    """
    paths = list_dataset_images(images, subset="", column="")
    table = read_table(ranges, "ranges")
    respond = {
        layer: Responses(*(rows[column].to_numpy() for column in ("unit", "lower", "upper")))
        for layer, rows in table.groupby("layer", sort=False)
    }
    model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    geometry = Geometry(resize=tuple(input_size), crop=None)
    per_batch = whole_blocks(batch_size)
    parts = {layer: [] for layer in respond}
    with (
        open_recorder(model, list(respond)) as recorder,
        Progress(total=len(paths), unit="image") as progress,
    ):

        def record(first: int) -> dict[str, np.ndarray]:
            batch = load_batch(paths[first : first + per_batch], geometry, threads=1)
            maps = recorder(model.to_input(batch))
            return {layer: respond[layer](maps[layer].cpu().numpy()) for layer in respond}

        for first, found in zip(
            range(0, len(paths), per_batch), map_in_order(record, range(0, len(paths), per_batch), threads=threads)
        ):
            for layer, values in found.items():
                parts[layer].append(values)
            progress.update(min(per_batch, len(paths) - first))
    with new_folder(responses) as draft:
        for layer, blocks in parts.items():
            np.save(draft / f"{layer}.npy", np.concatenate(blocks))
