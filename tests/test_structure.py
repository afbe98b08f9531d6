"""The house rules that a program can check: who imports whom, sizes of modules, docstrings, and how rules are built."""

import ast
import re
import subprocess
from pathlib import Path

import jinja2
import pytest
from places import ROOT

MODULES = sorted((ROOT / "lib").rglob("*.py"))
SCRIPTS = sorted((ROOT / "workflow_scripts").rglob("*.py"))
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))
GROUPS = {
    "downloads",
    "playground",
    "concepts",
    "activations",
    "exemplars",
    "captions",
    "explanations",
    "analyses",
    "evidence",
    "arena",
    "crowd",
    "experiments",
    "report",
}
# which rooms a room may use besides itself and `runtime`; imports go down only
ROOMS = {
    "runtime": set(),
    "kernels": set(),
    "data": {"kernels"},
    "models": {"kernels"},
    "playground": {"data", "kernels"},
    "captioning": {"models", "kernels"},
    "reporting": {"data", "kernels"},
    "stages": {"playground", "captioning", "reporting", "data", "models", "kernels"},
    "config": {"data", "models"},
    "api": {"captioning", "reporting", "data", "models", "kernels"},
}
HAS_PARAMETERS = re.compile(r"^Parameters(\n-+$| are those of )", re.M)
TORCH_ROOMS = {"models", "captioning", "stages", "api"}
USES_TORCH = {"lib.runtime.blocks", "lib.kernels.metrics.bert_score"}


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def room_of(module):
    return module.split(".")[1]


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def imports_of(tree, module=""):
    """Yield the absolute dotted names of all modules that a tree imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if base.split(".")[0] == "lib" and is_module(full) else base


def public(nodes):
    return [
        node
        for node in nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    ]


def parameters_of(function):
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in named if argument.arg not in ("self", "cls")]


def is_compiled(function):
    """Return whether numba compiles a function; such functions take no keywords."""
    return any("njit" in ast.dump(decorator) for decorator in function.decorator_list)


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def test_the_tree_is_found():
    assert len(MODULES) > 40 and len(SCRIPTS) > 15 and len(RULE_FILES) > 8


@each_module
def test_imports_go_one_way(path):
    module = name_of(path)
    if path.name == "__init__.py":
        return
    room, tree = room_of(module), tree_of(path)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            assert "lib" not in {name.split(".")[0] for name in names}, "imports inside lib are relative"
    for imported in imports_of(tree, module):
        top = imported.split(".")[0]
        if top in ("torch", "torchvision"):
            assert room in TORCH_ROOMS or module in USES_TORCH, f"{module} imports {imported}"
        if top in ("workflow_scripts", "tests", "snakemake"):
            pytest.fail(f"{module} imports {imported}")
        if top == "lib":
            other = room_of(imported)
            assert other in {room, "runtime"} | ROOMS[room], f"{module} imports {imported}"
            if room == "stages":
                assert other != "stages", f"{module} imports {imported}: a stage never imports a stage"


def test_the_rooms_are_those_of_the_plan():
    assert {path.name for path in (ROOT / "lib").iterdir() if path.is_dir() and path.name[0] != "_"} == set(ROOMS)
    for folder in ("lib/stages", "workflow_scripts"):
        found = {path.name for path in (ROOT / folder).iterdir() if path.is_dir() and path.name[0] != "_"}
        assert found == GROUPS, folder
    assert {path.stem for path in RULE_FILES} == GROUPS | {"common", "config", "inputs"}


def test_no_folder_holds_too_much():
    files = [path for path in (ROOT / "lib").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for folder in {path.parent for path in files}:
        assert len([path for path in files if path.parent == folder and path.name != "__init__.py"]) <= 14, folder
    assert len((ROOT / "rules/common.smk").read_text().splitlines()) <= 150


@each_module
def test_modules_are_small_and_silent(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 320, f"{len(text.splitlines())} lines"
    tree = tree_of(path)
    assert ast.get_docstring(tree), "no docstring"
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [node.func.id for node in calls if isinstance(node.func, ast.Name)]
    assert not {"print", "eval", "exec"} & set(names)
    if path.name == "__init__.py" and path.parent.name != "lib":
        assert len(tree.body) == 1, "only a docstring belongs here"


def test_no_module_is_a_drawer_for_everything():
    forbidden = {"utils", "util", "helpers", "misc", "common"}
    assert not [path for path in MODULES if path.stem in forbidden]


@each_module
def test_public_things_are_documented(path):
    missing = []
    for node in public(tree_of(path).body):
        document = ast.get_docstring(node) or ""
        if not document:
            missing.append(f"{node.name}: no docstring")
        if isinstance(node, ast.ClassDef):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            missing += [f"{node.name}.{m.name}: no docstring" for m in public(methods) if not ast.get_docstring(m)]
            builder = [m for m in methods if m.name == "__init__"]
            if builder and len(parameters_of(builder[0])) > 2 and not HAS_PARAMETERS.search(document):
                missing.append(f"{node.name}: no section Parameters")
        elif len(parameters_of(node)) > 2 and not is_compiled(node) and not HAS_PARAMETERS.search(document):
            missing.append(f"{node.name}: no section Parameters")
    assert not missing


@each_module
def test_documented_parameters_are_the_real_ones(path):
    """A section Parameters names all parameters, in their order."""
    for node in public(tree_of(path).body):
        document = ast.get_docstring(node) or ""
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", document, re.M | re.S)
        if not section:
            continue
        described = []
        for line in section[1].splitlines():
            if re.match(r"\*{0,2}\w+(, \*{0,2}\w+)*( : .*)?$", line):
                described += [name.strip(" *") for name in line.split(" : ")[0].split(",")]
        if isinstance(node, ast.ClassDef):
            builder = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
            expected = parameters_of(builder[0]) if builder else described
        else:
            expected = parameters_of(node)
            expected += [extra.arg for extra in (node.args.vararg, node.args.kwarg) if extra]
        assert sorted(described) == sorted(expected), node.name


@each_module
def test_few_parameters_are_positional(path):
    things = public(tree_of(path).body)
    things += [method for thing in things if isinstance(thing, ast.ClassDef) for method in public(thing.body)]
    for node in things:
        if isinstance(node, ast.FunctionDef) and node.name != "forward" and not is_compiled(node):
            positional = [a.arg for a in [*node.args.posonlyargs, *node.args.args] if a.arg not in ("self", "cls")]
            assert len(positional) <= 3, f"{node.name}({', '.join(positional)})"


@each_module
def test_public_functions_have_types(path):
    """Ruff checks most of it; this also covers the modules with compiled functions, whose types numba infers."""
    things = public(tree_of(path).body)
    things += [method for thing in things if isinstance(thing, ast.ClassDef) for method in public(thing.body)]
    missing = []
    for function in things:
        if isinstance(function, ast.FunctionDef) and not is_compiled(function):
            arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            missing += [
                f"{function.name}({a.arg})" for a in arguments if not a.annotation and a.arg not in ("self", "cls")
            ]
            missing += [] if function.returns else [f"{function.name} ->"]
    assert not missing


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(name_of(path)) == "stages"], ids=name_of)
def test_stages_take_keywords_without_defaults(path):
    if path.name == "__init__.py":
        return
    functions = [node for node in public(tree_of(path).body) if isinstance(node, ast.FunctionDef)]
    assert path.stem in [node.name for node in functions], "the stage function bears the module's name"
    for node in functions:
        assert not node.args.args and not node.args.posonlyargs and node.args.kwonlyargs, node.name
        assert not any(default is not None for default in node.args.kw_defaults), node.name


def stage_of(script):
    """Return the module that a workflow script imports beside lib.runtime.job."""
    imported = sorted(set(imports_of(tree_of(script))) - {"lib.runtime.job"})
    assert len(imported) == 1, f"{script.name} imports {imported}"
    return imported[0]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_workflow_scripts_are_thin(script):
    tree = tree_of(script)
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 8
    assert "lib.runtime.job" in imports_of(tree)
    module = stage_of(script)
    assert room_of(module) in ("stages", "reporting") and is_module(module)
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert len(imported) == 2 and script.stem in imported, "one function, named as the script"
    source = ast.parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
    assert script.stem in [node.name for node in public(source.body)]


def rules():
    """Return {rule name: its text}, the same of variants of rules, and the names of the local rules."""
    found, variants, local = {}, {}, set()
    for path in RULE_FILES:
        text = path.read_text(encoding="utf-8")
        for part in re.split(r"^(?=use rule |rule |checkpoint |localrules)", text, flags=re.M)[1:]:
            if part.startswith("localrules"):
                local |= set(re.findall(r"^\s+(\w+),?$", part, re.M))
            elif part.startswith("use rule"):
                variants[re.match(r"use rule (\w+) as (\w+)", part).groups()] = part
            else:
                found[re.match(r"\w+ (\w+):", part)[1]] = part
    # a variant has what it does not change from its rule
    return found, {name: found[rule] + part for (rule, name), part in variants.items()}, local


RULES, VARIANTS, LOCAL_RULES = rules()


@pytest.mark.parametrize("name", RULES)
def test_rules_have_what_every_rule_has(name):
    text = RULES[name]
    keys = set(re.findall(r"^    (\w+):", text, re.M))
    assert {"log", "conda", "output", "script"} <= keys
    if not name.startswith(("fetch_", "merge_")) and name not in LOCAL_RULES:
        assert "benchmark" in keys
    assert not keys & {"shell", "run"}


@pytest.mark.parametrize("name", [name for name in RULES if not name.startswith("fetch_")])
def test_rules_rerun_when_their_code_changes(name):
    text = RULES[name]
    script = ROOT / "rules" / re.search(r'script:\s+"([^"]+)"', text)[1]
    module = stage_of(script.resolve())
    assert re.findall(r'\b(?:code|version)=code_hash\(\s*"([^"]+)"', text) == [module]


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_settings_are_one_param(path):
    """Snakemake compares params as a set of values, in which one may hide the change of another."""
    for params in re.findall(r"^    params:\n((?: {8}.*\n)+)", path.read_text(encoding="utf-8"), re.M):
        assert set(re.findall(r"^ {8}(\w+)", params, re.M)) <= {"settings", "trusted_sha256", "contents", "code"}


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_rules_scripts_and_stages_share_a_group(path):
    for group, name in re.findall(r'script:\s+"../workflow_scripts/(\w+)/(\w+)\.py"', path.read_text(encoding="utf-8")):
        assert group == path.stem, name
        module = stage_of(ROOT / "workflow_scripts" / group / f"{name}.py")
        assert room_of(module) == "reporting" or module.split(".")[2] == group, module


def test_every_workflow_script_has_a_rule():
    used = {Path(script).name for text in RULES.values() for script in re.findall(r'script:\s+"([^"]+)"', text)}
    assert used == {script.name for script in SCRIPTS}


def test_no_file_names_this_machine():
    """No path of a developer's machine and no private package index belongs into the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    machine = re.compile(r"(?<![\w.$}])/(?:work|tmp|root|home/\w+)/")
    index = re.compile(r"(?:index[-_]url|find[-_]links|trusted[-_]host)\W+(?:https?://)?([\w.-]+)", re.I)
    public_hosts = {"pypi.org", "files.pythonhosted.org", "download.pytorch.org"}
    found = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if not path.is_file() or path == Path(__file__).resolve():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if (machine.search(line) and "/evil" not in line) or any(
                host not in public_hosts for host in index.findall(line)
            ):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


