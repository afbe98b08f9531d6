"""The defects D1 to D28 of the published MILAN program, none of which may come back: each has a test that names it."""

import ast
import re

from places import TESTS

N_DEFECTS = 28


def test_every_defect_has_a_test():
    named = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named |= set(map(int, re.findall(r"\bD(\d+)\b", ast.get_docstring(node) or "")))
    assert named == set(range(1, N_DEFECTS + 1))
