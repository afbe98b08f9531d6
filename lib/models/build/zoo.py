"""Networks by name: every image classifier of torchvision, without weights."""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision import models

from ..recording.layer_names import nearest

# Mean and standard deviation of the red, green and blue values in [0, 1] that are subtracted and divided by.
NORMALISATION: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # trained on ImageNet or Places365
    "untrained": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def build_network(name: str, *, n_classes: int | None, seed: int, arguments: dict | None = None) -> nn.Module:
    """Build a network with random weights.

    Parameters
    ----------
    name : str
        Name in torchvision, such as `resnet18`.
    n_classes : int or None
        Number of outputs; None for torchvision's own (1000).
    seed : int
        Seed of the weights. The global random state of torch is restored.
    arguments : dict or None
        Further keyword arguments of torchvision's function, which go before `n_classes`.

    Returns
    -------
    torch.nn.Module
        The network, on the CPU, in evaluation mode.

    Raises
    ------
    ValueError
        If torchvision has no classifier of this name, if it does not take the arguments, or if `n_classes` is not
        positive.
    """
    check_network(name)
    if n_classes is not None and n_classes < 1:
        raise ValueError(f"n_classes={n_classes} must be at least 1.")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also change the state of the GPUs
        return _build(name, n_classes, arguments).eval()


def check_network(name: str) -> None:
    """Check that a network exists.

    Parameters
    ----------
    name : str
        Name in torchvision.

    Raises
    ------
    ValueError
        If torchvision has no classifier of this name; the message gives the nearest ones.
    """
    if name not in _network_names():
        raise ValueError(f"There is no network {name!r}. {nearest(name, _network_names())}")


@cache
def layer_names(name: str) -> list[str]:
    """List the layers of a network without computing its weights.

    Parameters
    ----------
    name : str
        Name in torchvision.

    Returns
    -------
    list of str
        Dotted module paths, in the order of definition.

    Raises
    ------
    ValueError
        If torchvision has no classifier of this name.
    """
    return [layer for layer, _ in build_skeleton(name, n_classes=None).named_modules() if layer]


def imagenet_weights_url(name: str) -> str:
    """Return the URL of the first ImageNet weights that torchvision publishes for a network.

    Parameters
    ----------
    name : str
        Name in torchvision.

    Returns
    -------
    str
        The URL; its file name ends in the first digits of the sha256.

    Raises
    ------
    ValueError
        If torchvision has no classifier of this name.
    """
    check_network(name)
    return next(iter(models.get_model_weights(name))).url


def build_skeleton(name: str, *, n_classes: int | None, arguments: dict | None = None) -> nn.Module:
    """Build a network whose tensors have shapes but no values, in milliseconds.

    Parameters
    ----------
    name : str
        Name in torchvision.
    n_classes : int or None
        Number of outputs; None for torchvision's own (1000).
    arguments : dict or None
        As for `build_network`.

    Returns
    -------
    torch.nn.Module
        The network with its weights on the meta device.

    Raises
    ------
    ValueError
        If torchvision has no classifier of this name.
    """
    check_network(name)
    with _WeightsOnMeta():
        return _build(name, n_classes, arguments)


class _WeightsOnMeta(TorchFunctionMode):
    """Create weights on the meta device, but compute everything else.

    The device context of torch moves all tensors, and RegNet computes its widths by tensors.
    """

    def __torch_function__(
        self, function: Callable, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> object:  # noqa: D105
        kwargs = kwargs or {}
        if function in (torch.empty, torch.zeros, torch.ones):
            kwargs = {**kwargs, "device": "meta"}
        return function(*args, **kwargs)


def _build(name: str, n_classes: int | None, arguments: dict | None) -> nn.Module:
    options = {} if n_classes is None else {"num_classes": n_classes}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = True  # these two warn if it is not set
    try:
        return models.get_model(name, weights=None, **{**options, **(arguments or {})})
    except (TypeError, ValueError) as error:
        if not arguments:
            raise
        raise ValueError(f"torchvision's {name} does not take the arguments {arguments}: {error}") from error


@cache
def _network_names() -> tuple[str, ...]:
    return tuple(models.list_models(module=models))
