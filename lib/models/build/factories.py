"""Build networks from torchvision, timm, Hugging Face, a Python file of the user or an archive of torch."""

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from ...runtime.regular_files import check_regular_file
from ..recording.layer_names import nearest
from ..weights.trust import check_trust
from .generators import PlaygroundGenerator, build_biggan
from .kinds import GENERATOR, factory_kind, split_function
from .scripted import open_script
from .zoo import build_network, layer_names

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


@dataclass(frozen=True)
class Recipe:
    """Settings from which a network is built and its weights are read.

    Attributes
    ----------
    factory : str
        As in the config.
    arguments : dict
        Keyword arguments of the factory.
    own_weights : bool
        Whether to use the pretrained weights of the factory.
    key_prefix : str
        Prefix removed from the tensor names in the checkpoint.
    renames : list of (str, str)
        Regular expressions and their replacements in tensor names; a tensor whose name becomes empty is left out.
    sha256 : str
        Digest that the checkpoint must have; empty for any.
    code : str
        Digest of the user's file, so that its changes trigger a rerun.
    """

    factory: str
    arguments: dict = field(default_factory=dict)
    own_weights: bool = False
    key_prefix: str = ""
    renames: list = field(default_factory=list)
    sha256: str = ""
    code: str = ""


def build(recipe: Recipe, *, n_classes: int | None, seed: int, trusted_sha256: list[str]) -> torch.nn.Module:
    """Build a network, with random weights or the pretrained weights of its factory.

    Parameters
    ----------
    recipe : Recipe
    n_classes : int or None
        Number of outputs, for torchvision and timm; None for the default of the factory.
    seed : int
        Seed of the random weights. The global random state of torch is restored.
    trusted_sha256 : list of str
        Digests of the archives that may be read, because their code runs.

    Returns
    -------
    torch.nn.Module
        On the CPU, in evaluation mode.

    Raises
    ------
    ValueError
        If there is no such network, or if it cannot be built; the message gives the cause.
    """
    kind, arguments = factory_kind(recipe.factory), dict(recipe.arguments)
    if kind == "torchvision":
        return build_network(recipe.factory, n_classes=n_classes, seed=seed, arguments=arguments)
    if arguments and kind in ("script", "export"):
        raise ValueError(f"{recipe.factory} is built already and takes no `arguments`, which are {arguments}.")
    if n_classes is not None:
        arguments = {"num_classes": n_classes, **arguments}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if kind == "timm":
            network = _timm(recipe.factory.removeprefix("timm:"), arguments, recipe.own_weights)
        elif kind == "hf":
            network = _hugging_face(recipe.factory.removeprefix("hf:"), arguments, recipe.own_weights)
        elif kind == "generator":
            network = _generator(arguments)
        elif kind == "biggan":
            network = build_biggan(recipe.factory.removeprefix("biggan:"), arguments)
        elif kind == "file":
            network = _call(*split_function(recipe.factory), arguments)
        else:
            return _archive(recipe.factory, kind, trusted_sha256)
    return network.eval()


def known_layers(recipe: Recipe, *, trusted_sha256: list[str]) -> list[str]:
    """List the layer names of a network without reading a checkpoint.

    Parameters
    ----------
    recipe : Recipe
    trusted_sha256 : list of str
        As for `build`.

    Returns
    -------
    list of str
        Dotted module paths, in the order of definition, without containers of modules.

    Raises
    ------
    ValueError
        If the network cannot be built.
    """
    if factory_kind(recipe.factory) == "torchvision" and not recipe.arguments:
        return layer_names(recipe.factory)
    network = build(recipe, n_classes=None, seed=0, trusted_sha256=trusted_sha256)
    return [name for name, module in network.named_modules() if name and not isinstance(module, CONTAINERS)]


