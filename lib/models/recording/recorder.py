"""Record the outputs of layers without changing the network."""

import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import numpy as np
import torch

from ...kernels.sparse.maps import SparseMaps
from ...runtime.blocks import blocks_of
from ..build.kinds import LIBRARIES, LISTING, PASSES
from ..build.loading import Network
from ..latents.latents import Latents
from .folding import FoldedNorms
from .hook_names import Place, locate
from .hook_points import read_point
from .layer_names import base_of, nearest

# class, distillation and register tokens
MOST_EXTRA_TOKENS = 32


class _Recorded(BaseException):
    """Ends a forward pass behind the last recorded layer."""


def first_tensor(output: object) -> torch.Tensor | None:
    """Return the tensor itself, or the first in a tuple, list or mapping; None if there is none."""
    if isinstance(output, torch.Tensor):
        return output
    values = list(output.values()) if hasattr(output, "values") else output
    return next((v for v in values if isinstance(v, torch.Tensor)), None) if isinstance(values, tuple | list) else None


def as_arrays(outputs: dict[str, torch.Tensor | SparseMaps]) -> dict[str, np.ndarray | SparseMaps]:
    """Return the outputs of a recorder as arrays in main memory."""
    return {layer: maps if isinstance(maps, SparseMaps) else maps.cpu().numpy() for layer, maps in outputs.items()}


