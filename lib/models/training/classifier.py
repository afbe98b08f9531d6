"""Train an image classifier from scratch, fast and reproducibly, on one core."""

import logging

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import update_bn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ...runtime.blocks import IMAGES_PER_BLOCK, fill_up
from ..build.loading import to_input
from ..device import seeded

logger = logging.getLogger(__name__)

STATISTICS_BATCHES = 24


def train_classifier(
    network: torch.nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    sizes: list[int],
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    augment: bool,
    normalisation: str,
    seed: int,
    device: torch.device,
) -> None:
    """Train a network with a one-cycle schedule and progressive resizing.

    Early epochs use small images, which are cheap; later epochs have the size at which the network is used.

    Parameters
    ----------
    network : torch.nn.Module
        Trained in place.
    images : numpy.ndarray of shape (n, H, W, 3), uint8
    labels : numpy.ndarray of shape (n,), int64
    sizes : list of int
        Height and width of the pictures in each epoch.
    batch_size : int
    learning_rate : float
        Maximum of the schedule.
    weight_decay : float
    augment : bool
        Whether pictures are mirrored and shifted at random.
    normalisation : str
        A key of `NORMALISATION`.
    seed : int
    device : torch.device

    References
    ----------
    One-cycle schedule: Smith and Topin 2018. Progressive resizing: Tan and Le 2021, section 4. Residual branches that
    start at zero: Goyal et al. 2017, section 5.1.
    """
    rng = np.random.default_rng(seed)
    _silence_residuals(network)
    network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    n_steps = max(1, len(images) // batch_size)
    total_steps = len(sizes) * n_steps
    # the rise needs more than one step, or torch divides by zero
    rise = min(0.9, max(0.2, 1.5 / total_steps))
    schedule = OneCycleLR(optimiser, learning_rate, total_steps=total_steps, pct_start=rise, cycle_momentum=False)
    criterion = nn.CrossEntropyLoss()
    with seeded(seed, device):  # dropout draws from torch's global generator of the device
        for epoch, size in enumerate(sizes):
            order = rng.permutation(len(images))
            total = 0.0
            for step in range(n_steps):
                chosen = order[step * batch_size : (step + 1) * batch_size]
                batch = _resize(to_input(images[chosen], normalisation), size)
                batch = (_vary(batch, rng) if augment else batch).to(device)
                loss = criterion(network(batch), torch.from_numpy(labels[chosen]).to(device))
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                total += loss.item()
            logger.info("epoch %d of %d, %d pixels: loss %.3f", epoch + 1, len(sizes), size, total / n_steps)
        chosen = rng.permutation(len(images))[: STATISTICS_BATCHES * batch_size]
        # running means of batch norm lag behind after short training
        batches = to_input(images[chosen], normalisation).to(device).split(batch_size)
        update_bn([batch for batch in batches if len(batch) > 1], network)
    network.eval()


def _silence_residuals(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, (BasicBlock, Bottleneck)):
            last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
            nn.init.zeros_(last.weight)


def _resize(batch: torch.Tensor, size: int) -> torch.Tensor:
    if size == batch.shape[-1]:
        return batch
    return functional.interpolate(batch, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def _vary(batch: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    size = batch.shape[-1]
    flip = torch.from_numpy(rng.random(len(batch)) < 0.5)[:, None, None, None]
    margin = size // 12
    padded = functional.pad(torch.where(flip, batch.flip(-1), batch), (margin,) * 4, mode="reflect")
    top, left = rng.integers(0, 2 * margin + 1, 2)
    return padded[..., top : top + size, left : left + size]


def accuracy(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, *, normalisation: str, device: torch.device
) -> float:
    """Return the share of images whose most probable class is correct.

    Parameters are those of `train_classifier`.
    """
    right = 0
    with torch.inference_mode():
        for first in range(0, len(images), IMAGES_PER_BLOCK):
            wanted = labels[first : first + IMAGES_PER_BLOCK]
            batch = to_input(images[first : first + IMAGES_PER_BLOCK], normalisation).to(device)
            predicted = network(fill_up(batch, IMAGES_PER_BLOCK)).argmax(1).cpu().numpy()
            right += int((predicted[: len(wanted)] == wanted).sum())
    return right / len(images)