def _generator(arguments: dict) -> nn.Module:
    try:
        return PlaygroundGenerator(**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{GENERATOR} with the arguments {arguments} could not be built: {error}") from error


def _timm(name: str, arguments: dict, own_weights: bool) -> nn.Module:
    timm = _package("timm", "timm:NAME")
    if not timm.is_model(name):
        raise ValueError(f"timm {timm.__version__} has no network {name!r}. {nearest(name, timm.list_models())}")
    try:
        return timm.create_model(name, pretrained=own_weights, **arguments)
    except Exception as error:
        cause = "its weights could not be loaded" if own_weights else "it could not be built"
        raise ValueError(
            f"timm:{name} with the arguments {arguments}: {cause} ({type(error).__name__}: {error}). Without network access, "
            "give the path of its weights in `weights`."
        ) from error


def _hugging_face(name: str, arguments: dict, own_weights: bool) -> nn.Module:
    transformers = _package("transformers", "hf:NAME")
    try:
        arguments = {"trust_remote_code": False, **arguments}  # the default would prompt the user
        settings = transformers.AutoConfig.from_pretrained(name, local_files_only=True, **arguments)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"hf:{name} is neither a folder with a config.json nor in the cache of Hugging Face on this machine "
            f"({str(error).splitlines()[0]}). Download it first (hf download {name}) or give the folder."
        ) from error
    architectures = settings.architectures or ["ForImageClassification"]
    classifies = architectures[0].endswith("ForImageClassification")
    family = transformers.AutoModelForImageClassification if classifies else transformers.AutoModel
    try:
        if not own_weights:
            return family.from_config(settings)
        network, loaded = family.from_pretrained(
            name, config=settings, local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except Exception as error:
        raise ValueError(f"hf:{name} could not be built: {type(error).__name__}: {error}") from error
    if missing := sorted(loaded["missing_keys"]) + [str(key) for key in loaded["mismatched_keys"]]:
        raise ValueError(f"hf:{name}: its weights lack {', '.join(missing[:5])}, which would stay random.")
    return network


def _call(path: str, function: str, arguments: dict) -> nn.Module:
    """Call a function of the user's file, which may import modules from its folder."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"The file {path} does not exist; config key models.*.factory.")
    name = f"user_network_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]}"
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # data classes need their module there
        spec.loader.exec_module(module)
        functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        if not callable(getattr(module, function, None)):
            raise ValueError(f"it has no function {function!r}. {nearest(function, functions)}")
        network = getattr(module, function)(**arguments)
    except (Exception, SystemExit) as error:  # a script may exit during its import
        raise ValueError(f"factory {path}:{function} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(file.resolve().parent))
    if not isinstance(network, nn.Module):
        raise ValueError(f"factory {path}:{function} returned {type(network).__name__}, which is no torch.nn.Module.")
    return network


def _archive(path: str, kind: str, trusted_sha256: list[str]) -> nn.Module:
    """Open an archive of torch; it contains code that runs on loading and in the forward pass."""
    if not Path(path).exists():
        raise ValueError(f"The archive {path} does not exist; config key models.*.factory.")
    check_regular_file(path, name="file")
    writer = "TorchScript" if kind == "script" else "torch.export"
    check_trust(path, trusted_sha256, danger=f"{path} is an archive of {writer}, whose code could run any program.")
    if kind == "export":
        return _exported(path)  # it has no training mode
    return open_script(path).eval()


def _exported(path: str) -> nn.Module:
    try:
        program = torch.export.load(path)
        network = torch.export.unflatten(program)
    except Exception as error:
        raise ValueError(f"{path} is not a readable archive of torch.export: {error}") from error
    inputs = set(program.graph_signature.user_inputs)
    shapes = [node.meta["val"].shape for node in program.graph.nodes if node.name in inputs]
    if shapes and isinstance(shapes[0][0], int):
        raise ValueError(
            f"{path} was exported for batches of {shapes[0][0]} images; export it for any number, with "
            "dynamic_shapes=({0: torch.export.Dim('batch')},)."
        )
    return network


def _package(name: str, use: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(f"`factory: {use}` needs the package {name}: pip install {name}") from error
