"""The report for whoever ran the campaign: tables in the terminal."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loadtests.analysis.summary import Summary
from loadtests.reports.report import Report
from loadtests.verify import Verification

PROGRESS_SECONDS = 2.0
WIDTH = 150  # where nobody looks (a log)


def show(report: Report) -> None:
    """Print it."""
    console = _console()
    console.print(_operations(report))
    for name, knee in report.knees.items():
        console.print(f"[bold]knee[/]       {escape(name)}: {escape(knee.words)}")
    for line in calibration_words(report):
        console.print(escape(line))
    if report.integrity is None:
        console.print("[red]integrity[/]  not verified")
    else:
        _show_integrity(report.integrity, console)
    for finding in report.findings:
        console.print(f"[yellow]finding[/]    {escape(finding.title)}: {escape(finding.text)} {escape(finding.cure)}")
    for check in report.checks:
        if not check.passed:
            console.print(f"[red]not met[/]    {escape(check.name)}: {escape(check.measured)}, limit {check.limit}")
    colour = {"passed": "green", "failed": "red"}.get(report.verdict, "yellow")
    console.print(f"[bold {colour}]{report.verdict}[/]  {escape(report.title)}, {report.seconds:.1f} s of load")


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def calibration_words(report: Report) -> list[str]:
    """What the generator could have sent, and what the store beneath takes: beside every result."""
    found = []
    if report.calibration:
        found.append(
            f"generator  could send {report.calibration.get('instances_per_second', 0):,.0f} instances/s "
            f"({report.calibration.get('megabytes_per_second', 0):,.0f} MB/s) from this machine, with "
            f"{report.calibration.get('processor_seconds_per_thousand', 0):.2f} processor seconds per 1,000"
        )
    else:
        found.append("generator  not calibrated: whether it was the limit can't be told")
    if report.s3_baseline:
        found += [
            f"S3         {name} of the same sizes directly, {report.s3_baseline['connections']} connections: "
            f"{one['objects_per_second']:,.1f} objects/s, p50 {one['seconds']['p50']:.3g} s"
            for name, one in report.s3_baseline["operations"].items()
            if one["seconds"]
        ]
    return found


def _operations(report: Report) -> Table:
    table = Table(title=None, header_style="bold")
    table.add_column("operation")
    names = ("requests", "failures", "unknown", "instances", "instances/s", "MB/s")
    for name in (*names, "p50 s", "p95 s", "p99 s", "max s", "service p99 s"):
        table.add_column(name, justify="right")
    for name, one in report.operations.items():
        table.add_row(escape(name), *_row(one.summary))
    return table


def _row(summary: Summary) -> list[str]:
    return [
        str(summary.count),
        f"[red]{summary.failures}[/]" if summary.failures else "0",
        f"[yellow]{summary.unknown}[/]" if summary.unknown else "0",
        str(summary.instances) if summary.instances else "–",
        f"{summary.instances_per_second:.1f}" if summary.instances else "–",
        f"{summary.bytes_per_second / 1e6:.1f}" if summary.size else "–",
        *(f"{summary.latency[name]:.3f}" if summary.latency else "–" for name in ("p50", "p95", "p99", "max")),
        f"{summary.service['p99']:.3f}" if summary.service else "–",
    ]


def show_integrity(found: Verification) -> None:
    """Print what became of the ledger's instances."""
    _show_integrity(found.as_dict(), _console())


def _show_integrity(found: Mapping[str, Any], console: Console) -> None:
    colour = "green" if found["passed"] else "red"
    console.print(
        f"[{colour}]integrity[/]  {found['acknowledged']} acknowledged: {found['found']} found, "
        f"{found['identical']} identical, {found['missing']} missing, {found['different']} different, "
        f"{found['unverified']} unverified"
    )
    if found["unknown"]:
        console.print(
            f"           {found['unknown']} unknown: {found['unknown_stored']} stored, "
            f"{found['unknown_not_stored']} not, {found['unknown_different']} different, "
            f"{found['unknown_unverified']} unverified"
        )
    if found["refused"]:
        console.print(f"           {found['refused']} refused")
    for kind, uids in found["details"].items():
        for uid in uids:
            console.print(f"           {kind}: {escape(uid)}")


class VerifyProgress:
    """A line every two seconds."""

    def __init__(self) -> None:
        self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if now - self._shown >= PROGRESS_SECONDS:
            self._shown = now
            print(f"  verified {done}/{total}")
