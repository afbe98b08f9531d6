"""The defects D1 to D28 of the published MILAN program, none of which may come back.

Each has a test whose docstring names it, but for those that have no place here:

=== =================================================================== ===========================================
D   what the published program does                                     why it cannot exist here
=== =================================================================== ===========================================
16  saves inputs of generators as a tuple, expects tensors on reading   inputs of generators are neither saved nor read
=== =================================================================== ===========================================
"""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
N_DEFECTS = 28


def test_every_defect_has_a_test_or_a_reason():
    named = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named |= set(map(int, re.findall(r"\bD(\d+)\b", ast.get_docstring(node) or "")))
    excused = set(map(int, re.findall(r"^(\d+) ", __doc__, re.M)))
    assert not named & excused, "these have a test: take them out of the table"
    assert named | excused == set(range(1, N_DEFECTS + 1))
