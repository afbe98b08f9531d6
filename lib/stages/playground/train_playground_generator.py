"""Stage: train the playground's generator."""

import json
import logging
from pathlib import Path

from ...data.formats.broden import open_broden
from ...data.images.photographs import Geometry, load_batch
from ...models.build.factories import Recipe, build
from ...models.device import prepare_device
from ...models.recording.generating import train_generator
from ...models.weights.checkpoints import save_state_dict

logger = logging.getLogger(__name__)
SIZE = 64


def train_playground_generator(
    *, data: str, weights: str, report: str, network: dict, training: dict, device: str, threads: int
) -> None:
    """Train on the playground's training images.

    Parameters
    ----------
    data : str
        Folder of the playground.
    weights : str
        Output checkpoint, safetensors.
    report : str
        Output JSON: number of images, and the share of their variance that the generator does not reconstruct.
    network : dict
        name, seed and recipe, settings for `open_network`.
    training : dict
        epochs, batch_size, learning_rate, arguments of `train_generator`.
    device : str
    threads : int
        Threads that read images; training uses one, so that its result does not depend on their number.
    """
    dataset = open_broden(data, subset="", categories=["scene"])
    place = prepare_device(device)
    paths = [path for path, split in zip(dataset.images, dataset.splits) if split == "train"]
    images = load_batch(paths, Geometry(resize=(SIZE, SIZE), crop=None), threads=threads)
    module = build(Recipe(**network["recipe"]), n_classes=None, seed=network["seed"], trusted_sha256=[])
    share = train_generator(module, images, **training, seed=network["seed"], device=place)
    logger.info("%s: %.3f of the variance is left", network["name"], share)
    save_state_dict(module.cpu(), weights)
    summary = {"network": network["name"], "n_train": len(images), "variance_left": share}
    Path(report).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
