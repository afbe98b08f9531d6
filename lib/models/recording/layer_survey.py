"""Determine which layers of a network can be recorded."""

from collections.abc import Callable

import torch

from ...runtime.blocks import blocks_of
from .recorder import Recorder


class LayerSurvey(Recorder):
    """Context manager that determines which layers can be recorded, and the shapes of their maps.

    Parameters
    ----------
    network : torch.nn.Module
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__(network, [name for name, _ in network.named_modules() if name])

    def _hook(self, layer: str) -> Callable:
        def record(module: torch.nn.Module, inputs: tuple, output: object) -> None:
            try:
                self._local.outputs[layer] = tuple(self._maps(layer, output).shape[1:])
            except ValueError:  # no units of an image
                self._local.outputs.pop(layer, None)

        return record

    def __call__(self, *inputs: torch.Tensor) -> dict[str, tuple[int, int, int]]:
        """Run one block, as a `Recorder`, and return {layer: (n_units, h, w)}."""
        _, block = next(blocks_of(*inputs))
        self._run(block)
        return self._local.outputs
