"""Encoders: turn exemplar images and masks into the feature vectors that the decoder reads."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ...runtime.blocks import IMAGES_PER_BLOCK
from .checks import check_exemplars
from .pictures import Place, group_pictures, stack_pictures

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NEARLY_ZERO = 1e-8


@dataclass(frozen=True)
class EncoderLayers:
    """Layers that an encoder reads: dotted module paths, their numbers of channels, and whether post-ReLU.

    Published features of AlexNet's convolutions are post-ReLU, because its ReLUs work in place.
    """

    layers: tuple[str, ...]
    sizes: tuple[int, ...]
    rectified: bool = False


_RESIDUAL = ("conv1", "layer1", "layer2", "layer3", "layer4")
PYRAMID = {
    "alexnet": EncoderLayers(
        tuple(f"features.{i}" for i in (0, 3, 6, 8, 10)), (64, 192, 384, 256, 256), rectified=True
    ),
    "resnet18": EncoderLayers(_RESIDUAL, (64, 64, 128, 256, 512)),
    "resnet50": EncoderLayers(_RESIDUAL, (64, 256, 512, 1024, 2048)),
    "resnet101": EncoderLayers(_RESIDUAL, (64, 256, 512, 1024, 2048)),
}
SPATIAL = {"resnet18": EncoderLayers(("layer4",), (512,))}


class Encoder(nn.Module):
    """A frozen network with its image normalisation and the layers whose outputs are features.

    Parameters
    ----------
    network : nn.Module
        The network, with its weights.
    config : str
        Its name, a key of `PYRAMID` or `SPATIAL`.
    kind : str
        "pyramid": every layer's maps, averaged under the mask. "spatial": the positions of the last layer's maps of the
        masked image.
    mean, std : tuple of float
        Per channel, subtracted from and divided into images in [0, 1].

    Raises
    ------
    ValueError
        If no encoder of that kind is known for the network.

    References
    ----------
    Hernandez et al., "Natural Language Descriptions of Deep Visual Features", ICLR 2022, appendix on the encoder.
    """

    def __init__(
        self,
        network: nn.Module,
        config: str,
        *,
        kind: str = "pyramid",
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        known = {"pyramid": PYRAMID, "spatial": SPATIAL}
        if kind not in known:
            raise ValueError(f"encoder kind={kind!r} must be one of {sorted(known)}")
        if config not in known[kind]:
            raise ValueError(
                f"{kind} encoder={config!r} must be one of {sorted(known[kind])}; config key milan.training.encoder"
            )
        self.kind, self.config, self.reads = kind, config, known[kind][config]
        self.network = network.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)

    @property
    def feature_size(self) -> int:
        """The length D of one vector."""
        return sum(self.reads.sizes)

    def train(self, mode: bool = True) -> "Encoder":
        """Stay in evaluation mode: an encoder is never trained."""
        return super().train(False)

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Run the network and return the maps of the layers that are read.

        Parameters
        ----------
        images : torch.Tensor of shape (n, 3, H, W), float32
            In [0, 1].

        Returns
        -------
        list of torch.Tensor
            Per layer, of shape (n, channels, h, w).
        """
        with self.hooked() as run:
            return run(images)

    @contextmanager
    def hooked(self) -> Iterator[Callable[[torch.Tensor], list[torch.Tensor]]]:
        """Register forward hooks on the layers that are read, within the context.

        Yields
        ------
        callable
            The function of `maps`, safe for use in several threads at once.
        """
        found = threading.local()  # the hooks of a network are called in every thread

        def keep(name: str, _module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
            found.maps[name] = output.relu() if self.reads.rectified else output.clone()

        def run(images: torch.Tensor) -> list[torch.Tensor]:
            found.maps = {}
            with torch.inference_mode():
                self.network((images - self.mean) / self.std)
            return [found.maps[name] for name in self.reads.layers]

        modules = [self.network.get_submodule(name) for name in self.reads.layers]
        hooks = zip(self.reads.layers, modules, strict=True)
        handles = [module.register_forward_hook(partial(keep, name)) for name, module in hooks]
        try:
            yield run
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, images: torch.Tensor, masks: torch.Tensor | None = None) -> torch.Tensor:
        """Encode pictures one by one.

        Parameters
        ----------
        images : torch.Tensor of shape (n, 3, H, W), float32
            In [0, 1].
        masks : torch.Tensor of shape (n, 1, H, W), float32 or None
            In [0, 1]; None uses whole images.

        Returns
        -------
        torch.Tensor
            Of shape (n, D) for a pyramid encoder, (n, positions, D) for a spatial one.
        """
        if masks is None:
            masks = torch.ones_like(images[:, :1])
        if self.kind == "spatial":
            return _positions(self.maps(self.hide(images, masks)))
        return pool_maps(self.maps(images), masks)

    def hide(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """Set pixels outside a mask to the mean color, which is zero after normalisation.

        Parameters
        ----------
        images : torch.Tensor of shape (n, 3, H, W)
            In [0, 1].
        masks : torch.Tensor of shape (n, 1, H, W)
            In [0, 1].

        Returns
        -------
        torch.Tensor
            Of the shape of `images`.
        """
        return images * masks + self.mean * (1 - masks)


def _positions(maps: list[torch.Tensor]) -> torch.Tensor:
    return maps[-1].flatten(2).transpose(1, 2)


def pool_maps(maps: Sequence[torch.Tensor], masks: torch.Tensor) -> torch.Tensor:
    """Average maps under masks, level by level.

    Parameters
    ----------
    maps : sequence of torch.Tensor
        Per level, of shape (n, channels, h, w).
    masks : torch.Tensor of shape (n, 1, H, W)
        In [0, 1]; resized bilinearly to every level.

    Returns
    -------
    torch.Tensor of shape (n, D)
        The levels side by side; zeros at a level at which a mask vanishes.
    """
    levels = []
    for level in maps:
        weights = functional.interpolate(masks, size=level.shape[-2:], mode="bilinear", align_corners=False).flatten(1)
        covered = (weights.abs() > NEARLY_ZERO).any(dim=1, keepdim=True)
        weights = weights / torch.where(covered, weights.sum(dim=1, keepdim=True), 1.0) * covered
        # one matrix-vector product per picture, so that the result does not depend on the other pictures
        levels.append(torch.stack([torch.mv(m, w) for m, w in zip(level.flatten(2), weights, strict=True)]))
    return torch.cat(levels, dim=1)


def encode_exemplars(
    encoder: Encoder,
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    *,
    threads: int = 1,
    progress: Callable[[int], None] = lambda n_images: None,
) -> list[np.ndarray]:
    """Encode the exemplars of several layers, running a pyramid encoder's network once per distinct picture.

    Equal pictures are identified by their bytes across layers, units and networks. The result of a picture depends neither
    on the other pictures nor on `threads`.

    Parameters
    ----------
    encoder : Encoder
        The encoder, on its device.
    images : sequence of numpy.ndarray
        Per layer, of shape (U, k, 3, H, W), uint8.
    masks : sequence of numpy.ndarray
        Per layer, of shape (U, k, 1, H, W), uint8, values 0 and 1.
    threads : int
        Number of Python threads, each with one torch thread, that share the blocks of pictures.
    progress : callable
        Called with the number of pictures of each finished block.

    Returns
    -------
    list of numpy.ndarray
        Per layer, float32 of shape (U, k, D), or (U, k * positions, D) for a spatial encoder.

    Raises
    ------
    ValueError
        If the images or masks of a layer have a wrong type or shape, or do not match.
    """
    for pictures, covers in zip(images, masks, strict=True):
        check_exemplars(pictures, covers)
    dense, device = encoder.kind == "spatial", encoder.mean.device
    blocks = list(group_pictures(images, masks if dense else None, size=IMAGES_PER_BLOCK))
    parts: list[list] = [[None] * math.prod(pictures.shape[:2]) for pictures in images]

    def run(run_network: Callable, block: list[list[Place]]) -> int:
        torch.set_num_threads(1)  # this setting belongs to the thread
        first = [places[0] for places in block]
        padded = first + [first[-1]] * (IMAGES_PER_BLOCK - len(first))
        with torch.inference_mode():
            pictures = stack_pictures(images, padded, device=device) / 255
            if dense:
                covers = stack_pictures(masks, padded, device=device)
                encoded = _positions(run_network(encoder.hide(pictures, covers)))
            else:
                maps = run_network(pictures)
            for number, places in enumerate(block):
                if dense:
                    vectors = [encoded[number]] * len(places)
                else:
                    own = [level[number].expand(len(places), *level.shape[1:]) for level in maps]
                    vectors = pool_maps(own, stack_pictures(masks, places, device=device))
                for (a, u, r), vector in zip(places, vectors, strict=True):
                    parts[a][u * images[a].shape[1] + r] = vector.cpu().numpy()
        return len(block)

    with encoder.hooked() as run_network, ThreadPoolExecutor(threads) as pool:
        for n_images in pool.map(partial(run, run_network), blocks):
            progress(n_images)
    return [
        np.stack(vectors).reshape(pictures.shape[0], -1, encoder.feature_size)
        if vectors
        else np.zeros((0, pictures.shape[1], encoder.feature_size), np.float32)
        for pictures, vectors in zip(images, parts, strict=True)
    ]


def count_distinct(images: Sequence[np.ndarray]) -> int:
    """Count the distinct pictures among exemplars, on each of which a pyramid encoder's network runs once."""
    return sum(map(len, group_pictures(images, None, size=IMAGES_PER_BLOCK)))
