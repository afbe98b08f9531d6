"""Tensor names in checkpoints: names of older programs, and renames from the config."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import nn

# sizes that OpenAI's archives store beside the weights
CLIP_SIZES = ("input_resolution", "context_length", "vocab_size")

LONGEST_NAME = 200  # characters, in messages

_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..+)")
_CAFFE_VGG = re.compile(r"(?:features\.|classifier\.)?(conv\d_\d|fc[678])[a-z]?\.(weight|bias)")


def edit_keys(
    state_dict: Mapping[str, torch.Tensor], *, key_prefix: str, renames: Sequence[Sequence[str]]
) -> dict[str, torch.Tensor]:
    """Rename the tensors of a checkpoint as configured.

    Parameters
    ----------
    state_dict : mapping of str to torch.Tensor
        The tensors, under the names in the file.
    key_prefix : str
        Prefix removed from the names that start with it.
    renames : sequence of (str, str)
        Regular expressions and their replacements, applied in order. A tensor whose name becomes
        empty is left out.

    Returns
    -------
    dict of str to torch.Tensor
        The tensors under their new names.

    Raises
    ------
    ValueError
        If the prefix or an expression matches no name or is invalid, or if two tensors get the same name.
    """
    names = {key: key.removeprefix(key_prefix) for key in state_dict}
    idle = [key_prefix] if key_prefix and all(key == name for key, name in names.items()) else []
    for pattern, replacement in renames:
        try:
            changed = {key: re.sub(pattern, replacement, name) for key, name in names.items()}
        except (re.error, IndexError) as error:
            raise ValueError(
                f"renames: {[pattern, replacement]} is no regular expression with its replacement: {error}."
            ) from error
        idle += [pattern] if changed == names else []
        names = changed
    if idle:
        raise ValueError(
            f"key_prefix or renames: {', '.join(map(repr, idle))} fits no tensor of the checkpoint, which holds "
            f"{shorten(list(state_dict))}."
        )
    kept = [(name, state_dict[key]) for key, name in names.items() if name]
    if twice := [name for name, n in Counter(name for name, _ in kept).items() if n > 1]:
        raise ValueError(f"key_prefix or renames give several tensors the same name: {shorten(twice)}.")
    return dict(kept)


def rename_keys(state_dict: Mapping[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """Translate the tensor names of old checkpoints to those of current torchvision.

    Known are the prefix `module.` of parallel training, DenseNet's `norm.1`, and VGG's `conv1_1` and `fc6` from Caffe.
    The sizes that OpenAI's CLIPs keep beside their weights are left out.

    Parameters
    ----------
    state_dict : mapping of str to torch.Tensor
        The tensors under old or present names.
    network : torch.nn.Module
        The network they are for.

    Returns
    -------
    dict of str to torch.Tensor
        The same tensors; names that are not known, or that the network has, stay.

    Raises
    ------
    ValueError
        If two tensors get the same name.
    """
    caffe_names, present = _caffe_names(network), network.state_dict().keys()
    renamed: dict[str, torch.Tensor] = {}
    for key, tensor in state_dict.items():
        new = key if key in present else re.sub(r"(^|\.)module\.", r"\1", key)
        if match := _OLD_DENSENET.fullmatch(new):
            new = match[1] + match[2]
        if (match := _CAFFE_VGG.fullmatch(new)) and match[1] in caffe_names:
            new = f"{caffe_names[match[1]]}.{match[2]}"
        if new in CLIP_SIZES:
            continue
        if new in renamed:
            raise ValueError(f"The checkpoint holds {new} twice, under different names ({key} is one).")
        renamed[new] = tensor
    return renamed


def _caffe_names(network: nn.Module) -> dict[str, str]:
    """Map Caffe's names of VGG layers to module paths, such as conv1_2 to features.2; empty for other networks."""
    names: dict[str, str] = {}
    if type(network).__name__ != "VGG":
        return names
    block, position = 1, 1
    for index, layer in network.features.named_children():
        if isinstance(layer, nn.MaxPool2d):
            block, position = block + 1, 1
        elif isinstance(layer, nn.Conv2d):
            names[f"conv{block}_{position}"] = f"features.{index}"
            position += 1
    return names | {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}


def shorten(keys: list[str]) -> str:
    """Return the first names of many, and how many more there are; odd names from files are shortened."""
    first = [key if key.isprintable() and len(key) <= LONGEST_NAME else ascii(key[:LONGEST_NAME]) for key in keys[:5]]
    return ", ".join(first) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
