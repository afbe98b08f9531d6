"""Settings of all tests; being here, it also lets tests import `bruteforce` by its plain name."""

import pytest
from hypothesis import HealthCheck, settings

# the same examples in every run, no folder of past examples, no limit of time on a busy machine
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_collection_modifyitems(items):
    """Start with the tests that run Snakemake, which share one finished run; other modules stay whole on one worker."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)
    for item in items:
        runs_snakemake = item.get_closest_marker("workflow") is not None
        item.add_marker(pytest.mark.xdist_group("workflow" if runs_snakemake else item.nodeid.split("::")[0]))
