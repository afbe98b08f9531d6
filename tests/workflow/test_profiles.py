"""The Slurm profile fits the workflow: whatever is asked for can be planned with its groups, and it knows its rules."""

import re

import pytest
import yaml
from tiny_workflow import ROOT, Workflow

pytestmark = pytest.mark.workflow

PROFILE = ROOT / "profiles/slurm"
RULES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
MUCH = {
    "targets": [
        {"model": name, "dataset": "playground", "concepts": ["playground"]} for name in ("resnet18", "alexnet")
    ],
    "models": {"alexnet": {"layers": ["features.1"]}},
    "metrics": {"masking_images": 1},
    "explanations": {"chunks": 3},
    "milan": {"chunks": 3},
    "activations": {"shards": 3},
    "exemplars": {"shards": 3},
}


@pytest.mark.parametrize(
    ("target", "settings"),
    [("all", {}), ("all", MUCH), ("analyses", MUCH), ("results/resnet18/places365/descriptions.csv", {})],
    ids=["all", "many", "analyses", "published"],
)
def test_jobs_can_be_grouped(tmp_path, target, settings):
    planned = Workflow(tmp_path).planned(target, "--workflow-profile", str(PROFILE), settings=settings, cores=None)
    assert len(planned) > 5


def test_cores_are_set_for_the_rules_that_use_several():
    profile = yaml.safe_load((PROFILE / "profile.v9+.yaml").read_text(encoding="utf-8"))
    rules = {re.match(r"\w+", part)[0]: part for part in re.split(r"^(?:rule|checkpoint) ", RULES, flags=re.M)[1:]}
    parallel = {name for name, text in rules.items() if re.search(r"^    threads:", text, re.M)}
    assert set(profile["set-threads"]) == parallel
    inherited = set(re.findall(r"^use rule \w+ as (\w+)", RULES, re.M))
    assert set(profile["set-resources"]) <= set(rules) | inherited
    assert {group.split("=")[0] for group in profile["groups"]} <= set(rules)
