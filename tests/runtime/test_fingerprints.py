import pytest

from lib.runtime import fingerprints
from lib.runtime.fingerprints import code_hash

FILES = {
    "lib/__init__.py": '"""The project."""\n',
    "lib/stages/__init__.py": "",
    "lib/stages/cook.py": (
        '"""A stage."""\n\nimport os\n\nfrom lib.kernels import heat\n\n\n'
        'def cook():\n    """Cook."""\n    return heat.warm(2)\n'
    ),
    "lib/kernels/__init__.py": "",
    "lib/kernels/heat.py": "import lib.kernels.numbers as numbers\n\n\ndef warm(x):\n    return numbers.TWO * x\n",
    "lib/kernels/numbers.py": "import lib.kernels.heat\n\nTWO = 2  # a number\n",
    "lib/kernels/other.py": "VALUE = 1\n",
    "lib/stages/lazy.py": "def lazy():\n    from lib.kernels.numbers import TWO\n\n    return TWO\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)

    def forget():
        fingerprints._read.cache_clear()
        code_hash.cache_clear()

    def edit(name, old, new):
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1))
        forget()

    forget()
    yield edit
    forget()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lib/stages/cook.py", "import os\n", "import os  # the operating system\n\n\n"),
        ("lib/stages/cook.py", '"""Cook."""', '"""Cook slowly, please."""'),
        ("lib/stages/cook.py", '"""A stage."""', ""),
        ("lib/kernels/numbers.py", "  # a number", ""),
        ("lib/kernels/other.py", "1", "2"),
        ("lib/stages/lazy.py", "TWO", "TWO as THREE"),
    ],
)
def test_what_computes_nothing_changes_no_hash(project, name, old, new):
    before = code_hash("lib.stages.cook")
    project(name, old, new)
    assert code_hash("lib.stages.cook") == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lib/stages/cook.py", "warm(2)", "warm(3)"),
        ("lib/kernels/heat.py", "TWO * x", "TWO + x"),
        ("lib/kernels/numbers.py", "= 2", "= 3"),
        ("lib/kernels/numbers.py", "TWO = 2", 'TWO = 2\nNOTE = "not a docstring"'),
    ],
)
def test_a_change_of_the_stage_or_of_a_helper_two_imports_away_changes_it(project, name, old, new):
    before = code_hash("lib.stages.cook")
    project(name, old, new)
    assert code_hash("lib.stages.cook") != before


def test_imports_inside_functions_count(project):
    before = code_hash("lib.stages.lazy")
    project("lib/kernels/numbers.py", "= 2", "= 3")
    assert code_hash("lib.stages.lazy") != before


def test_the_form_of_the_hash(project):
    digest = code_hash("lib.stages.cook")
    assert len(digest) == 16 and int(digest, 16) >= 0
    assert digest != code_hash("lib.stages.lazy")


def test_an_unknown_module_is_refused(project):
    with pytest.raises(ModuleNotFoundError, match=r"lib\.stages\.fry has no source file"):
        code_hash("lib.stages.fry")


def test_files_that_a_module_reads_count(project):
    before = code_hash("lib.stages.cook", "lib/pages")
    (fingerprints.ROOT / "lib/pages").mkdir()
    (fingerprints.ROOT / "lib/pages/page.html").write_text("one")
    code_hash.cache_clear()
    with_page = code_hash("lib.stages.cook", "lib/pages")
    project("lib/pages/page.html", "one", "two")
    assert len({before, with_page, code_hash("lib.stages.cook", "lib/pages")}) == 3
