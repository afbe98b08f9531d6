"""Values at the hook points inside the blocks of vision transformers, from what a module takes and gives."""

import torch
from torch import nn
from torch.nn import functional

from .hook_names import PARTS, Place


def read_point(place: Place, modules: dict[str, nn.Module], inputs: tuple, *, output: object) -> object:
    """Return what is recorded, from a forward hook of the module.

    Parameters
    ----------
    place : Place
        `heads` gives for each token and head the length of what the head adds to the residual stream, without the bias.
    modules : dict of str to torch.nn.Module
        All modules of the network by path.
    inputs : tuple
        Positional inputs of the module.
    output : object

    Returns
    -------
    object
        The output itself, or a tensor of shape (n, n_tokens, n_units).
    """
    if place.way == "output":
        return output
    if place.way == "input":
        return inputs[0]
    module = modules[place.module]
    if isinstance(module, nn.MultiheadAttention):
        return _of_multihead(place.way, module, inputs)
    if place.way == "heads":
        return head_lengths(inputs[0], module.weight, n_heads=heads_of(modules, place.module))
    return output.chunk(3, dim=-1)[PARTS.index(place.way)]


def head_lengths(values: torch.Tensor, weight: torch.Tensor, *, n_heads: int) -> torch.Tensor:
    """Return the length of what each head adds.

    Parameters
    ----------
    values : torch.Tensor of shape (n, n_tokens, n_heads * width)
        The weighted values of all heads, in front of the projection.
    weight : torch.Tensor of shape (n_outputs, n_heads * width)
        Of the projection.
    n_heads : int

    Returns
    -------
    torch.Tensor of shape (n, n_tokens, n_heads)
    """
    pairs = zip(values.chunk(n_heads, dim=-1), weight.chunk(n_heads, dim=1), strict=True)
    return torch.stack([(own @ part.T).norm(dim=-1) for own, part in pairs], dim=-1)


def _of_multihead(way: str, module: nn.MultiheadAttention, inputs: tuple) -> torch.Tensor:
    """Return the queries, keys, values, weighted values or lengths of heads of torch's attention, which has no modules for them."""
    given = [one if module.batch_first else one.transpose(0, 1) for one in inputs[:3]]
    weights = module.in_proj_weight.chunk(3)
    biases = module.in_proj_bias.chunk(3) if module.in_proj_bias is not None else [None] * 3
    if way in PARTS:
        number = PARTS.index(way)
        return functional.linear(given[number], weights[number], biases[number])
    heads = [
        functional.linear(one, weight, bias).unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
        for one, weight, bias in zip(given, weights, biases, strict=True)
    ]
    weighted = functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
    return weighted if way == "z" else head_lengths(weighted, module.out_proj.weight, n_heads=module.num_heads)


def heads_of(modules: dict[str, nn.Module], path: str) -> int:
    """Return the number of heads of the attention that a projection belongs to."""
    attention = modules[path.rpartition(".")[0]]
    return next(getattr(attention, name) for name in ("num_heads", "num_attention_heads") if hasattr(attention, name))
