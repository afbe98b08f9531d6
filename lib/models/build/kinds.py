"""Determine the origin of a network from its config key `models.*.factory`, without torch."""

from pathlib import Path

SCRIPTS = (".pt", ".pth", ".ts", ".jit", ".torchscript")
EXPORT = ".pt2"
GENERATOR = "playground_generator"
LIBRARIES = ("torchvision", "timm")
"""Kinds of factories whose networks run the same layers in the same order on every batch, in any layout of the memory."""
PASSES = {"fold_batch_norms": False, "precision": "float32"}
"""Settings of the forward passes that record activations, with their defaults."""
LISTING = "To list the layers: snakemake --cores 1 results/MODEL/DATASET/layers.csv"
# the places in a Hugging Face folder where weights may be
HF_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def factory_kind(factory: str) -> str:
    """Return the kind of a factory.

    Parameters
    ----------
    factory : str
        As in the config.

    Returns
    -------
    str
        `timm`, `hf`, `biggan`, `file` (a function in a Python file), `script` (a TorchScript archive), `export` (an archive
        of torch.export), `generator` (the playground's) or `torchvision`.

    Raises
    ------
    ValueError
        If it is a Python file without a function.
    """
    prefix, _, name = factory.partition(":")
    if prefix in ("timm", "hf", "biggan"):
        return prefix
    if factory == GENERATOR:
        return "generator"
    if ".py:" in factory:
        return "file"
    if factory.endswith(".py"):
        raise ValueError(f"factory {factory!r} names no function; write {factory}:name_of_the_function.")
    suffix = Path(factory).suffix.lower()
    if suffix == EXPORT:
        return "export"
    return "script" if suffix in SCRIPTS else "torchvision"


def split_function(factory: str) -> tuple[str, str]:
    """Return (path, function) of a factory of the kind `file`."""
    path, _, function = factory.rpartition(":")
    return path, function


def own_weights(factory: str) -> str | list[str]:
    """Return the file of a factory's pretrained weights, or an empty list if it is not known.

    Parameters
    ----------
    factory : str

    Returns
    -------
    str or list

    Raises
    ------
    ValueError
        If it is a Hugging Face folder without weights, or a network that brings none.
    """
    kind = factory_kind(factory)
    if kind in ("script", "export"):
        return factory
    if kind in ("torchvision", "generator", "biggan"):
        use = {"torchvision": "`imagenet`", "generator": "`playground`"}.get(kind, "the path of its checkpoint")
        raise ValueError(f"The network {factory} has no pretrained weights; use {use}.")
    folder = Path(factory.removeprefix("hf:"))
    if kind == "hf" and folder.is_dir():
        found = [str(folder / name) for name in HF_WEIGHTS if (folder / name).is_file()]
        if not found:
            raise ValueError(f"The folder {folder} holds no weights ({', '.join(HF_WEIGHTS)}); use `weights: none`.")
        return found[0]
    return []
