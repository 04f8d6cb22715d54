"""What somebody who reads the report should know, beside the thresholds: each with what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from loadtests.analysis.columns import Columns
from loadtests.analysis.drift import Drift, drift
from loadtests.analysis.over_time import OverTime
from loadtests.analysis.plateau import plateau

NEAR_ITS_OWN_LIMIT = 0.7
WAITS = 2.0
WAITS_SECONDS = 0.1
DRIFTS = 0.01
NEVER_BEGUN = 0.01
SOAK_SECONDS = 300.0


@dataclass(frozen=True)
class Finding:
    """One, in words."""

    kind: str
    title: str
    text: str
    cure: str = ""

    def as_dict(self) -> dict[str, str]:
        """For the report."""
        return asdict(self)


def stalls(operations: Mapping[str, Columns]) -> list[Finding]:
    """Operations on the plateau of Nagle's algorithm and delayed acknowledgements."""
    found = []
    for name, rows in operations.items():
        one = plateau(rows)
        if one is None:
            continue
        sizes = (
            f", whether they are small or large (medians of the halves: {one.sizes[0]:,} and {one.sizes[1]:,} bytes)"
            if one.sizes
            else " (all are of about one size, so that its independence of the size could not be seen)"
        )
        found.append(
            Finding(
                "nagle-stall",
                f"{name} waits {one.seconds * 1000:.0f} ms for delayed acknowledgements",
                f"{one.share:.0%} of the requests took {one.seconds * 1000:.0f} ms, give or take 3{sizes}: a peer "
                "writes its messages in parts with Nagle's algorithm on, and each second part waits for the "
                "acknowledgement of the first, which is delayed by 40 ms. That is 22 to 23 requests/s per association, "
                "however fast the archive is.",
                "Set TCP_NODELAY=1 in the environment of the archive's process (dcmtk and Orthanc read it; the archive "
                "images under infra/images/archive set it), and of whoever else speaks DIMSE with dcmtk.",
            )
        )
    return found


def generator_near_its_limit(achieved: float, possible: float, unit: str) -> list[Finding]:
    """Whether the generator itself may have been what was measured; rates in the same `unit`."""
    if not possible or achieved < NEAR_ITS_OWN_LIMIT * possible:
        return []
    return [
        Finding(
            "generator-near-its-limit",
            f"The generator worked at {achieved / possible:.0%} of what it can send",
            f"{achieved:,.1f} {unit} were sent in the busiest slice; {possible:,.1f} {unit} is what this machine sends "
            f"to a sink that does nothing. Over {NEAR_ITS_OWN_LIMIT:.0%} the result may be the generator's, not the "
            "environment's.",
            "Send from more processes or machines (--processes, or workers on the cluster) and compare.",
        )
    ]


def waiting(operations: Mapping[str, Columns]) -> list[Finding]:
    """Operations whose latency is mostly waiting for a free user of an open stream."""
    found = []
    for name, rows in operations.items():
        good = rows.ok
        if len(good) < 20:
            continue
        latency, service = (float(np.quantile(one, 0.99)) for one in (good.latency, good.service))
        if latency > WAITS * service and latency - service > WAITS_SECONDS:
            found.append(
                Finding(
                    "requests-waited",
                    f"{name} waited before it began",
                    f"99 % ended within {latency:.3g} s of their intended begin, but within {service:.3g} s of their "
                    "real one: all users of the stream were busy when the next request was due. Its latency counts "
                    "from the intended begin, as a patient's does.",
                    "The environment does not follow this rate; or, if its own figures say that it was idle, raise the "
                    "stream's `at_most`.",
                )
            )
    return found


def never_begun(streams: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Streams of which sessions were due and had not begun when the campaign ended: no latency counts these.

    Args:
        streams: `offered` and `begun` sessions of each.
    """
    found = []
    for name, one in streams.items():
        waiting = one["offered"] - one["begun"]
        if waiting > NEVER_BEGUN * one["offered"]:
            found.append(
                Finding(
                    "never-begun",
                    f"{waiting} sessions of {name} never began",
                    f"{one['offered']} were due and {one['begun']} began before the campaign ended: the queue grew "
                    "faster than the environment worked it off, and the latency of what still waited isn't known.",
                    "The environment does not follow this rate.",
                )
            )
    return found


@dataclass(frozen=True)
class Drifts:
    """Of one operation, over the whole run."""

    operation: str
    rate: Drift | None
    p50: Drift | None
    p99: Drift | None


def drifts(operations: Mapping[str, OverTime]) -> list[Drifts]:
    """Of each operation. The first and the last interval are no whole ones and are left out."""
    found = []
    for name, one in operations.items():
        middle = ((one.edges[:-1] + one.edges[1:]) / 2)[1:-1]
        rate, p50, p99 = (
            drift(middle, values[1:-1], float(one.edges[0]), float(one.edges[-1]))
            for values in (one.requests, one.quantiles["p50"], one.quantiles["p99"])
        )
        found.append(Drifts(name, rate, p50, p99))
    return found


def drifted(found: list[Drifts]) -> list[Finding]:
    """Those that became slower by more than a percent, beyond chance."""
    result = []
    for one in found:
        slower = [
            f"{what} {value.ratio:+.1%} ({value.low:+.1%} to {value.high:+.1%})"
            for what, value, worse in (("rate", one.rate, -1), ("p50", one.p50, 1), ("p99", one.p99, 1))
            if value and value.certain and worse * value.ratio > DRIFTS
        ]
        if slower:
            result.append(
                Finding(
                    "drift",
                    f"{one.operation} became slower while it ran",
                    f"From begin to end, by the line of Theil and Sen with its 95 % interval: {', '.join(slower)}.",
                    "Look for what grows: memory, the database's tables and WAL, the store's volumes "
                    "(the Prometheus series of the same minutes are below).",
                )
            )
    return result
