"""Stage: list the layers of a network that can be recorded."""

import pandas as pd
import torch

from ...data.images.inputs import open_inputs
from ...data.stores.tables import write_table
from ...models.build.loading import open_network
from ...models.recording.layer_survey import LayerSurvey


def list_layers(
    *,
    weights: str | list[str],
    samples: str | list[str],
    layers: str,
    network: dict,
    input_size: list[int] | None,
    trusted_sha256: list[str],
    device: str,
) -> None:
    """Write a table of all recordable layers, from one pass over an empty image or a sample.

    Parameters
    ----------
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    samples : str or list of str
        Samples, if the network is a generator; else an empty list.
    layers : str
        Output table `layers`.
    network : dict
        Settings for `open_network`.
    input_size : list of int or None
        Height and width of the network's input, in pixels; None for a generator.
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
    """
    model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    with LayerSurvey(model.module) as survey:
        if samples:
            shapes = survey(*model.to_inputs(open_inputs(samples, None).load([0])))
        else:
            shapes = survey(torch.zeros(1, 3, *input_size, device=model.device))
    rows = [
        {
            "layer": name,
            "type": getattr(module, "kind", type(module).__name__),
            "n_units": shapes[name][0],
            "height": shapes[name][1],
            "width": shapes[name][2],
            "n_parameters": sum(parameter.numel() for parameter in module.parameters()),
        }
        for name, module in model.module.named_modules()
        if name in shapes
    ]
    if not rows:
        raise ValueError(f"No layer of {network['name']} outputs units of an image.")
    write_table(pd.DataFrame(rows), layers, "layers")
