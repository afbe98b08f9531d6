"""A hash of the code that a rule runs, so that a change in `lib/` reruns just the rules that import it."""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _source(module):
    """Return the file of one of the project's modules, or None for foreign ones."""
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _strip_docstrings(tree):
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


@cache
def _read(module):
    """Return a digest of a module's syntax tree and the names of the project's modules that it imports."""
    tree = ast.parse(_source(module).read_bytes())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    digest = hashlib.sha256(ast.dump(_strip_docstrings(tree)).encode()).hexdigest()
    return digest, frozenset(name for name in imported if name.split(".")[0] == "lib" and _source(name))


@cache
def code_hash(module, *folders):
    """Return a hash of a module, of all modules of this project that it imports, and of the files in some folders.

    Comments, docstrings and white space of modules do not count. Nothing is imported.

    Parameters
    ----------
    module : str
        Dotted name, such as `lib.stages.find_ranges`.
    *folders : str
        Folders below the project's root whose files the module reads, such as `lib/reporting/templates`.

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
            if path.is_file():
                digests[path.relative_to(ROOT).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]
