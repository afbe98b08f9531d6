"""Names of TransformerLens and Prisma for places inside the blocks of vision transformers, for every library alike.

`blocks.3.hook_mlp_out` is such a name. Which module it belongs to is found by the names of the modules of the network: those
of timm, open_clip, torchvision and Hugging Face (ViT and CLIP of transformers 5).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

CLASS_TOKEN = ".class_token"
HEADS = "attn.hook_result"
"""The only point whose units are heads."""

# the parts of attention in the order of a fused projection
PARTS = ("q", "k", "v")
_BLOCK = r"(?:.*\.)?(?:blocks\.|resblocks\.|layers\.|encoder_layer_){}"
_VISION = re.compile(r"(?:^|\.)(?:visual|vision)")
_NAME = re.compile(r"blocks\.(\d+)\.((?:attn\.|mlp\.)?hook_\w+)")
_FUSED, _MULTIHEAD = ("attn.qkv",), ("attn", "self_attention")
_SEPARATE, _JOINED = ("attention", "self_attn"), ("attn.proj", "attention.o_proj", "self_attn.out_proj")
# the modules of a block that a point may belong to, each with how it is read; the first that there is counts
POINTS = {
    "hook_resid_pre": (("", "input"),),
    "hook_resid_mid": tuple((name, "input") for name in ("norm2", "ln_2", "layernorm_after", "layer_norm2")),
    "hook_resid_post": (("", "output"),),
    "hook_attn_out": tuple(
        (name, "output") for name in ("drop_path1", "ls_1", "self_attention", "attention", "self_attn")
    ),
    "hook_mlp_out": tuple((name, "output") for name in ("drop_path2", "ls_2", "mlp")),
    "mlp.hook_pre": tuple((name, "output") for name in ("mlp.fc1", "mlp.c_fc", "mlp.0")),
    "mlp.hook_post": tuple((name, "input") for name in ("mlp.fc2", "mlp.c_proj", "mlp.3")),
    **{
        f"attn.hook_{part}": (
            *((name, part) for name in _FUSED),
            *((f"{name}.{part}_proj", "output") for name in _SEPARATE),
            *((name, part) for name in _MULTIHEAD),
        )
        for part in PARTS
    },
    "attn.hook_z": (*((name, "input") for name in _JOINED), *((name, "z") for name in _MULTIHEAD)),
    HEADS: (*((name, "heads") for name in _JOINED), *((name, "heads") for name in _MULTIHEAD)),
}


@dataclass(frozen=True)
class Place:
    """Where in a network a layer is recorded.

    Attributes
    ----------
    module : str
        Dotted path.
    way : str
        `output` or `input` of the module; `q`, `k`, `v`, `z` or `heads` of an attention.
    class_token : bool
        Whether only the class token is recorded.
    """

    module: str
    way: str = "output"
    class_token: bool = False


def locate(layer: str, names: Collection[str]) -> Place | None:
    """Find the module of a layer.

    Parameters
    ----------
    layer : str
        Path of a module or name of a hook point; followed by `.class_token` for the class token alone.
    names : collection of str
        Paths of all modules.

    Returns
    -------
    Place or None
        None if there is none.
    """
    if layer in names:
        return Place(layer)
    if layer.endswith(CLASS_TOKEN):
        whole = locate(layer.removesuffix(CLASS_TOKEN), names)
        return Place(whole.module, whole.way, True) if whole and not whole.class_token else None
    found = _NAME.fullmatch(layer)
    if not found or found[2] not in POINTS:
        return None
    number, point = found.groups()
    block = re.compile(_BLOCK.format(number))
    blocks = [name for name in names if block.fullmatch(name) and _is_block(name, names)]
    # the text of a CLIP has blocks of the same names
    blocks = [name for name in blocks if _VISION.search(name)] or blocks
    if len(blocks) != 1:
        return None
    for child, way in POINTS[point]:
        path = f"{blocks[0]}.{child}" if child else blocks[0]
        if path in names:
            return Place(path, way)
    return None


def _is_block(name: str, names: Collection[str]) -> bool:
    """Return whether a module has an attention and a second norm, as a block of a transformer."""
    return any(f"{name}.{child}" in names for child, _ in POINTS["hook_resid_mid"]) and any(
        f"{name}.{child}" in names for child in ("attn", "attention", "self_attn", "self_attention")
    )
