"""Set ranges of activation in a layer to zero, to measure their effect on the network's prediction."""

import copy
from collections.abc import Callable, Mapping

import torch

from ...runtime.blocks import blocks_of
from ..latents.latents import Latents
from .recorder import Recorder, first_tensor


class RangeEraser(Recorder):
    """Context manager that sets activations of a layer that lie in given ranges to 0 during the forward pass.

    Activations are those that a `Recorder` finds: maps, patch tokens (class and register tokens stay as they are) or
    single values. Where a module is used several times in one pass, its last use is edited, which is the one recorded.

    Parameters
    ----------
    network : torch.nn.Module
        Outputs one value per class and image.
    layer : str
        Dotted module path; or latents, as for a `Recorder`: what the decoder makes of them is subtracted.
    latents : dict of str to Latents, optional
        As for a `Recorder`.
    """

    _edits = True

    def __init__(self, network: torch.nn.Module, layer: str, *, latents: Mapping[str, Latents] | None = None) -> None:
        super().__init__(network, [layer], latents=latents)

    def _hook(self, layer: str) -> Callable:
        def erase(module: torch.nn.Module, inputs: tuple, output: object) -> object:
            local = self._local
            local.n_uses += 1
            if local.bounds is None or local.n_uses != local.last_use:
                return None
            # a copy: the output of a module can share memory with its input, which other modules read
            edited = first_tensor(output).clone()
            maps = self._maps(layer, edited)
            lower, upper = local.bounds
            self._erase_where(layer, maps, lambda units: (units > lower) & (units < upper))
            return with_first_tensor(output, edited)

        return erase

    def __call__(self, images: torch.Tensor, *, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
        """Run some images as they are, and once more for each range with that range erased.

        Parameters
        ----------
        images : torch.Tensor of shape (n, 3, H, W), float32
        lower, upper : torch.Tensor of shape (n_ranges, n_units), float32
            Open ends of each range of each unit; where `lower` is not below `upper` nothing is erased.

        Returns
        -------
        torch.Tensor of shape (1 + n_ranges, n), int64
            Class of the largest output: of the network as it is, then with each range erased.

        Raises
        ------
        ValueError
            If the network outputs no classes, or the forward pass does not run the layer.
        """
        found = [self._erase(block, lower, upper)[:, :n] for n, (block,) in blocks_of(images)]
        return torch.cat(found, dim=1)

    def _erase(self, images: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
        """Return the predictions of one block."""
        local = self._local
        local.last_use = None
        predictions = [self._predict(images, None)]
        local.last_use = local.n_uses
        if not local.last_use:
            raise ValueError(f"the forward pass did not run the layers {self._layers}")
        for bounds in zip(lower[:, :, None, None], upper[:, :, None, None]):
            predictions.append(self._predict(images, bounds))
        return torch.stack(predictions)

    def _predict(self, images: torch.Tensor, bounds: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
        self._local.bounds, self._local.n_uses = bounds, 0
        output = first_tensor(self._run((images,)))
        if output is None or output.ndim != 2:
            shape = None if output is None else tuple(output.shape)
            raise ValueError(
                f"the network outputs {shape} instead of one value per image and class, so it makes no prediction "
                "that a range could change; use a network with its classifier"
            )
        return output.argmax(1)


def with_first_tensor(output: object, tensor: torch.Tensor) -> object:
    """Return a module's output with its first tensor replaced."""
    if isinstance(output, torch.Tensor):
        return tensor
    first = first_tensor(output)
    if hasattr(output, "values"):
        changed = copy.copy(output)
        changed[next(key for key, value in output.items() if value is first)] = tensor
        return changed
    values = [tensor if value is first else value for value in output]
    return getattr(type(output), "_make", type(output))(values)
