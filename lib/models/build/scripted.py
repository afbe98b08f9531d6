"""TorchScript archives whose layers can be read like those of any network.

Hooks do not see the layers of a compiled network. So the values that the layers hand on are looked up in its graph, which
knows from which module each operation comes, and are made outputs of the graph.
"""

import re
import threading
from collections.abc import Callable
from typing import Self

import torch
from torch import nn

_LEVEL = re.compile(r"(\w+)\([^()]*\)")
_NO_NAMES = ("SELF", "UNKNOWN_INSTANCE")


def open_script(path: str) -> "ScriptedNetwork":
    """Read a TorchScript archive.

    Its code runs with the rights of the user, when it is read (`__setstate__`) and when the network runs: torch's
    interpreter also writes files (`torch.save`, `torch.from_file`). So its digest must be trusted before.

    Parameters
    ----------
    path : str

    Returns
    -------
    ScriptedNetwork

    Raises
    ------
    ValueError
        If the file is no such archive, or if its layers were merged into one (frozen).
    """
    try:
        script = torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, OSError) as error:
        raise ValueError(
            f"{path} is not a readable TorchScript archive (torch.jit.save): {str(error).splitlines()[0]} For a "
            "checkpoint, name the network in `factory` and this file in `weights`."
        ) from error
    if not list(script.children()):
        raise ValueError(f"{path} has no layers, because it was frozen; save it without torch.jit.freeze.")
    return ScriptedNetwork(script)


class _Layer(nn.Module):
    """Proxy of a layer of the script: exposes its tensors, and passes its output to hooks."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.kind = script.original_name
        for name, tensor in script.named_parameters(recurse=False):
            self.register_parameter(name, nn.Parameter(tensor, requires_grad=False))
        for name, child in script.named_children():
            self.add_module(name, _Layer(child))

    def forward(self, output: torch.Tensor) -> torch.Tensor:
        return output


class ScriptedNetwork(_Layer):
    """A TorchScript network with forward hooks that can read, but not change, the output of each layer.

    Parameters
    ----------
    script : torch.jit.ScriptModule
    """

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__(script)
        self._script = (script,)  # in a tuple, so that it is not registered as a layer
        self._compiled = {}
        self._lock = threading.Lock()

    def _apply(self, function: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        # the proxies share the tensors of the script
        self._script[0]._apply(function)
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Run the script and call the hooks of its layers."""
        layers = {name: layer for name, layer in self.named_modules() if name and layer._forward_hooks}
        names, run = self._reading({name: _want_only_shapes(layer) for name, layer in layers.items()})
        output, *values = run(self._script[0], images)
        for name, value in zip(names, values, strict=True):
            if layers[name](value) is not value:
                raise ValueError("the layers of a TorchScript archive can be read but not changed; use a Python file")
        return output

    def _reading(self, wanted: dict[str, bool]) -> tuple[list[str], Callable]:
        """Return the layers that can be read and a function that also returns their outputs."""
        key = tuple(wanted.items())
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = _compile(self._script[0].inlined_graph, wanted)
            return self._compiled[key]


def _want_only_shapes(layer: nn.Module) -> bool:
    return all(getattr(hook, "wants_only_shapes", False) for hook in layer._forward_hooks.values())


def _compile(graph: torch.Graph, wanted: dict[str, bool]) -> tuple[list[str], Callable]:
    found = _outputs(graph)
    names = [name for name in wanted if name in found]
    first = next(iter(graph.nodes()))
    with graph.insert_point_guard(first):
        none, nowhere = graph.insertConstant(None), graph.insertConstant(torch.device("meta"))
    copies = []
    for name in names:
        # a following operation may work in place; a tensor on the meta device takes no memory
        kind, options = ("aten::empty_like", [none, none, nowhere]) if wanted[name] else ("aten::clone", [])
        copy = graph.create(kind, [found[name], *options, *([none] * (2 if options else 1))])
        copy.output().setType(torch._C.TensorType.get())
        copy.insertAfter(found[name].node())
        copies.append(copy)
    for copy in copies:
        graph.registerOutput(copy.output())
    graph.makeMultiOutputIntoTuple()
    return names, torch._C._create_function_from_graph("forward", graph)


def _outputs(graph: torch.Graph) -> dict[str, torch.Value]:
    """Return {layer: value}: the last value of each layer that something outside it uses."""
    found = {}
    for node in graph.nodes():
        parts = _path(node).split(".")
        for value in node.outputs():
            if not isinstance(value.type(), torch._C.TensorType):
                continue
            users = [_path(use.user).split(".") for use in value.uses()]
            for depth in range(1, len(parts) + 1):
                if any(user[:depth] != parts[:depth] for user in users):
                    found[".".join(parts[:depth])] = value
    return found


def _path(node: torch.Node) -> str:
    """Return the dotted path of the module that an operation comes from, such as `layer1.0.conv1`."""
    names = _LEVEL.findall(node.getModuleHierarchy() or "")
    return ".".join(name for name in names if name not in _NO_NAMES)
