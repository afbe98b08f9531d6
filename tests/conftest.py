"""Settings of all tests; being here, it also lets tests import `bruteforce` by its plain name."""

from hypothesis import HealthCheck, settings

# the same examples in every run, no folder of past examples, no limit of time on a busy machine
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
