"""Generate images from samples, and train the playground's generator."""

import logging

import numpy as np
import torch
from torch.nn import functional

from ...runtime.blocks import blocks_of
from ..build.generators import PlaygroundGenerator
from ..build.loading import Network, to_input
from .recorder import first_tensor

logger = logging.getLogger(__name__)
CODED_SIZE = 16


def generate(network: Network, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Generate images; each image is independent of the others in the batch.

    Parameters
    ----------
    network : Network
        The generator, with the normalisation of the images that it outputs.
    inputs : tuple of numpy.ndarray
        Latents of shape (n, ...), and classes if it takes any.

    Returns
    -------
    numpy.ndarray of shape (n, H, W, 3), uint8

    Raises
    ------
    ValueError
        If the network does not output images.
    """
    arrays = " and ".join(f"{name} {array.shape}" for name, array in zip(("latents", "classes"), inputs))
    hint = "Check `factory` and `arguments` of the model, and `samples` of the data set."
    try:
        with torch.inference_mode():
            made = [_first_images(network.module(*block), n) for n, block in blocks_of(*network.to_inputs(inputs))]
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
        raise ValueError(f"The generator fails on {arrays}: {type(error).__name__}: {error}. {hint}") from error
    wrong = [None if images is None else tuple(images.shape) for images in made if _are_no_images(images)]
    if wrong:
        raise ValueError(f"The generator makes {wrong[0]} of {arrays} instead of (images, 3, height, width). {hint}")
    images = torch.cat(made)
    if not images.isfinite().all():
        raise ValueError("The generator makes images with values that are not finite; check its weights.")
    return network.to_pictures(images)


def _first_images(output: object, n: int) -> torch.Tensor | None:
    found = first_tensor(output)
    return found if found is None else found[:n]


def _are_no_images(images: torch.Tensor | None) -> bool:
    return images is None or images.ndim != 4 or images.shape[1] != 3


def train_generator(
    network: PlaygroundGenerator,
    images: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    device: torch.device,
) -> float:
    """Train a generator to reconstruct images from their codes.

    The code of an image is its projection on the principal components of all downscaled images, scaled to a variance of
    1; so codes drawn from a standard normal distribution resemble those of training.

    Parameters
    ----------
    network : PlaygroundGenerator
        Trained in place.
    images : numpy.ndarray of shape (n, H, W, 3), uint8
        In the output size of the generator.
    epochs : int
    batch_size : int
    learning_rate : float
        Maximum of the one-cycle schedule.
    seed : int
    device : torch.device

    Returns
    -------
    float
        Mean squared error at the end, as a share of the variance of the images.

    Raises
    ------
    ValueError
        If there are no more images than numbers in a code.
    """
    wanted = to_input(images, "untrained")  # from -1 to 1, as the generator's
    codes = _codes(wanted, network.latent_size)
    order = torch.Generator().manual_seed(seed)
    network.to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    n_steps = -(-len(images) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=epochs * n_steps)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images), generator=order).split(batch_size):
            loss = functional.mse_loss(network(codes[chosen].to(device)), wanted[chosen].to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        share = total / len(images) / wanted.var().item()
        logger.info("epoch %d of %d: %.3f of the variance is left", epoch + 1, epochs, share)
    network.eval()
    return share


def _codes(images: np.ndarray, size: int) -> torch.Tensor:
    if len(images) <= size:
        raise ValueError(
            f"latent_size={size} needs more than {size} training images, but there are {len(images)}: lower it in the "
            "arguments of the model and in `samples` of the data set, or raise playground.n_images."
        )
    small = functional.adaptive_avg_pool2d(images, CODED_SIZE).flatten(1)
    places, _, directions = torch.linalg.svd(small - small.mean(0), full_matrices=False)
    signs = directions[:size].sum(1).sign()  # else of no meaning
    return places[:, :size] * signs * len(images) ** 0.5
