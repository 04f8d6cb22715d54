"""The report as JSON: times in seconds, sizes in bytes; no secret is in it."""

import math
from typing import Any

from loadtests.analysis.drift import Drift
from loadtests.analysis.knee import Knee
from loadtests.analysis.segments import Segments
from loadtests.analysis.summary import Summary
from loadtests.reports.report import OfOperation, Report

SCHEMA = "vnaops.campaign/2"


def as_dict(report: Report) -> dict[str, Any]:
    """All of it. Keys are added within a version of the schema, never changed or removed."""
    return {
        "schema": SCHEMA,
        "campaign": report.plan.get("name"),
        "title": report.title,
        "verdict": report.verdict,
        "run": report.session.get("run"),
        "started": report.started.isoformat(timespec="seconds") if report.started else None,
        "duration_seconds": round(report.seconds, 3),
        "operations": {name: _operation(one) for name, one in report.operations.items()},
        "streams": [{"stream": stream, "operation": name, **_summary(one)} for stream, name, one in report.streams],
        "workers": report.rows.worker.counts(),
        "thresholds": [check.as_dict() for check in report.checks],
        "findings": [finding.as_dict() for finding in report.findings],
        "knees": {name: _knee(one) for name, one in report.knees.items()},
        "drifts": {
            one.operation: {"rate": _drift(one.rate), "p50": _drift(one.p50), "p99": _drift(one.p99)}
            for one in report.drifts
        },
        "integrity": report.integrity,
        "calibration": report.calibration,
        "s3_baseline": report.s3_baseline,
        "prometheus": _prometheus(report),
        "release": report.environment.get("release", {}),
        "environment": {name: value for name, value in report.environment.items() if name != "release"},
        "plan": report.plan,
        "generator": report.session.get("generator", {}),
    }


def _operation(one: OfOperation) -> dict[str, Any]:
    return {
        **_summary(one.summary),
        "latency_seconds_95": {name: [round(low, 6), round(high, 6)] for name, (low, high) in one.bands.items()},
        "segments": _segments(one.segments),
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "count": summary.count,
        "failures": summary.failures,
        "unknown": summary.unknown,
        "instances": summary.instances,
        "bytes": summary.size,
        "active_seconds": round(summary.active_seconds, 6),
        "requests_per_second": round(summary.requests_per_second, 3),
        "instances_per_second": round(summary.instances_per_second, 3),
        "bytes_per_second": round(summary.bytes_per_second, 1),
        "latency_seconds": {name: round(value, 6) for name, value in summary.latency.items()},
        "service_seconds": {name: round(value, 6) for name, value in summary.service.items()},
        "errors": summary.errors,
    }


def _segments(found: Segments | None) -> dict[str, Any] | None:
    if found is None:
        return None
    named = {"fastest": found.fastest, "median": found.median, "slowest": found.slowest}
    return {"count": found.count, **{name: one.as_dict() for name, one in named.items()}}


def _knee(one: Knee) -> dict[str, Any]:
    windows = [
        {
            name: round(value, 6) if math.isfinite(value) else None
            for name, value in (
                ("begin", window.begin),
                ("end", window.end),
                ("offered_per_second", window.offered),
                ("done_per_second", window.done),
                ("p50_seconds", window.p50),
                ("p99_seconds", window.p99),
            )
        }
        for window in one.windows
    ]
    return {"reached": one.reached, "per_second": one.rate, "words": one.words, "windows": windows}


def _drift(one: Drift | None) -> dict[str, Any] | None:
    return None if one is None else {"ratio": round(one.ratio, 5), "low": round(one.low, 5), "high": round(one.high, 5)}


def _prometheus(report: Report) -> dict[str, Any] | None:
    """Without the points: they are in the folder's own file."""
    found = report.prometheus
    if found is None:
        return None
    summary = {
        f"{series['title']}{': ' + line['name'] if line['name'] else ''}": max(
            value for _, value in line["points"] if value is not None
        )
        for series in found.get("series", ())
        for line in series["lines"]
    }
    return {"url": found.get("url"), "error": found.get("error"), "absent": found.get("absent"), "highest": summary}
