"""The result of a campaign as numbers and verdicts, made from its folder; how they are shown is somebody else's."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from loadtests.analysis import bootstrap, findings
from loadtests.analysis.columns import Columns
from loadtests.analysis.findings import Drifts, Finding
from loadtests.analysis.knee import FOLLOWS, Knee, equal_windows, knee
from loadtests.analysis.over_time import OverTime, edges_for, over_time
from loadtests.analysis.segments import Segments, segments
from loadtests.analysis.summary import QUANTILES, Summary, summarise
from loadtests.campaigns.plan import Operation
from loadtests.reports import checks
from loadtests.reports.checks import Check
from loadtests.reports.folder import CALIBRATION, ENVIRONMENT, INTEGRITY, PROMETHEUS, S3_BASELINE, Folder

STORES = (Operation.C_STORE, Operation.STOW_RS)


@dataclass(frozen=True)
class OfOperation:
    """All about one operation."""

    summary: Summary
    bands: dict[str, tuple[float, float]]
    """Confidence intervals (95 %) of the latency's quantiles; empty where there was too little."""
    over_time: OverTime
    segments: Segments | None


@dataclass(frozen=True)
class Report:
    """All that is reported. Times are in seconds since the campaign began."""

    folder: Path
    plan: Mapping[str, Any]
    session: Mapping[str, Any]
    started: datetime | None
    rows: Columns
    operations: dict[str, OfOperation]
    streams: list[tuple[str, str, Summary]]
    """Stream, operation and its numbers, where there are several streams."""
    checks: list[Check]
    findings: list[Finding]
    knees: dict[str, Knee]
    """By "stream/operation", of ramps and steps."""
    drifts: list[Drifts]
    environment: Mapping[str, Any]
    integrity: Mapping[str, Any] | None
    calibration: Mapping[str, Any] | None
    s3_baseline: Mapping[str, Any] | None
    prometheus: Mapping[str, Any] | None

    @property
    def seconds(self) -> float:
        """How long there was load."""
        return float(self.rows.end.max()) if len(self.rows) else 0.0

    @property
    def title(self) -> str:
        """Heads the report."""
        return str(self.plan.get("title") or self.plan.get("name") or self.folder.name)

    @property
    def interrupted(self) -> bool:
        """Whether somebody ended it, or the session died before it could say that it had ended."""
        return bool(self.session.get("interrupted", True))

    @property
    def passed(self) -> bool:
        """Whether it ran to its end within every threshold, with nothing lost."""
        return not self.interrupted and all(check.passed for check in self.checks)

    @property
    def verdict(self) -> str:
        """One word."""
        return "interrupted" if self.interrupted else "passed" if self.passed else "failed"


def build(folder: Folder) -> Report:
    """The report of what lies in the folder.

    Raises:
        FolderError: it can't be read.
    """
    rows, plan, session = folder.rows, folder.plan, folder.session
    by_operation = {name: rows.of_operation(name) for name in _ordered(rows.operation.present())}
    seconds = float(rows.end.max()) if len(rows) else 0.0
    operations = {name: _of_operation(some, edges_for(seconds, len(some))) for name, some in by_operation.items()}
    calibration, integrity = folder.json(CALIBRATION), folder.json(INTEGRITY)
    drifts = findings.drifts({name: one.over_time for name, one in operations.items()}) if _long(plan, rows) else []
    return Report(
        folder=folder.path,
        plan=plan,
        session=session,
        started=folder.started,
        rows=rows,
        operations=operations,
        streams=_streams(rows),
        checks=_checks(plan, rows, integrity, session),
        findings=[
            *findings.stalls(by_operation),
            *_near_its_limit(calibration, by_operation),
            *findings.waiting(by_operation),
            *findings.never_begun(session.get("streams") or {}),
            *findings.drifted(drifts),
        ],
        knees=_knees(plan, rows),
        drifts=drifts,
        environment=folder.json(ENVIRONMENT) or {},
        integrity=integrity,
        calibration=calibration,
        s3_baseline=folder.json(S3_BASELINE),
        prometheus=folder.json(PROMETHEUS),
    )


