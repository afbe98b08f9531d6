"""The tables of large networks do not depend on shards, chunks, batch size or cores (`make test-same-bytes`)."""

import pytest
from tiny_workflow import Workflow

pytestmark = pytest.mark.same_bytes

NETWORKS = {
    "resnet18": {"layers": ["layer1"]},
    "resnet50": {"layers": ["layer1"]},
    "mobilenet_v3_small": {"layers": ["features.3", "features.12"]},
    "shufflenet_v2_x1_0": {"layers": ["stage2"]},
    "densenet161": {"layers": ["features.denseblock1"]},
}

ANNOTATED = "squeezenet1_1"


def settings(n_parts, batch_size):
    shards, chunks = {"shards": n_parts}, {"chunks": n_parts}
    return {
        "models": NETWORKS | {ANNOTATED: {"layers": ["features.3"]}},
        "targets": [{"model": name, "dataset": "playground", "concepts": ["playground"]} for name in NETWORKS],
        "activations": shards,
        "exemplars": shards,
        "explanations": chunks,
        "milan": chunks | {"training": {"networks": [ANNOTATED]}},
        "resources": {"batch_size": batch_size},
    }


@pytest.fixture(scope="module")
def in_one_part(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("one_part"))
    workflow.must_run(cores=2, settings=settings(1, 8), timeout=3600)
    return merged(workflow)


def merged(workflow):
    return {name: content for name, content in workflow.tables().items() if "/parts/" not in name}


@pytest.mark.parametrize("n_parts, batch_size, cores", [(2, 16, 1), (3, 33, 2), (7, 9, 1), (1, 100, 1), (7, 32, 2)])
def test_tables_of_many_parts_are_those_of_one(in_one_part, tmp_path, n_parts, batch_size, cores):
    workflow = Workflow(tmp_path / "parts")
    workflow.must_run(cores=cores, settings=settings(n_parts, batch_size), timeout=3600)
    found = merged(workflow)
    assert sorted(found) == sorted(in_one_part) and len(found) > 5 * len(NETWORKS)
    assert [name for name in found if found[name] != in_one_part[name]] == []
