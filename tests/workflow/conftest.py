"""One finished tiny run, shared by the workflow tests."""

import pytest
from tiny_workflow import Workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return a workflow folder in which everything has been made; tests must leave it complete."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"))
    workflow.must_run()
    return workflow
