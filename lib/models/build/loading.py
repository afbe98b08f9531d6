"""Load a network: build it, read its weights, move it to its device, and normalise its input."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ..device import prepare_device
from ..latents.latents import Latents, read_latents
from ..weights.checkpoints import fit_weights, n_classes_of, read_state_dict
from ..weights.renames import edit_keys
from ..weights.trust import digest_of
from .factories import Recipe, build
from .kinds import LIBRARIES, PASSES, factory_kind
from .zoo import NORMALISATION


@dataclass(frozen=True)
class Network:
    """A network with the normalisation of its input.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode, on `device`.
    device : torch.device
    normalisation : str or list
        As for `to_input`.
    latents : dict of str to Latents
        Latents that are units of a layer, by `{layer}#{name}`.
    fold_batch_norms, precision : bool, str
        How it runs while it is recorded, see `Recorder`.
    """

    module: torch.nn.Module
    device: torch.device
    normalisation: str
    latents: dict[str, Latents] = field(default_factory=dict)
    fold_batch_norms: bool = False
    precision: str = "float32"

    def to_input(self, images: np.ndarray) -> torch.Tensor:
        """Turn uint8 images of shape (n, H, W, 3) into the network's input, float32 of shape (n, 3, H, W)."""
        return to_input(images, self.normalisation).to(self.device)

    def to_inputs(self, arrays: Sequence[np.ndarray]) -> tuple[torch.Tensor, ...]:
        """Turn a tuple of uint8 images, or of a generator's latents and classes, into the inputs of the network."""
        return tuple(
            self.to_input(array) if array.dtype == np.uint8 else torch.from_numpy(array).to(self.device)
            for array in arrays
        )

    def to_pictures(self, outputs: torch.Tensor) -> np.ndarray:
        """Convert the output of a generator, of shape (n, 3, H, W), to uint8 images of shape (n, H, W, 3)."""
        mean, std = _scaling(self.normalisation)
        values = (outputs.detach().float().cpu() * std + mean) * 255
        return values.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def to_input(images: np.ndarray, normalisation: str | list) -> torch.Tensor:
    """Scale and normalise images.

    Parameters
    ----------
    images : numpy.ndarray of shape (n, H, W, 3), uint8
    normalisation : str or list
        A key of `NORMALISATION`, or mean and standard deviation, three numbers each.

    Returns
    -------
    torch.Tensor of shape (n, 3, H, W), float32
    """
    mean, std = _scaling(normalisation)
    batch = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    return batch.float().div_(255).sub_(mean).div_(std)  # in place: each copy would cost as much again


def _scaling(normalisation: str | list) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation, each of shape (1, 3, 1, 1)."""
    numbers = NORMALISATION[normalisation] if isinstance(normalisation, str) else normalisation
    return tuple(torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1) for values in numbers)


def open_network(settings: dict, *, weights: str | None, trusted_sha256: list[str], device: str) -> Network:
    """Build a network, load its weights and move it to a device.

    Parameters
    ----------
    settings : dict
        name (in torchvision, if there is no recipe), normalisation (as for `to_input`), seed; if it is another
        network, recipe (as `Recipe` takes it); if latents are recorded, latents: their files by `{layer}#{name}`; if they differ
        from the defaults, fold_batch_norms and precision, as in `Network`.
    weights : str or None
        Checkpoint file; None for random weights from the seed.
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
        As for `prepare_device`.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If the network cannot be built, or if the checkpoint does not fit it.
    """
    place = prepare_device(device)
    recipe = Recipe(**settings.get("recipe", {"factory": settings["name"]}))
    if weights and recipe.sha256 and digest_of(weights) != recipe.sha256.lower():
        raise ValueError(
            f"{weights} has the sha256 {digest_of(weights)} instead of {recipe.sha256}; config key models.*.sha256."
        )
    state, n_classes = None, None
    if weights and not recipe.own_weights:
        state = read_state_dict(weights, trusted_sha256=trusted_sha256)
        state = edit_keys(state, key_prefix=recipe.key_prefix, renames=recipe.renames)
        if factory_kind(recipe.factory) == "torchvision" and "num_classes" not in recipe.arguments:
            n_classes = n_classes_of(state, recipe.factory, arguments=recipe.arguments, path=weights)
    module = build(recipe, n_classes=n_classes, seed=settings["seed"], trusted_sha256=trusted_sha256)
    if state is not None:
        fit_weights(module, state, weights)
    # convolutions are faster with the channels last; modules of other origin may rely on the usual layout
    layout = torch.channels_last if factory_kind(recipe.factory) in LIBRARIES else torch.preserve_format
    latents = {layer: read_latents(path).to(place) for layer, path in settings.get("latents", {}).items()}
    passes = {name: settings[name] for name in PASSES if name in settings}
    return Network(module.to(place, memory_format=layout), place, settings["normalisation"], latents, **passes)
