"""The presets of published papers are valid and can be planned with the config's other settings."""

import subprocess
import sys

import pytest
import yaml
from places import ROOT

from lib.config.schema import complete, read_schema

PRESETS = sorted((ROOT / "configs").glob("*.yaml"))
SCHEMA = read_schema(ROOT / "rules/schemas/config.schema.yaml")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_presets_are_valid(preset):
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for section, values in yaml.safe_load(preset.read_text(encoding="utf-8")).items():
        config[section] = config[section] | values if isinstance(values, dict) else values
    complete(config, SCHEMA)
    text = preset.read_text(encoding="utf-8")
    assert f"--configfile configs/{preset.name} ..." in text, "the comment says how to use it"


def test_there_is_one_for_each_method():
    assert len(PRESETS) == 4


@pytest.mark.workflow
def test_a_preset_is_planned(tmp_path):
    target = "results/resnet18/playground/playground/metrics.csv"
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(tmp_path), target, "--configfile", str(ROOT / "configs/network_dissection.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "explain_units" in done.stdout + done.stderr
