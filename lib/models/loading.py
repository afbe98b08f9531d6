"""A network ready to run: built, its weights read, on its device, with the scaling of its input."""

from dataclasses import dataclass

import numpy as np
import torch

from lib.models.checkpoints import load_weights, n_classes_of, read_state_dict
from lib.models.compute import prepare_device
from lib.models.zoo import NORMALISATION, build_network


@dataclass(frozen=True)
class Network:
    """A network and how its input is made.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode, on `device`.
    device : torch.device
    normalisation : str
        A key of `NORMALISATION`.
    """

    module: torch.nn.Module
    device: torch.device
    normalisation: str

    def to_input(self, images):
        """Turn uint8 images of shape (n, H, W, 3) into the network's input, float32 of shape (n, 3, H, W)."""
        return to_input(images, self.normalisation).to(self.device)


def to_input(images, normalisation):
    """Scale and normalise images.

    Parameters
    ----------
    images : numpy.ndarray of shape (n, H, W, 3), uint8
    normalisation : str
        A key of `NORMALISATION`.

    Returns
    -------
    torch.Tensor of shape (n, 3, H, W), float32
    """
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in NORMALISATION[normalisation])
    batch = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    return (batch.float() / 255 - mean) / std


def open_network(name, *, weights, trusted_sha256, normalisation, seed, device):
    """Build a network, read its weights and put it on a device.

    Parameters
    ----------
    name : str
        Name in torchvision.
    weights : str or None
        Checkpoint file; None for random weights from the seed.
    trusted_sha256 : list of str
        Checkpoints that may hold more than tensors.
    normalisation : str
        A key of `NORMALISATION`.
    seed : int
    device : str
        As for `prepare_device`.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If the checkpoint does not fit the network.
    """
    place = prepare_device(device)
    n_classes = n_classes_of(read_state_dict(weights, trusted_sha256=trusted_sha256), name) if weights else None
    module = build_network(name, n_classes=n_classes, seed=seed)
    if weights:
        load_weights(module, weights, trusted_sha256=trusted_sha256)
    return Network(module.eval().to(place), place, normalisation)
