"""Networks in a Python session: activations of their layers, and the exemplars of their units."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..data.formats.exemplars import Exemplars
from ..data.images.photographs import Geometry, load_batch
from ..kernels.activations.tally import UnitTally
from ..kernels.activations.upsampling import exemplar_masks
from ..models.build.loading import Network
from ..models.device import choose_device
from ..models.recording.recorder import Recorder
from ..runtime.blocks import IMAGES_PER_BLOCK
from ..runtime.parallel import map_in_order


def record(
    network: torch.nn.Module,
    images: Any,
    layers: Sequence[str],
    *,
    normalisation: str | Sequence[Sequence[float]] = "imagenet",
    resize: int = 256,
    input_size: int = 224,
    device: str = "auto",
    threads: int | None = None,
) -> dict[str, np.ndarray]:
    """Record the activations of some layers on images.

    Parameters
    ----------
    network : torch.nn.Module
        As `torchvision.models.resnet18(weights=...)` gives it; its mode and weights stay as they are.
    images : sequence of paths, numpy.ndarray of shape (n, H, W, 3), uint8, or torch.Tensor of shape (n, ...), float
        Image files are resized and cut; arrays are only normalised; a tensor is what the network takes, as it is.
    layers : sequence of str
        Dotted module paths, as in `network.named_modules()`.
    normalisation : str or sequence
        `imagenet`, `untrained` (images in [0, 1]), or mean and standard deviation, three numbers each.
    resize, input_size : int
        Files: length of the shorter side, and side of the square cut from the centre, in pixels.
    device : str
        `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:n`.
    threads : int or None
        Blocks of images that run at a time; None for the number of cores. The result does not depend on it.

    Returns
    -------
    dict of str to numpy.ndarray of shape (n, n_units, h, w), float32
        The activations that the workflow records, unless `fold_batch_norms`, `precision` or `reduced_jpeg` are set there.

    Raises
    ------
    ValueError
        If the network has no such layer, an image cannot be read, or an argument is of another kind.
    """
    found: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    run = _Run(network, normalisation, Geometry(resize=resize, crop=input_size), device, threads)
    for _, outputs in run.blocks(images, layers):
        for layer, maps in outputs.items():
            found[layer].append(maps)
    return {layer: np.concatenate(parts) for layer, parts in found.items()}


def exemplars(
    network: torch.nn.Module,
    images: Any,
    layers: Sequence[str],
    *,
    k: int = 15,
    quantile: float = 0.99,
    output_size: int | None = None,
    normalisation: str | Sequence[Sequence[float]] = "imagenet",
    resize: int = 256,
    input_size: int = 224,
    device: str = "auto",
    threads: int | None = None,
) -> dict[str, Exemplars]:
    """Find the images that excite each unit most, and where in them it is active.

    Activations are not kept; memory holds the exemplars' pictures of all units.

    Parameters
    ----------
    network, images, layers, normalisation, resize, input_size, device, threads
        As for `record`; not a tensor, of which there would be no pictures.
    k : int
        Exemplars per unit.
    quantile : float
        A mask shows where a unit exceeds this quantile of its activations on all images.
    output_size : int or None
        Height and width of pictures and masks; None for that of the input.

    Returns
    -------
    dict of str to Exemplars

    Raises
    ------
    ValueError
        As `record`, or if `k` or `quantile` is out of its bounds.

    References
    ----------
    MILAN (Hernandez et al. 2022), section 3.
    """
    if isinstance(images, torch.Tensor):
        raise ValueError("exemplars need pictures: give image files or a uint8 array of shape (n, H, W, 3)")
    if k < 1 or not 0 < quantile < 1:
        raise ValueError(f"k={k} must be at least 1 and quantile={quantile} between 0 and 1")
    run = _Run(network, normalisation, Geometry(resize=resize, crop=input_size), device, threads)
    n_images, tallies = len(images), {}
    for _, outputs in run.blocks(images, layers):
        for layer, maps in outputs.items():
            if layer not in tallies:
                numbers = {"n_images": n_images, "k": min(k, n_images), "quantile": quantile}
                tallies[layer] = UnitTally(
                    np.arange(maps.shape[1]), maps.shape[2:], **numbers, first=0, n_here=n_images
                )
            tallies[layer].add(maps)
    return {layer: _show(layer, tally, images, run, output_size) for layer, tally in tallies.items()}


def _show(layer: str, tally: UnitTally, images: Any, run: "_Run", size: int | None) -> Exemplars:
    """Return the exemplars of a layer with their pictures."""
    ids, activations = tally.best()
    needed, place = np.unique(ids, return_inverse=True)
    pictures = np.concatenate([run.load(images, chosen) for chosen in _batches(needed.tolist())])
    size = size or pictures.shape[1]
    square = Geometry(resize=(size, size), crop=None)
    pictures = np.stack([square.apply(picture) for picture in pictures]).transpose(0, 3, 1, 2)
    maps, thresholds = tally.maps(), tally.thresholds()
    masks = np.stack([exemplar_masks(own, np.full(len(own), t), size=size) for own, t in zip(maps, thresholds)])
    return Exemplars(layer, pictures[place.reshape(ids.shape)], masks[:, :, None], tally.units, ids, activations)


def _batches(numbers: list[int]) -> list[list[int]]:
    return [numbers[i : i + IMAGES_PER_BLOCK] for i in range(0, len(numbers), IMAGES_PER_BLOCK)]


@dataclass(frozen=True)
class _Run:
    """How images reach a network."""

    module: torch.nn.Module
    normalisation: Any
    geometry: Geometry
    device: str
    threads: int | None

    def blocks(self, images: Any, layers: Sequence[str]) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
        """Yield the numbers of the next images and the outputs of the layers on them."""
        if not len(images):
            raise ValueError("there are no images")
        if isinstance(images, np.ndarray) and (images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3):
            raise ValueError(
                f"images of type {images.dtype} and shape {images.shape} must be uint8 of shape (n, H, W, 3); give a "
                "torch tensor for inputs that are normalised already"
            )
        place = choose_device(self.device)
        home = next((parameter.device for parameter in self.module.parameters()), place)
        network = Network(self.module.to(place), place, self.normalisation)
        try:
            with Recorder(network.module, list(layers)) as recorder:

                def run(chosen: list[int]) -> tuple[list[int], dict[str, np.ndarray]]:
                    with _one_thread():
                        inputs = self._input(network, images, chosen)
                        return chosen, {layer: maps.cpu().numpy() for layer, maps in recorder(inputs).items()}

                yield from map_in_order(run, _batches(list(range(len(images)))), threads=self.threads or os.cpu_count())
        finally:
            self.module.to(home)

    def load(self, images: Any, chosen: list[int]) -> np.ndarray:
        """Return some images as the network sees them, uint8 of shape (n, H, W, 3)."""
        if isinstance(images, np.ndarray):
            return images[chosen]
        return load_batch([images[index] for index in chosen], self.geometry, threads=1)

    def _input(self, network: Network, images: Any, chosen: list[int]) -> torch.Tensor:
        if isinstance(images, torch.Tensor):
            return images[chosen].to(network.device)
        return network.to_input(self.load(images, chosen))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread in each operation: sums that are split among threads round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
