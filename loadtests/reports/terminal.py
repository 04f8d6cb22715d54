"""The report for whoever ran the campaign: tables in the terminal."""

import time

from rich.console import Console
from rich.table import Table

from loadtests.analysis.summary import Summary
from loadtests.reports.report import Report
from loadtests.verify import Verification

PROGRESS_SECONDS = 2.0


def show(report: Report) -> None:
    """Print it; in full width where nobody looks (a log)."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=132)
    console.print(_operations(report))
    show_integrity(report.integrity, console)
    for check in report.checks:
        if not check.passed:
            console.print(f"[red]not met[/]  {check.name}: {check.measured}, limit {check.limit}")
    colour = {"passed": "green", "failed": "red"}.get(report.verdict, "yellow")
    console.print(f"[bold {colour}]{report.verdict}[/]  {report.plan.title}, {report.seconds:.1f} s of load")


def _operations(report: Report) -> Table:
    table = Table(title=None, header_style="bold")
    table.add_column("operation")
    for name in (
        "requests",
        "failures",
        "unknown",
        "instances",
        "instances/s",
        "MB/s",
        "p50 s",
        "p95 s",
        "p99 s",
        "max s",
    ):
        table.add_column(name, justify="right")
    for name, summary in report.operations.items():
        table.add_row(name, *_row(summary))
    return table


def _row(summary: Summary) -> list[str]:
    transfers = bool(summary.size or summary.instances)
    return [
        str(summary.count),
        f"[red]{summary.failures}[/]" if summary.failures else "0",
        f"[yellow]{summary.unknown}[/]" if summary.unknown else "0",
        str(summary.instances) if transfers else "–",
        f"{summary.instances_per_second:.1f}" if transfers else "–",
        f"{summary.bytes_per_second / 1e6:.1f}" if transfers else "–",
        *(f"{summary.latency[name]:.3f}" if summary.latency else "–" for name in ("p50", "p95", "p99", "max")),
    ]


def show_integrity(found: Verification, console: Console | None = None) -> None:
    """Print what became of the ledger's instances."""
    console = console or Console(highlight=False)
    colour = "green" if found.passed else "red"
    console.print(
        f"[{colour}]integrity[/]  {found.acknowledged} acknowledged: {found.found} found, {found.identical} identical, "
        f"{found.missing} missing, {found.different} different, {found.unverified} unverified"
    )
    if found.unknown:
        console.print(
            f"           {found.unknown} unknown: {found.unknown_stored} stored, {found.unknown_not_stored} not, "
            f"{found.unknown_different} different, {found.unknown_unverified} unverified"
        )
    if found.refused:
        console.print(f"           {found.refused} refused")
    for kind, uids in found.details.items():
        for uid in uids:
            console.print(f"           {kind}: {uid}")


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
