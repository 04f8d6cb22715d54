"""What a campaign leaves behind: a table in the terminal, JSON, JUnit, CSV, one self-contained HTML page, and a PDF."""

import json
from collections.abc import Callable
from pathlib import Path

from loadtests.reports import html, numbers, pdf, prometheus, tables
from loadtests.reports.folder import ENVIRONMENT, PROMETHEUS, Folder
from loadtests.reports.report import Report, build

__all__ = ["Report", "write"]

JSON, HTML, PDF, JUNIT = "report.json", "report.html", "report.pdf", "report.xml"
OPERATIONS, INTERVALS = "operations.csv", "intervals.csv"


def write(folder: Path, say: Callable[[str], None] = print, *, with_pdf: bool = True) -> Report:
    """Make the reports of a campaign's folder from what lies in it (see `folder`); those that are there are replaced.

    The first time the environment's Prometheus is asked for its series of the campaign's minutes.

    Raises:
        FolderError: the folder can't be read.
    """
    whole = Folder(folder)
    _ask_prometheus(whole, say)
    report = build(whole)
    (folder / JSON).write_text(json.dumps(numbers.as_dict(report), indent=1, default=str) + "\n")
    (folder / JUNIT).write_text(tables.junit(report))
    (folder / OPERATIONS).write_text(tables.operations(report))
    (folder / INTERVALS).write_text(tables.intervals(report))
    (folder / HTML).write_text(html.render(report))
    if with_pdf and (why_not := pdf.print_page(folder / HTML, folder / PDF)):
        say(why_not)
    return report


def _ask_prometheus(folder: Folder, say: Callable[[str], None]) -> None:
    if (folder.path / PROMETHEUS).exists():
        return
    url = (folder.json(ENVIRONMENT) or {}).get("prometheus")
    started = folder.started
    if not url or not started:
        say("no Prometheus in the environment's outputs: its own series of these minutes are not in the report")
        return
    seconds = float(folder.rows.end.max()) if len(folder.rows) else 0.0
    found = prometheus.collect(url, started, seconds)
    if error := found.get("error"):
        say(str(error))
    (folder.path / PROMETHEUS).write_text(json.dumps(found) + "\n")
