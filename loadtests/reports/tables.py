"""The report for programs: JUnit for a build server, CSV for a spreadsheet."""

import csv
import io
import math
from xml.etree import ElementTree

from loadtests.analysis.over_time import OVER_TIME
from loadtests.analysis.summary import QUANTILES, Summary
from loadtests.reports.report import Report

_LATENCIES = ("min", "mean", *QUANTILES, "max")


def junit(report: Report) -> str:
    """A test case per threshold; findings are in the suite's output."""
    failed = [check for check in report.checks if not check.passed]
    suite = ElementTree.Element(
        "testsuite",
        name=f"campaign {report.plan.get('name')}",
        tests=str(len(report.checks) + report.interrupted),
        failures=str(len(failed)),
        errors=str(int(report.interrupted)),
        skipped="0",
        time=f"{report.seconds:.3f}",
    )
    if report.started:
        suite.set("timestamp", report.started.isoformat(timespec="seconds"))
    for check in report.checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"campaign.{report.plan.get('name')}", name=check.name
        )
        if not check.passed:
            said = f"{check.name}: {check.measured}, limit {check.limit}"
            ElementTree.SubElement(case, "failure", message=said).text = said
    if report.interrupted:
        case = ElementTree.SubElement(suite, "testcase", classname=f"campaign.{report.plan.get('name')}", name="end")
        ElementTree.SubElement(case, "error", message="the campaign was interrupted")
    if report.findings:
        output = ElementTree.SubElement(suite, "system-out")
        output.text = "\n".join(f"{one.title}: {one.text} {one.cure}" for one in report.findings)
    ElementTree.indent(suite, " ")
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def operations(report: Report) -> str:
    """A line per operation, and per operation of a stream where there are several streams."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["stream", "operation", "requests", "failures", "unknown", "instances", "bytes", "active_seconds"]
        + ["requests_per_second", "instances_per_second", "bytes_per_second"]
        + [f"{kind}_{name}_seconds" for kind in ("latency", "service") for name in _LATENCIES]
    )
    rows = [("", name, one.summary) for name, one in report.operations.items()]
    for stream, name, summary in [*rows, *report.streams]:
        writer.writerow([stream, name, *_numbers(summary)])
    return out.getvalue()


def _numbers(one: Summary) -> list[str]:
    counts = [one.count, one.failures, one.unknown, one.instances, one.size]
    rates = [one.active_seconds, one.requests_per_second, one.instances_per_second, one.bytes_per_second]
    latencies = [_text(kind.get(name, math.nan)) for kind in (one.latency, one.service) for name in _LATENCIES]
    return [*map(str, counts), *map(_text, rates), *latencies]


def intervals(report: Report) -> str:
    """A line per operation and interval."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"latency_{name}{limit}_seconds" for name in OVER_TIME for limit in ("", "_low", "_high")]
    writer.writerow(
        ["operation", "begin", "end", "requests_per_second", "instances_per_second", "bytes_per_second", "bad", *names]
    )
    for name, operation in report.operations.items():
        one = operation.over_time
        bands = [kind[quantile] for quantile in OVER_TIME for kind in (one.quantiles, one.low, one.high)]
        columns = (one.edges[:-1], one.edges[1:], one.requests, one.instances, one.size, one.bad, *bands)
        for values in zip(*columns, strict=True):
            writer.writerow([name, *map(_text, map(float, values))])
    return out.getvalue()


def _text(value: float) -> str:
    """Empty where nothing was."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if math.isfinite(value) else ""