def _ordered(names: list[str]) -> list[str]:
    known = [str(operation) for operation in Operation]
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))


def _of_operation(rows: Columns, edges: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> OfOperation:
    good = rows.ok
    shares = np.array(list(QUANTILES.values()))
    found = bootstrap.interval(good.latency, good.end, shares, np.random.default_rng(1))
    bands = (
        {}
        if found is None
        else {name: (float(low), float(high)) for name, (low, high) in zip(QUANTILES, found, strict=True)}
    )
    return OfOperation(summarise(rows), bands, over_time(rows, edges), segments(rows))


def _streams(rows: Columns) -> list[tuple[str, str, Summary]]:
    found = []
    for stream in rows.stream.present():
        some = rows[rows.stream.is_(stream)]
        found += [(stream, name, summarise(some.of_operation(name))) for name in _ordered(some.operation.present())]
    return found if len(rows.stream.present()) > 1 else []


def _checks(
    plan: Mapping[str, Any], rows: Columns, integrity: Mapping[str, Any] | None, session: Mapping[str, Any]
) -> list[Check]:
    thresholds = plan.get("thresholds") or {}
    found = checks.checks(thresholds, rows)
    if others := checks.failures_without_a_limit(thresholds, rows):
        found.append(others)
    found.append(checks.integrity(integrity))
    if died := session.get("users_died"):
        found.append(Check("users that died of an error of their own", "0", str(died), passed=False))
    found += [
        Check("the campaign as a whole", "no failure", words, passed=False) for words in session.get("failures", ())
    ]
    return found


def _knees(plan: Mapping[str, Any], rows: Columns) -> dict[str, Knee]:
    """Of each open stream's most frequent operation."""
    shape = plan.get("shape") or {}
    if shape.get("kind") not in ("ramp", "steps"):
        return {}
    open_streams = {
        str(stream.get("name") or str(stream.get("behaviour")).replace("_", "-"))
        for stream in plan.get("streams", ())
        if stream.get("users") is None
    }
    found = {}
    for stream in rows.stream.present():
        if stream not in open_streams:
            continue
        some = rows[rows.stream.is_(stream)]
        name = next(iter(some.operation.counts()))
        some = some.of_operation(name)
        length = shape.get("step_seconds", 20.0)
        last = float(some.end.max())
        edges = equal_windows(some) if shape["kind"] == "ramp" else np.arange(0, last + length * 0.5, length)
        found[f"{stream}/{name}"] = knee(
            some,
            edges,
            follows=shape.get("achieved_ratio") or FOLLOWS,
            p99_seconds=shape.get("p99_seconds") or math.inf,
        )
    return found


def _long(plan: Mapping[str, Any], rows: Columns) -> bool:
    """Whether it was steady for so long that drift would show."""
    kind = (plan.get("shape") or {}).get("kind")
    long = bool(len(rows)) and float(rows.end.max()) >= findings.SOAK_SECONDS
    return kind == "soak" or (kind == "steady" and long)


def _near_its_limit(calibration: Mapping[str, Any] | None, operations: Mapping[str, Columns]) -> list[Finding]:
    """By the busiest slice of what was stored: a mean over a ramp or a day would hide its top."""
    if not calibration:
        return []
    stored = Columns.joined([rows for name, rows in operations.items() if name in STORES])
    whole, sliced = summarise(stored), segments(stored)
    instances, size = whole.instances_per_second, whole.bytes_per_second
    if sliced:
        instances, size = sliced.fastest.instances_per_second, sliced.fastest.bytes_per_second
    found = findings.generator_near_its_limit(
        instances, float(calibration.get("instances_per_second", 0)), "instances/s"
    )
    if found:
        return found
    return findings.generator_near_its_limit(size / 1e6, float(calibration.get("megabytes_per_second", 0)), "MB/s")
