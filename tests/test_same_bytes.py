"""No result depends on what else is computed with it, whatever instructions the processor has."""

import os
import subprocess
import sys

import pytest
from places import HELPERS

SCRIPT = HELPERS / "ragged.py"
# what the manual gives to force one instruction set
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


@pytest.mark.parametrize("instructions", [{}, AVX2], ids=["default", "AVX2"])
def test_results_do_not_depend_on_the_sizes_of_batches(instructions):
    done = subprocess.run([sys.executable, SCRIPT], env=os.environ | instructions, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cases = done.stdout.splitlines()
    assert len(cases) > 25
    assert [case for case in cases if not case.startswith("same: ")] == []
