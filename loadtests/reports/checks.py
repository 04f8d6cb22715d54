"""The thresholds of a campaign against what was measured."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadtests.analysis.columns import Columns
from loadtests.analysis.summary import Summary, quantiles, summarise
from loadtests.transactions import Outcome

_QUANTILE = re.compile(r"p(\d+)_seconds")
_RATES = {"instances_per_second": ("instances/s", 1.0), "megabytes_per_second": ("MB/s", 1e6)}


@dataclass(frozen=True)
class Check:
    """One threshold and what was measured."""

    name: str
    limit: str
    measured: str
    passed: bool

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def checks(thresholds: Mapping[str, Mapping[str, Any]], rows: Columns) -> list[Check]:
    """Of each key, an operation or STREAM/OPERATION. What was never done does not meet its limits."""
    found = []
    for key, limits in thresholds.items():
        stream, _, operation = key.rpartition("/")
        some = rows.of_operation(operation)
        if stream:
            some = some[some.stream.is_(stream)]
        summary = summarise(some)
        found += [_check(key, name, limit, summary, some) for name, limit in limits.items() if limit is not None]
    return found


def failures_without_a_limit(thresholds: Mapping[str, Mapping[str, Any]], rows: Columns) -> Check | None:
    """That nothing failed of which the campaign's file says no limit of failures; None where it says one of each.

    Else a campaign without thresholds would pass although all of its requests failed.
    """
    limited = np.zeros(len(rows), dtype=bool)
    for key, limits in thresholds.items():
        if limits.get("failures") is not None:
            stream, _, operation = key.rpartition("/")
            limited |= rows.operation.is_(operation) & (rows.stream.is_(stream) if stream else True)
    others = rows[~limited]
    if not len(others):
        return None
    failed = others[others.outcome.is_(Outcome.FAILED)]
    names = ", ".join(f"{len(failed.of_operation(name))} {name}" for name in failed.operation.present())
    return Check("failures of what no threshold limits", "0", names or "0", passed=not len(failed))


def _check(key: str, name: str, limit: float, summary: Summary, rows: Columns) -> Check:
    if name in ("failures", "unknown"):
        count = getattr(summary, name)
        measured = str(count) if summary.count else "nothing was done"
        return Check(f"{key} {name}", f"≤ {limit}", measured, count <= limit and summary.count > 0)
    if name in _RATES:
        unit, divisor = _RATES[name]
        rate = summary.bytes_per_second if name.startswith("mega") else summary.instances_per_second
        return Check(f"{key} {unit}", f"≥ {limit:g}", f"{rate / divisor:.1f}", rate / divisor >= limit)
    quantile = _QUANTILE.fullmatch(name)
    if not quantile:
        return Check(f"{key} {name}", f"{limit:g}", "a threshold that this release doesn't know", passed=False)
    label = f"p{quantile[1]}"
    value = summary.latency.get(label)
    if value is None and summary.latency:
        value = quantiles(rows.ok.latency, {label: float(f"0.{quantile[1]}")})[label]
    measured = "nothing measured" if value is None else f"{value:.3g} s"
    return Check(f"{key} {label}", f"≤ {limit:g} s", measured, value is not None and value <= limit)


def integrity(found: Mapping[str, Any] | None) -> Check:
    """That nothing acknowledged was lost or changed."""
    name = "acknowledged instances found unchanged"
    if found is None:
        return Check(name, "all", "not verified", passed=False)
    return Check(name, "all", f"{found['identical']} of {found['acknowledged']} identical", bool(found["passed"]))
