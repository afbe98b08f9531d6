"""Stage: export the directions of units: the weights with which a layer makes them."""

import torch
from torch import nn

from ...models.build.loading import open_network
from ...models.latents.latents import Latents
from ...models.weights.safetensors_files import write_safetensors

WEIGHED = (nn.Linear, nn.Conv1d, nn.Conv2d)


def export_directions(
    *,
    weights: str | list[str],
    directions: str,
    network: dict,
    layers: list[str],
    trusted_sha256: list[str],
    device: str,
) -> None:
    """Write for each linear or convolutional layer, and for latents, the direction in its input that each unit responds to.

    Parameters
    ----------
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    directions : str
        Output: a safetensors file with `{layer}.directions`, of shape (n_units, inputs) or (n_units, inputs, height, width),
        and `{layer}.bias` where the layer has one; of latents also `{layer}.decoder`, of shape (n_latents, inputs).
    network : dict
        Settings for `open_network`, with the files of the latents.
    layers : list of str
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str

    Raises
    ------
    ValueError
        If no layer has weights of its own.
    """
    model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    modules = dict(model.module.named_modules())
    found = {layer: modules[layer] for layer in layers if isinstance(modules.get(layer), WEIGHED)}
    if not found and not model.latents:
        near = [name for name, module in modules.items() if isinstance(module, WEIGHED)][-3:]
        raise ValueError(
            f"The layers {', '.join(layers)} of {network['name']} are made of several modules or have no weights, so that their units "
            f"have no directions. Name linear or convolutional layers in models.*.layers, such as {', '.join(near)}."
        )
    tensors = {f"{layer}.directions": module.weight for layer, module in found.items()}
    tensors |= {f"{layer}.bias": module.bias for layer, module in found.items() if module.bias is not None}
    types = {layer: type(module).__name__ for layer, module in found.items()}
    for layer, own in model.latents.items():
        tensors |= {f"{layer}.{name}": tensor for name, tensor in _of_latents(own).items()}
        types[layer] = own.about["activation"]
    write_safetensors(directions, tensors, about={"network": network["name"], "layers": types})


def _of_latents(latents: Latents) -> dict[str, torch.Tensor]:
    """Return the directions of latents, whose code is a function of `directions @ x + bias`, and their decoder."""
    own = latents.tensors
    bias = own["encoder_bias"] - latents.about["centred"] * own["decoder_bias"] @ own["encoder"]
    return {"directions": own["encoder"].T, "bias": bias, "decoder": own["decoder"]}
