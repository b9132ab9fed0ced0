"""Fixtures that all tests share, and how hypothesis runs on machines that others load, too."""

from hypothesis import HealthCheck, settings

PROFILE = "shared-machine"

pytest_plugins = ["tests.lab.fixtures"]

# A clock that others share judges no example: no deadline for one, no limit to the time in which it is drawn. The rest
# stays as hypothesis has it, in CI as well. Each worker of xdist imports this file; --hypothesis-profile comes after it.
settings.register_profile(PROFILE, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(PROFILE)
