"""Fingerprints of the code of a rule, and of all inputs of a job that can resume after an interruption."""

import ast
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .checksums import digest_of
from .regular_files import check_regular_file

ROOT = Path(__file__).resolve().parents[2]


def _source(module: str) -> Path | None:
    """Return the file of one of the project's modules, or None for other modules."""
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _strip_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
    return tree


def _imported(tree: ast.Module, module: str) -> set[str]:
    """Return the dotted names of what a module imports, with relative imports resolved; some may be no modules."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
    return found


@cache
def _read(module: str) -> tuple[str, frozenset[str]]:
    """Return a digest of a module's syntax tree and the names of the project's modules that it imports."""
    tree = ast.parse(_source(module).read_bytes())
    package = module.split(".")[0]
    imported = frozenset(name for name in _imported(tree, module) if name.split(".")[0] == package and _source(name))
    return hashlib.sha256(ast.dump(_strip_docstrings(tree)).encode()).hexdigest(), imported


@cache
def code_hash(module: str, *folders: str) -> str:
    """Return a hash of a module, of all modules of this project that it imports, and of the files in some folders.

    Comments, docstrings and white space of modules are ignored. Nothing is imported.

    Parameters
    ----------
    module : str
        Dotted name, such as `lib.stages.explanations.find_ranges`.
    *folders : str
        Folders below the project's root whose files the module reads, such as `lib/reporting/catalog/templates`.

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    ModuleNotFoundError
        If the project has no such module.
    """
    digests, waiting = {}, [module]
    while waiting:
        name = waiting.pop()
        if name in digests:
            continue
        if _source(name) is None:
            raise ModuleNotFoundError(f"{name} has no source file below {ROOT}")
        digests[name], imported = _read(name)
        waiting.extend(imported)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digests[path.relative_to(ROOT).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]


def fingerprint(*parts: Any) -> str:
    """Return a digest of all parts, by which a later run decides whether it can resume a result.

    Parameters
    ----------
    *parts : object
        Arrays, by dtype, shape and values, and any object with an unambiguous `repr`.

    Returns
    -------
    str
        A sha256, in hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part))
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def fingerprint_inputs(images: Sequence[str], weights: str | Sequence[str]) -> str:
    """Return the fingerprint of the input files of a pass over images.

    Parameters
    ----------
    images : sequence of str
        Paths; the sizes of the files are included.
    weights : str or list of str
        Checkpoint, included by its bytes; an empty list for random weights.

    Raises
    ------
    ValueError
        If the checkpoint is no regular file.
    """
    if weights:
        check_regular_file(weights, name="checkpoint")
    sizes = [Path(path).stat().st_size for path in images]
    return fingerprint(list(images), sizes, digest_of(weights) if weights else "random")
