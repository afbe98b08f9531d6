"""Image generators: BigGAN from its published configuration, and a small one for the playground."""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

GROUPS = 8


class PlaygroundGenerator(nn.Module):
    """A small generator of images of 64 x 64 pixels: a linear layer, four layers that double the size, and colors.

    Parameters
    ----------
    latent_size : int
    width : int
        Units of the last layer, a multiple of 8; the first has four times as many.
    """

    def __init__(self, latent_size: int = 32, width: int = 16) -> None:
        super().__init__()
        if latent_size < 1 or width < GROUPS or width % GROUPS:
            raise ValueError(f"latent_size={latent_size} must be at least 1, and width={width} a multiple of {GROUPS}")
        self.latent_size = latent_size
        sizes = [4 * width, 4 * width, 3 * width, 2 * width, width]
        self.start = nn.Linear(latent_size, sizes[0] * 16)
        for number in range(1, 5):
            self.add_module(f"layer{number}", _growing_layer(*sizes[number - 1 : number + 1]))
        self.colors = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Make images of shape (n, 3, 64, 64), from -1 to 1, from latents of shape (n, latent_size)."""
        maps = self.start(latents).unflatten(1, (-1, 4, 4))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps = layer(maps)
        return torch.tanh(self.colors(maps))


def _growing_layer(n_in: int, n_out: int) -> nn.Sequential:
    # a transposed convolution would cause checkerboard artifacts in maps and masks
    growth = nn.Upsample(scale_factor=2, mode="bilinear")
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.GroupNorm(GROUPS, n_out), nn.ReLU(), growth)


def build_biggan(path: str, arguments: dict) -> nn.Module:
    """Build a BigGAN that takes latents and numbers of classes.

    Parameters
    ----------
    path : str
        Its published configuration, JSON.
    arguments : dict
        truncation, above 0 to 1: 1 if left out; selects the batch statistics for that truncation.

    Raises
    ------
    ModuleNotFoundError
        If its package is not installed.
    ValueError
        If the file or the arguments are of no BigGAN.

    References
    ----------
    Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis", ICLR 2019.
    """
    truncation = arguments.get("truncation", 1.0)
    if set(arguments) - {"truncation"} or not 0 < truncation <= 1:
        raise ValueError(f"biggan:{path} takes the argument truncation, above 0 to 1, but has {arguments}.")
    if not Path(path).is_file():
        raise ValueError(f"The configuration of BigGAN {path} does not exist; config key models.*.factory.")
    try:
        from pytorch_pretrained_biggan import BigGAN, BigGANConfig
    except ImportError as error:
        raise ModuleNotFoundError(
            f"`factory: biggan:FILE` needs the package pytorch_pretrained_biggan ({error}): pip install "
            "pytorch_pretrained_biggan"
        ) from error
    try:
        settings = BigGANConfig.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        network = BigGAN(settings)
    except Exception as error:
        raise ValueError(f"{path} is no configuration of BigGAN: {type(error).__name__}: {error}") from error

    def forward(latents: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        one_hot = functional.one_hot(classes, settings.num_classes).to(latents.dtype)
        return BigGAN.forward(network, latents, one_hot, truncation)

    network.forward = forward
    return network
