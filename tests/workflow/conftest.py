"""One finished tiny run, shared by the workflow tests."""

import fcntl
import os

import pytest
from tiny_workflow import Workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return a workflow folder in which everything has been made; tests must leave it complete."""
    # made once for all workers, each of which has a copy
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "finished_for_all"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            workflow = Workflow(shared.with_suffix(".new"))
            workflow.must_run()
            workflow.folder.rename(shared)
    return Workflow(shared).copy(tmp_path_factory.mktemp("finished") / "run")
