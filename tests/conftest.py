"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

# Time limits of hypothesis measure the machine: on two cores beside a cluster they fail for no reason of ours.
settings.register_profile("vnaops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vnaops")
