"""Settings that all tests share."""

import signal

from hypothesis import HealthCheck, settings

# Time limits of hypothesis measure the machine: on two cores beside a cluster they fail for no reason of ours.
settings.register_profile("vnaops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vnaops")

# What a shell starts with `&` ignores SIGINT, and so does all that it starts in turn: tests that interrupt a program
# would wait for ever. A handler of our own is not inherited, the programs get the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
