"""Recording what the layers of a network put out, without leaving a trace in the network."""

import threading

import torch

MINIMUM_BATCH = 8


class Recorder:
    """Context manager that copies the outputs of some layers during forward passes.

    Hooks are removed and the training mode is restored on leaving, also after an error. A recorded tensor is a copy, so
    an in-place ReLU that follows does not change it: values are those of the named layer itself, before any later layer.
    Several threads may run batches at the same time.

    Parameters
    ----------
    network : torch.nn.Module
    layers : list of str
        Dotted module paths.

    Raises
    ------
    ValueError
        If the network has no such layer, or a layer's output is no tensor of 2 or 4 dimensions.
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
        self._was_training = [(module, module.training) for module in self._network.modules()]
        self._network.eval()
        for layer in self._layers:
            self._handles.append(modules[layer].register_forward_hook(self._hook(layer)))
        return self

    def __exit__(self, *exception):
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        for module, mode in self._was_training:
            module.training = mode

    def _hook(self, layer):
        def record(module, inputs, output):
            if not isinstance(output, torch.Tensor) or output.ndim not in (2, 4):
                shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
                raise ValueError(f"layer {layer} puts out {shape}; expected (images, units) or (images, units, h, w)")
            maps = output.detach().float()
            self._local.outputs[layer] = (maps if maps.ndim == 4 else maps[:, :, None, None]).clone()

        return record

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
        n = len(images)
        if n < MINIMUM_BATCH:
            images = torch.cat([images, images.new_zeros(MINIMUM_BATCH - n, *images.shape[1:])])
        self._local.outputs = {}
        with torch.inference_mode():
            self._network(images)
        outputs = self._local.outputs
        missing = [layer for layer in self._layers if layer not in outputs]
        if missing:
            raise ValueError(f"the forward pass never reached the layers {missing}")
        return {layer: outputs[layer][:n] for layer in self._layers}