class _Strict:
    """Stands for the job that a caption of the report is about: names that its rule lacks are errors."""

    def __init__(self, rule):
        text = (RULES | VARIANTS)[rule]
        self.wildcards = {name: name for name in re.findall(r"(?<!\{)\{(\w+)\}(?!\})", text)}
        self.params = {"settings": dict.fromkeys(re.findall(r"^            (\w+)=", text, re.M), "value")}
        self.config = {"seed": 0}


CAPTIONS = [
    (name, caption)
    for name, text in (RULES | VARIANTS).items()
    for caption in re.findall(r'caption="captions/(\w+)\.rst"', text)
]


@pytest.mark.parametrize(("rule", "caption"), CAPTIONS)
def test_captions_of_the_report_name_what_their_rule_has(rule, caption):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    text = (ROOT / f"rules/captions/{caption}.rst").read_text(encoding="utf-8")
    for plot in re.findall(r'plot == "(\w+)"', text) or [""]:
        job = _Strict(rule)
        job.wildcards |= {"plot": plot} if plot else {}
        rendered = environment.from_string(text).render(snakemake=job)
        assert "{" not in rendered and len(rendered) > 60


def test_every_caption_is_used():
    used = {caption for _, caption in CAPTIONS} | {"workflow"}
    assert used == {path.stem for path in (ROOT / "rules/captions").glob("*.rst")}
