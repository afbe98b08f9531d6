"""Set units to zero, of one layer or of several at once, to measure their effect on the network's prediction."""

from collections.abc import Callable
from typing import Self

import torch

from ...runtime.blocks import IMAGES_PER_BLOCK, blocks_of, fill_up
from .ablation import with_first_tensor
from .layer_names import base_of
from .recorder import Recorder, first_tensor
from .shared_prefix import SharedPrefix


class UnitEraser(Recorder):
    """Context manager that sets chosen units of some layers to 0 during the forward pass.

    Units are those that a `Recorder` finds: of patch tokens, class and register tokens stay as they are. A unit is erased at
    the output of its named layer: before a batch norm that follows, zero becomes a constant. Where a module is used
    several times in one pass, its last use is edited, which is the one recorded.

    The layers in front of the first named one run once for all sets of units, and one pass of the layers behind it holds images
    with different sets of units erased.

    Parameters
    ----------
    network : torch.nn.Module
        Outputs one value per class and image.
    layers : list of str
        Dotted module paths; or latents, as for a `Recorder`: what the decoder makes of them is subtracted.
    latents : dict of str to Latents, optional
        As for a `Recorder`.
    """

    _edits = True

    def __enter__(self) -> Self:
        super().__enter__()
        modules = [self._modules[base_of(layer)] for layer in self._layers]
        self._prefix = SharedPrefix(self._network, modules, self._outputs_of)
        self._prefix.open()
        return self

    def __exit__(self, *exception: object) -> None:
        self._prefix.close()
        super().__exit__(*exception)

    def _hook(self, layer: str) -> Callable:
        def erase(module: torch.nn.Module, inputs: tuple, output: object) -> object:
            local = self._local
            if not self._prefix.is_behind:
                return None
            local.n_uses[layer] += 1
            if local.erased is None:
                maps = self._units(layer, self._maps(layer, output))
                local.active[layer] = (maps != 0).any(3).any(2)
                local.layouts[layer] = local.grid, set(local.sizes), local.is_mixed
                return None
            if local.n_uses[layer] != local.last_uses[layer]:
                return None
            # what decides on the layout was noted in front of the replayed calls
            local.grid, local.sizes, local.is_mixed = local.layouts[layer]
            # a copy: the output of a module can share memory with its input, which other modules read
            edited = first_tensor(output).clone()
            self._erase_where(layer, self._maps(layer, edited), lambda units: local.erased[layer][:, :, None, None])
            return with_first_tensor(output, edited)

        return erase

    def _outputs_of(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return the network's output for each class, of shape (n, n_classes)."""
        local = self._local
        local.n_uses = dict.fromkeys(self._layers, 0)
        if local.erased is None:
            local.active, local.layouts = {}, {}
        output = first_tensor(self._run(inputs))
        if output is None or output.ndim != 2:
            shape = None if output is None else tuple(output.shape)
            raise ValueError(
                f"the network outputs {shape} instead of one value per image and class, so it makes no prediction "
                "that units could change; use a network with its classifier"
            )
        return output

    def __call__(self, images: torch.Tensor, erased: dict[str, torch.Tensor]) -> torch.Tensor:
        """Run some images as they are, and once more for each set of units with that set erased.

        Images on which a whole set is 0 anyway keep their prediction without a pass.

        Parameters
        ----------
        images : torch.Tensor of shape (n, 3, H, W), float32
        erased : dict of str to torch.Tensor of shape (n_sets, n_units), bool
            For each layer, which of its units each set erases.

        Returns
        -------
        torch.Tensor of shape (1 + n_sets, n), int64
            Class of the largest output: of the network as it is, then with each set erased.

        Raises
        ------
        ValueError
            If the network outputs no classes, the forward pass does not run a layer, or a layer has another number of units.
        """
        return torch.cat([self._erase(block, erased, n) for n, (block,) in blocks_of(images)], dim=1)

    def survey(self, images: torch.Tensor) -> tuple[int, dict[str, int]]:
        """Return the number of the network's outputs and, for each layer, of its units, from a few images."""
        _, (block,) = next(blocks_of(images))
        outputs, _ = self._first(block)
        return outputs.shape[1], {layer: self._local.active[layer].shape[1] for layer in self._layers}

    def _first(self, images: torch.Tensor) -> tuple[torch.Tensor, list[object]]:
        """Run one block as it is; note which units are not 0."""
        local = self._local
        local.erased = None
        found = self._prefix.first(images)
        if missing := [layer for layer in self._layers if layer not in local.active]:
            raise ValueError(f"the forward pass did not run the layers {missing}")
        local.last_uses = dict(local.n_uses)
        return found

    def _erase(self, images: torch.Tensor, erased: dict[str, torch.Tensor], n_images: int) -> torch.Tensor:
        """Return the predictions of the first images of one block."""
        local = self._local
        outputs, stored = self._first(images)
        for layer, sets in erased.items():
            if sets.shape[1] != local.active[layer].shape[1]:
                raise ValueError(f"layer {layer} has {local.active[layer].shape[1]} units, not {sets.shape[1]}")
        changes = sum(sets.float() @ local.active[layer].float().T for layer, sets in erased.items()) > 0
        found = outputs.argmax(1)[:n_images].repeat(1 + len(changes), 1)
        pairs = changes[:, :n_images].nonzero()
        for chunk in pairs.split(IMAGES_PER_BLOCK):
            chosen_sets, chosen = fill_up(chunk, IMAGES_PER_BLOCK).T
            local.erased = {layer: sets[chosen_sets] for layer, sets in erased.items()}
            classes = self._prefix.again(images, stored, chosen).argmax(1)
            found[1 + chunk[:, 0], chunk[:, 1]] = classes[: len(chunk)]
        return found
