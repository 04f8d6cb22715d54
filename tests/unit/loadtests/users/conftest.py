"""Locust patches the standard library when it is imported: not in this process, whose tests use real threads."""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
import locust  # noqa: F401

del os.environ["LOCUST_SKIP_MONKEY_PATCH"]  # programs that tests start have Locust as it is