def _merged(grid: tuple[int, int], n_tokens: int) -> tuple[int, int]:
    """Return the grid of patches after merges of 2 x 2 of them, as in Swin, if these leave so many tokens; else the grid."""
    height, width = grid
    while height * width > n_tokens and (height, width) != (1, 1):
        height, width = -(-height // 2), -(-width // 2)
    return (height, width) if height * width == n_tokens else grid


def _weight_dimensions(module: torch.nn.Module) -> int:
    """Return 4 for a convolution, 2 for a linear layer: by its weight, because layers of archives have no other type."""
    weight = getattr(module, "weight", None)
    return weight.ndim if isinstance(weight, torch.Tensor) else 0


class Recorder:
    """Context manager that copies the outputs of some layers during forward passes.

    Hooks are removed and the training mode is restored on leaving, also after an error. A recorded tensor is a copy, so
    an in-place ReLU that follows does not change it: values are those of the named layer itself, before any later layer.
    Several threads may run batches at the same time. Networks of `LIBRARIES` do not run what lies behind the last recorded
    layer, from the second block on.

    The output of a layer is converted to maps of shape (n, n_units, h, w): maps stay as they are, with channels moved to the
    front where they come last (Swin, ConvNeXt); the patch tokens of a transformer are laid out row by row, class and
    register tokens dropped; vectors, and class tokens asked for by name, become maps of one position. Of several outputs the
    first is used.

    The channel axis is known for convolutions (first) and linear layers (last); in other layers it is the one beside a height
    and width that one of these had before. Patches are arranged as in the last convolution before the first tokens.

    Parameters
    ----------
    network : torch.nn.Module
    layers : list of str
        Dotted module paths or names of hook points, see `hook_names.locate`; with `#` and the name of an autoencoder for the
        latents of a layer, as units of their own.
    latents : dict of str to Latents, optional
        Those of each such layer.
    sparse : bool, optional
        Whether the maps of sparse latents are recorded as `SparseMaps`, without their zeros.
    fold_batch_norms : bool, optional
        Whether batch norms are folded into the convolutions in front of them, see `FoldedNorms`.
    precision : str, optional
        `float32`, or `bfloat16` for convolutions, matrix products and most of what follows them (PyTorch's autocast). Outputs
        have the type float32 with the digits of this precision; latents are computed from them in float32.

    Raises
    ------
    ValueError
        If the network has no such layer, a layer's output is none of these, latents are of another width, or no batch norm can
        be folded.
    """

    # whether the outputs of the layers are changed
    _edits = False

    def __init__(
        self,
        network: torch.nn.Module,
        layers: list[str],
        *,
        latents: Mapping[str, Latents] | None = None,
        sparse: bool = False,
        fold_batch_norms: bool = False,
        precision: str = "float32",
    ) -> None:
        self._network, self._layers, self._latents = network, list(layers), dict(latents or {})
        self._sparse = {layer for layer, own in self._latents.items() if sparse and own.is_sparse}
        self._local = threading.local()
        self._handles = []
        self._folded = FoldedNorms(network) if fold_batch_norms else None
        self._precision = getattr(torch, precision)
        # number of outputs to record in a block after which the rest is of no use; not known before the first block
        self._n_wanted = 0

    def __enter__(self) -> Self:
        self._modules = dict(self._network.named_modules())
        self._places: dict[str, Place] = {}
        for layer in self._layers:
            base = base_of(layer)
            place = locate(base, self._modules)
            if place is None:
                known = [name for name in self._modules if name]
                raise ValueError(f"the network has no layer {base!r}. {nearest(base, known)} {LISTING}")
            if self._edits and base not in self._modules:
                raise ValueError(f"the units of {layer}, which is no module, can be recorded but not edited")
            if base != layer and layer not in self._latents:
                raise ValueError(
                    f"the latents of {layer} are not there; models with latents are recorded by the workflow"
                )
            self._places[layer] = place
        self._was_training = [(module, module.training) for module in self._network.modules()]
        try:
            self._network.eval()
            if self._folded:
                self._folded.__enter__()
            for module in self._network.modules():
                if _weight_dimensions(module) in (2, 4):
                    self._handles.append(module.register_forward_hook(self._observe))
            for layer in self._layers:
                self._handles.append(self._modules[self._places[layer].module].register_forward_hook(self._hook(layer)))
        except BaseException:
            Recorder.__exit__(self, *sys.exc_info())
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if self._folded:
            self._folded.__exit__(*exception)
        for module, mode in self._was_training:
            module.training = mode

    def _observe(self, module: torch.nn.Module, inputs: tuple, output: object) -> None:
        """Note the height and width of the maps that pass, and the numbers of tokens."""
        found, local = first_tensor(output), self._local
        if found is None or found.ndim not in (3, 4) or len(found) != local.n_images:
            return
        convolution = _weight_dimensions(module) == 4
        if found.ndim == 4:
            size = tuple(found.shape[2:] if convolution else found.shape[1:3])
            local.sizes.add(size)
            if convolution and not local.has_tokens:
                local.grid = size
        elif not convolution:
            local.sizes.add((found.shape[1],))
        local.has_tokens |= found.ndim == 3
        local.is_mixed |= not convolution

    _observe.wants_only_shapes = True  # so archives skip the values

    def _hook(self, layer: str) -> Callable:
        def record(module: torch.nn.Module, inputs: tuple, output: object) -> None:
            own = self._folded.raw(module, inputs, output=output) if self._folded else output
            found = read_point(self._places[layer], self._modules, inputs, output=own)
            maps = self._maps(layer, found).detach().float()
            with self._autocast(maps.device, enabled=False):
                if layer in self._sparse:
                    self._local.outputs[layer] = self._latents[layer].encode_sparse(maps, layer=layer)
                else:
                    self._local.outputs[layer] = self._units(layer, maps).clone(memory_format=torch.contiguous_format)
            self._local.n_recorded += 1
            if self._local.n_recorded == self._n_wanted:
                raise _Recorded

        return record

    def _autocast(self, device: torch.device, *, enabled: bool) -> AbstractContextManager:
        """Switch reduced precision on or off, if it is asked for: not every device has it."""
        if self._precision == torch.float32:
            return nullcontext()
        return torch.autocast(device.type, self._precision, enabled=enabled)

    def _units(self, layer: str, maps: torch.Tensor) -> torch.Tensor:
        """Return the maps of the units of a layer, which may be latents, from those of its module."""
        return self._latents[layer].encode_maps(maps, layer=layer) if layer in self._latents else maps

    def _erase_where(self, layer: str, maps: torch.Tensor, choose: Callable) -> None:
        """Erase units in the maps of a module, in place, where `choose` says so of their own maps."""
        if layer in self._latents:
            self._latents[layer].erase(maps, choose, layer=layer)
        else:
            maps.masked_fill_(choose(maps), 0)

    def _maps(self, layer: str, output: object) -> torch.Tensor:
        """Return a view of a layer's output, in the shape (n, n_units, h, w)."""
        found = first_tensor(output)
        if found is None or found.ndim not in (2, 3, 4) or len(found) != self._local.n_images:
            shape = type(output).__name__ if found is None else tuple(found.shape)
            raise ValueError(
                f"layer {layer} outputs {shape} for {self._local.n_images} images; expected (images, units), (images, "
                "tokens, units), (images, units, h, w) or (images, h, w, units); choose another layer"
            )
        if found.ndim == 2:
            return found[:, :, None, None]
        if self._places[layer].class_token:
            return self._class_token(layer, found)
        if found.ndim == 3:
            return self._lay_out(layer, found)
        return found.permute(0, 3, 1, 2) if self._puts_channels_last(layer, found.shape) else found

    def _puts_channels_last(self, layer: str, shape: torch.Size) -> bool:
        dimensions, local = _weight_dimensions(self._modules[self._places[layer].module]), self._local
        if dimensions in (2, 4):
            return dimensions == 2
        first, last = (tuple(size) in local.sizes for size in (shape[2:], shape[1:3]))
        if first == last and local.is_mixed:
            raise ValueError(
                f"layer {layer} outputs {tuple(shape)}, of which neither the first nor the last number after the images "
                "is certain to be that of the units; choose the layer before or behind it"
            )
        return last and not first

    def _lay_out(self, layer: str, tokens: torch.Tensor) -> torch.Tensor:
        """Turn tokens (n, n_tokens, n_units) into maps; the last tokens are those of the patches."""
        grid = self._local.grid
        if grid is None:
            raise ValueError(
                f"layer {layer} outputs {tuple(tokens.shape)}, tokens whose places in the image are unknown, because no "
                "convolution comes before them; choose another layer"
            )
        # only where a linear layer had as many tokens: other rows of maps may be as many by chance
        if (tokens.shape[1],) in self._local.sizes:
            grid = _merged(grid, tokens.shape[1])
        n_patches = grid[0] * grid[1]
        if not 0 <= tokens.shape[1] - n_patches <= MOST_EXTRA_TOKENS:
            raise ValueError(
                f"layer {layer} outputs {tokens.shape[1]} tokens, which do not lie on the {grid[0]} x {grid[1]} grid of "
                "the patches; choose another layer"
            )
        return tokens[:, tokens.shape[1] - n_patches :].transpose(1, 2).unflatten(2, grid)

    def _class_token(self, layer: str, tokens: torch.Tensor) -> torch.Tensor:
        """Return the first token, which is that of the class, as maps of one position."""
        grid = self._local.grid
        n_patches = grid[0] * grid[1] if grid else None
        if tokens.ndim != 3 or n_patches is None or not 0 < tokens.shape[1] - n_patches <= MOST_EXTRA_TOKENS:
            raise ValueError(f"layer {layer}: the output {tuple(tokens.shape)} has no class token in front of patches")
        return tokens[:, 0, :, None, None]

    def __call__(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor | SparseMaps]:
        """Run some images, in blocks of one size, and return the output of each layer.

        The result of an image does not depend on the others (see `runtime.blocks`).

        Parameters
        ----------
        *inputs : torch.Tensor of shape (n, ...)
            Images of shape (n, 3, H, W), float32; or what else the network takes, such as latents and classes.

        Returns
        -------
        dict of str to torch.Tensor of shape (n, n_units, h, w), float32; or to SparseMaps
        """
        found = {layer: [] for layer in self._layers}
        for n_images, block in blocks_of(*inputs):
            self._run(block)
            outputs = self._local.outputs
            if type(self._network).__module__.partition(".")[0] in LIBRARIES:
                self._n_wanted = self._local.n_recorded
            missing = [layer for layer in self._layers if layer not in outputs]
            if missing:
                raise ValueError(f"the forward pass did not run the layers {missing}. {LISTING}")
            for layer, parts in found.items():
                own = outputs[layer]
                parts.append(own.of_images(0, n_images) if layer in self._sparse else own[:n_images])
        return {
            layer: SparseMaps.join(parts)
            if layer in self._sparse
            else parts[0]
            if len(parts) == 1
            else torch.cat(parts)
            for layer, parts in found.items()
        }

    def _run(self, inputs: tuple[torch.Tensor, ...]) -> object:
        """Run one block and return the output of the network."""
        local = self._local
        local.outputs, local.n_images, local.grid, local.sizes = {}, len(inputs[0]), None, set()
        local.has_tokens = local.is_mixed = False
        local.n_recorded = 0
        with torch.inference_mode(), self._autocast(inputs[0].device, enabled=True):
            try:
                return self._network(*inputs)
            except _Recorded:
                return None


def open_recorder(network: Network, layers: list[str], *, sparse: bool = False) -> Recorder:
    """Return a recorder of a network and its latents, with the settings of the network.

    Parameters are those of `Recorder`.
    """
    options = {name: getattr(network, name) for name in PASSES}
    return Recorder(network.module, layers, latents=network.latents, sparse=sparse, **options)
