"""What makes the load: its versions, and what it could send, measured before each campaign."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from loadtests.calibration import Calibration
from loadtests.campaigns.plan import STORING, Plan
from loadtests.profiles.catalogue import profile
from loadtests.profiles.study import Study

LARGEST = 64_000_000  # bytes of an instance in the calibration: larger ones are sent no faster
SECONDS = 3.0


def sizes(plan: Plan, run: str) -> list[int]:
    """The mean instance's size of each profile that is stored, in bytes; empty where nothing is."""
    names = {name for stream in plan.streams if stream.behaviour in STORING for name in stream.profiles}
    found = []
    for name in sorted(names):
        study = Study(profile(name, plan.seed), run, 1, None, datetime.now(UTC), plan.seed)
        found.append(min(LARGEST, max(1, study.bytes_estimate() // study.instance_count)))
    return found


def together(parts: Sequence[dict[str, float]]) -> dict[str, float] | None:
    """The calibrations of several workers, which were measured at the same time; None where there is none."""
    if not parts:
        return None
    rate = sum(one["instances_per_second"] for one in parts)
    cost = sum(one["processor_seconds_per_thousand"] * one["instances_per_second"] for one in parts)
    return Calibration(
        instances_per_second=rate,
        megabytes_per_second=sum(one["megabytes_per_second"] for one in parts),
        processor_seconds_per_thousand=cost / rate if rate else 0.0,
        seconds=max(one["seconds"] for one in parts),
        associations=sum(int(one["associations"]) for one in parts),
        processes=sum(int(one["processes"]) for one in parts),
    ).as_dict()


def described() -> dict[str, Any]:
    """Versions, and the machine of the process that leads."""
    return {
        "vnaops": version("vnaops"),
        "locust": version("locust"),
        "pydicom": version("pydicom"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processors": str(len(os.sched_getaffinity(0))),
    }
