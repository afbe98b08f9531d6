"""The package: built from the checkout, installed by itself, imported fast and without torch or Snakemake."""

import json
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from places import ROOT

sys.path.insert(0, str(ROOT / "envs"))
import generate  # noqa: E402


@pytest.mark.parametrize("name", generate.files())
def test_lists_of_requirements_are_those_of_pyproject(name):
    assert (ROOT / name).read_text() == generate.files()[name], "run `make requirements`"


def test_every_requirement_has_a_reason():
    listed = [entry for name in (*generate.USED, "dev", "docs") for entry in generate.entries(name)]
    assert len(listed) > 25 and all(why for _, why in listed)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return the folder of a wheel and an sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_wheel_holds_the_package_and_nothing_called_lib(built):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"neuron_lexicon"}
    data = ("data/downloads/sources.csv", "reporting/catalog/templates/index.html")
    assert {f"neuron_lexicon/{name}" for name in data} <= set(names)
    modules = {path.relative_to(ROOT / "lib").as_posix() for path in (ROOT / "lib").rglob("*.py")}
    assert {name.removeprefix("neuron_lexicon/") for name in names if name.endswith(".py")} == modules


def test_the_sdist_can_run_the_workflow(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"Snakefile", "config.yaml", "rules/common.smk", "lib/__init__.py", "Makefile"} <= names


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory):
    """Return a folder with the package alone, as `pip install` makes it."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def run(program, folder):
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True)


def test_importing_it_loads_neither_torch_nor_snakemake(installed):
    done = run("import neuron_lexicon, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))", installed)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "neuron_lexicon" in loaded
    assert not loaded & {"torch", "torchvision", "snakemake", "numpy", "pandas", "numba", "zarr", "lib"}


def test_the_version_is_that_of_the_package(installed):
    done = run(
        "import neuron_lexicon, importlib.metadata as m; print(neuron_lexicon.__version__ == m.version('neuron-lexicon'))",
        installed,
    )
    assert done.stdout.strip() == "True", done.stderr


def python_example(name="README.md"):
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.search(r"<!-- python example -->\n```python\n(.*?)```", text, re.S)[1]


def test_the_example_of_the_readme_runs_without_torch_and_snakemake(installed):
    assert python_example() == python_example("docs/python.md")
    blocked = "import sys\nfor name in ('torch', 'snakemake'): sys.modules[name] = None\n"
    done = run(blocked + python_example(), installed)
    assert done.returncode == 0, done.stderr
    assert "(red AND (NOT round))" in done.stdout and "True" in done.stdout


def test_the_notebook_runs_and_prints_what_it_shows(installed):
    cells = json.loads((ROOT / "docs/notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    done = run("\n".join("".join(cell["source"]) for cell in code), installed)
    assert done.returncode == 0, done.stderr
    printed = [
        "".join(output["text"]) for cell in code for output in cell["outputs"] if output["output_type"] == "stream"
    ]
    assert len(printed) == 1 and done.stdout == printed[0]
    assert "0 cluster3 red" in done.stdout and "2 cluster3 blue 1.0 True" in done.stdout
