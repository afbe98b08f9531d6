"""Fold batch norms into the convolutions in front of them, while a network is recorded."""

import copy
from collections import Counter
from typing import Self

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def find_pairs(network: nn.Module) -> dict[nn.Conv2d, nn.BatchNorm2d]:
    """Return the convolutions whose output only a batch norm beside them reads.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode, and it must run the same layers in the same order on every batch.

    Returns
    -------
    dict of torch.nn.Conv2d to torch.nn.BatchNorm2d
        Modules that run once and lie in the same container: the output of a container that ends in the convolution is not
        that of the batch norm. Empty if torch.fx cannot trace the network, or if it has hooks, which tracing would run.
    """
    if any(module._forward_hooks or module._forward_pre_hooks for module in network.modules()):
        return {}
    try:
        # a copy: the code of the network may keep what it computes
        graph = fx.symbolic_trace(copy.deepcopy(network)).graph
    except Exception:  # noqa: BLE001  # whatever the code of the network raises on values that are not there yet
        return {}
    calls = [node for node in graph.nodes if node.op == "call_module"]
    modules = {node: network.get_submodule(node.target) for node in calls}
    n_runs = Counter(modules.values())
    found = {}
    for node, norm in modules.items():
        front = node.args[0] if len(node.args) == 1 else None
        convolution = modules.get(front)
        if (
            type(norm) is nn.BatchNorm2d
            and type(convolution) is nn.Conv2d
            and len(front.users) == len(front.args) == 1
            and not front.kwargs
            and front.target.rpartition(".")[0] == node.target.rpartition(".")[0]
            and n_runs[norm] == n_runs[convolution] == 1
            and norm.running_mean is not None
        ):
            found[convolution] = norm
    return found


class FoldedNorms:
    """Context manager in which the batch norms of a network are folded into the convolutions in front of them.

    Activations differ from those of the two modules in their last digits. They do not depend on which layers are recorded:
    where the output of a convolution itself is wanted, `raw` computes it besides.

    Parameters
    ----------
    network : torch.nn.Module
        As for `find_pairs`.

    Raises
    ------
    ValueError
        On entering, if nothing can be folded.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._own: dict[nn.Module, dict[str, nn.Parameter | None]] = {}
        self._norms: list[nn.BatchNorm2d] = []

    def __enter__(self) -> Self:
        pairs = find_pairs(self._network)
        if not pairs:
            raise ValueError(
                f"no batch norm of {type(self._network).__name__} can be folded: it has no BatchNorm2d right behind a Conv2d, "
                "torch.fx cannot trace its code, or it has hooks. Remove models.*.fold_batch_norms"
            )
        folded = {convolution: _fold(convolution, norm) for convolution, norm in pairs.items()}
        for convolution, norm in pairs.items():
            self._own[convolution] = {"weight": convolution.weight, "bias": convolution.bias}
            convolution.weight, convolution.bias = folded[convolution]
            norm.forward = _as_it_is
            self._norms.append(norm)
        return self

    def __exit__(self, *exception: object) -> None:
        for convolution, own in self._own.items():
            convolution.weight, convolution.bias = own["weight"], own["bias"]
        for norm in self._norms:
            del norm.forward
        self._own.clear()
        self._norms.clear()

    def raw(self, module: nn.Module, inputs: tuple, *, output: object) -> object:
        """Return what a module outputs without its batch norm, which is its output unless it is a folded convolution."""
        if module not in self._own:
            return output
        return module._conv_forward(inputs[0], **self._own[module])


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[nn.Parameter, nn.Parameter]:
    """Return weight and bias of a convolution that includes the batch norm."""
    statistics = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    weight, bias = fuse_conv_bn_weights(convolution.weight, convolution.bias, *statistics)
    layout = torch.channels_last if _has_channels_last(convolution.weight) else torch.contiguous_format
    weight = weight.detach().contiguous(memory_format=layout)
    return nn.Parameter(weight, requires_grad=False), nn.Parameter(bias.detach(), requires_grad=False)


def _has_channels_last(weight: torch.Tensor) -> bool:
    return weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def _as_it_is(maps: torch.Tensor) -> torch.Tensor:
    return maps
