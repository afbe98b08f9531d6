"""A second device made of main memory: its tensors do not mix with others, as those of a GPU do not, and nothing rounds otherwise.

Importing this changes torch for the whole process, so only a process of its own does.
"""

import torch
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("away")
AWAY = torch.device("away", 0)
ATEN = torch.ops.aten
COPIES = (ATEN._to_copy.default, ATEN.copy_.default)
# their index tensors may be in main memory, on a GPU too
INDEXED = (ATEN.index, ATEN.index_put, ATEN.index_put_, ATEN._index_put_impl_)


class Away(torch.Tensor):
    """A tensor on the device, whose values are in `inner`."""

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        # views of weights are made in inference mode too
        with torch.inference_mode(False):
            made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, **layout, device=AWAY, requires_grad=False)
        made.inner = inner
        return made

    def tolist(self):
        return self.cpu().tolist()

    def untyped_storage(self):
        return self.inner.untyped_storage()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


def _run(function, args, kwargs):
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    own = [tensor for tensor in tensors if isinstance(tensor, Away)]
    if own and function not in COPIES and function.overloadpacket not in INDEXED:
        strangers = [tuple(tensor.shape) for tensor in tensors if tensor.ndim and not isinstance(tensor, Away)]
        if strangers:
            raise RuntimeError(f"{function} of tensors on the device and {strangers} in main memory")
    original, target = args[0] if args else None, kwargs.get("device")
    stays = bool(own) if target is None else torch.device(target).type == AWAY.type
    args, kwargs = tree_map(lambda leaf: leaf.inner if isinstance(leaf, Away) else leaf, (args, kwargs))
    if target is not None:
        kwargs["device"] = torch.device("cpu")
    known = {id(tensor.inner): tensor for tensor in own}

    def put_back(leaf):
        if not isinstance(leaf, torch.Tensor) or not stays:
            return leaf
        return known[id(leaf)] if id(leaf) in known else Away(leaf)

    found = FUSED.get(function, function)(*args, **kwargs)
    return original if function is ATEN.copy_.default else tree_map(put_back, found)


def _lstm_cell(from_input, from_hidden, cell, *biases):
    gates = sum((bias for bias in biases if bias is not None), start=from_input + from_hidden)
    enters, stays, new, leaves = gates.chunk(4, dim=1)
    enters, stays, new, leaves = enters.sigmoid(), stays.sigmoid(), new.tanh(), leaves.sigmoid()
    after = stays * cell + enters * new
    return leaves * after.tanh(), after, torch.cat([enters, stays, new, leaves], dim=1)


def _lstm_cell_backward(of_hidden, of_cell, cell, after, gates, has_bias):
    enters, stays, new, leaves = gates.chunk(4, dim=1)
    shown = after.tanh()
    grad = of_cell if of_hidden is None else of_hidden * leaves * (1 - shown**2) + (0 if of_cell is None else of_cell)
    of_leaves = torch.zeros_like(leaves) if of_hidden is None else of_hidden * shown * leaves * (1 - leaves)
    parts = (
        grad * new * enters * (1 - enters),
        grad * cell * stays * (1 - stays),
        grad * enters * (1 - new**2),
        of_leaves,
    )
    found = torch.cat(parts, dim=1)
    return found, grad * stays, found.sum(0) if has_bias else None


# which PyTorch uses on every device but the CPU, where they are missing
FUSED = {
    ATEN._thnn_fused_lstm_cell.default: _lstm_cell,
    ATEN._thnn_fused_lstm_cell_backward_impl.default: _lstm_cell_backward,
}

LIBRARY = torch.library.Library("_", "IMPL")
LIBRARY.fallback(lambda function, *args, **kwargs: _run(function, args, kwargs), "PrivateUse1")

_tensor = torch.tensor


def _make_tensor(data, *, device=None, **options):
    """Make a tensor of plain values: `torch.tensor` does not pass through the dispatcher."""
    return _tensor(data, **options) if device is None else _tensor(data, **options).to(device)


torch.tensor = _make_tensor
