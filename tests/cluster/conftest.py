"""A Slurm cluster of two nodes on this machine, and the tiny workflow run on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("SLURM_LOCAL", ROOT / "../shared/tools/slurm-local.sh")).resolve()

sys.path.insert(0, str(ROOT / "tests/workflow"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Return the environment in which Slurm's commands reach the cluster."""
    if shutil.which("sbatch") is None or shutil.which("munged", path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip("Slurm is not installed: apt-get install slurm-wlm munge")
    if not TOOL.is_file():
        pytest.skip(f"the tool that starts a local Slurm cluster is missing: {TOOL} (name it in SLURM_LOCAL)")
    folder = tmp_path_factory.mktemp("slurm")
    settings = {"SLURM_LOCAL_NODES": "2", "SLURM_LOCAL_CPUS": "8", "SLURM_LOCAL_MEM_MB": "32000"}
    subprocess.run([TOOL, "start", folder], env=os.environ | settings, check=True)
    try:
        exports = subprocess.run(
            ["bash", "-c", f'eval "$({TOOL} env {folder})"; env -0'], check=True, capture_output=True
        )
        yield dict(line.split("=", 1) for line in exports.stdout.decode().split("\0") if line)
    finally:
        subprocess.run([TOOL, "stop", folder], check=True)
