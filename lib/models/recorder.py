"""Recording what the layers of a network put out, without leaving a trace in the network."""

import threading

import torch
from torch import nn

MINIMUM_BATCH = 8
# class, distillation and register tokens
MOST_EXTRA_TOKENS = 32


def _patch_embedding(network):
    """Return the first convolution that cuts into patches, as in vision transformers; None if there is none."""
    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    return next((conv for conv in convolutions if conv.kernel_size == conv.stride and min(conv.kernel_size) > 1), None)


def puts_channels_last(module):
    """Tell whether the 4-dimensional outputs of a module are of shape (images, h, w, units)."""
    if isinstance(module, nn.Sequential) and len(module):
        return puts_channels_last(module[-1])
    if isinstance(module, nn.Linear | nn.LayerNorm):
        # convolutional networks have a LayerNorm of maps, which turns them round and back
        return type(module).__name__ != "LayerNorm2d"
    return "swin" in type(module).__module__ and not isinstance(module, nn.Conv2d)


def first_tensor(output):
    """Return the tensor itself, or the first in a tuple, list or mapping; None if there is none."""
    if isinstance(output, torch.Tensor):
        return output
    values = list(output.values()) if hasattr(output, "values") else output
    return next((v for v in values if isinstance(v, torch.Tensor)), None) if isinstance(values, tuple | list) else None


class Recorder:
    """Context manager that copies the outputs of some layers during forward passes.

    Hooks are removed and the training mode is restored on leaving, also after an error. A recorded tensor is a copy, so
    an in-place ReLU that follows does not change it: values are those of the named layer itself, before any later layer.
    Several threads may run batches at the same time.

    What a layer puts out becomes maps of shape (n, n_units, h, w): maps stay as they are, with channels moved to the
    front where they come last (Swin); the patch tokens of a transformer are laid out row by row, class and register tokens
    dropped; vectors become maps of one position. Of several outputs the first counts.

    Parameters
    ----------
    network : torch.nn.Module
    layers : list of str
        Dotted module paths.

    Raises
    ------
    ValueError
        If the network has no such layer, or a layer's output is none of these.
    """

    def __init__(self, network, layers):
        self._network, self._layers = network, list(layers)
        self._local = threading.local()
        self._handles = []

    def __enter__(self):
        modules = dict(self._network.named_modules())
        unknown = [layer for layer in self._layers if layer not in modules]
        if unknown:
            raise ValueError(f"the network has no layer {unknown}; its layers are {sorted(filter(None, modules))}")
        self._patches = _patch_embedding(self._network)
        if self._patches is not None:
            self._handles.append(self._patches.register_forward_hook(self._measure_grid))
        self._was_training = [(module, module.training) for module in self._network.modules()]
        self._network.eval()
        for layer in self._layers:
            self._handles.append(modules[layer].register_forward_hook(self._hook(layer, modules[layer])))
        return self

    def __exit__(self, *exception):
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        for module, mode in self._was_training:
            module.training = mode

    def _measure_grid(self, module, inputs, output):
        self._local.grid = tuple(output.shape[-2:])

    def _hook(self, layer, hooked):
        channels_last = puts_channels_last(hooked)

        def record(module, inputs, output):
            maps = self._maps(layer, output, channels_last).detach().float()
            self._local.outputs[layer] = maps.clone(memory_format=torch.contiguous_format)

        return record

    def _maps(self, layer, output, channels_last):
        """Return a view of what a layer puts out, in the shape (n, n_units, h, w)."""
        found = first_tensor(output)
        if found is None or found.ndim not in (2, 3, 4):
            shape = type(output).__name__ if found is None else tuple(found.shape)
            raise ValueError(
                f"layer {layer} puts out {shape}; expected (images, units), (images, tokens, units) or "
                "(images, units, h, w); choose another layer"
            )
        if found.ndim == 2:
            return found[:, :, None, None]
        if found.ndim == 3:
            return self._lay_out(layer, found)
        return found.permute(0, 3, 1, 2) if channels_last else found

    def _lay_out(self, layer, tokens):
        """Turn tokens (n, n_tokens, n_units) into maps; the last tokens are those of the patches."""
        grid = self._local.grid
        if grid is None:
            raise ValueError(
                f"layer {layer} puts out {tuple(tokens.shape)}, tokens whose places in the image are unknown, because no "
                "convolution of the network cuts it into patches; choose another layer"
            )
        n_patches = grid[0] * grid[1]
        if not 0 <= tokens.shape[1] - n_patches <= MOST_EXTRA_TOKENS:
            raise ValueError(
                f"layer {layer} puts out {tokens.shape[1]} tokens, which do not lie on the {grid[0]} x {grid[1]} grid of "
                "the patches; choose another layer"
            )
        return tokens[:, tokens.shape[1] - n_patches :].transpose(1, 2).unflatten(2, grid)

    def __call__(self, images):
        """Run one batch and return the output of each layer.

        The result of an image does not depend on the others in its batch: batches are filled up to a least size, below
        which the CPU kernels round differently.

        Parameters
        ----------
        images : torch.Tensor of shape (n, 3, H, W), float32

        Returns
        -------
        dict of str to torch.Tensor of shape (n, n_units, h, w), float32
        """
        self._run(images)
        outputs = self._local.outputs
        missing = [layer for layer in self._layers if layer not in outputs]
        if missing:
            raise ValueError(f"the forward pass never reached the layers {missing}")
        return {layer: outputs[layer][: len(images)] for layer in self._layers}

    def _run(self, images):
        """Run one batch, filled up to the least size, and return what the network puts out."""
        missing = max(0, MINIMUM_BATCH - len(images))
        if missing:
            images = torch.cat([images, images.new_zeros(missing, *images.shape[1:])])
        self._local.outputs, self._local.grid = {}, None
        with torch.inference_mode():
            return self._network(images)
