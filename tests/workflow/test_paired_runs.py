"""Several networks and concept sets in one call are compared, by default and on request."""

import pytest
from tiny_workflow import Workflow

pytestmark = pytest.mark.workflow

CONCEPTS = {"source": "playground", "subset": "val/", "categories": ["color", "scene"]}


def test_two_networks_with_two_concept_sets_are_compared(tmp_path):
    targets = [
        {"model": "resnet18", "dataset": "playground", "concepts": ["playground"]},
        {"model": "alexnet", "dataset": "playground", "concepts": ["playground", "few"]},
    ]
    settings = {
        "targets": targets,
        "concepts": {"few": CONCEPTS},
        "models": {"alexnet": {"layers": ["features.1"]}},
    }
    workflow = Workflow(tmp_path)
    planned = workflow.planned(settings=settings)
    assert planned["compare_targets"] == 1
    assert planned["explain_units"] == 2 + 1 + 1, "layers of resnet18, and of alexnet twice"
    assert planned["plant_units"] == 1
    assert planned["write_catalog"] == 2 and planned["build_concepts"] == 2
    # also one network with two concept sets; a target alone on request
    settings["targets"] = targets[1:]
    assert workflow.planned(settings=settings)["compare_targets"] == 1
    planned = workflow.planned("results/comparison.csv")
    assert planned["compare_targets"] == 1 and "collect_exemplars" not in planned
