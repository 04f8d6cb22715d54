"""The report as one HTML page that needs no network: plots with plotly's own script in the page."""

from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from loadtests.reports import plots
from loadtests.reports.report import Report
from loadtests.transactions import Transaction


def render(report: Report) -> str:
    """The whole page."""
    by_operation: dict[str, list[Transaction]] = {name: [] for name in report.operations}
    for one in report.transactions:
        by_operation[one.operation].append(one)
    template = Environment(
        loader=PackageLoader("loadtests.reports", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).get_template("report.html.j2")
    return template.render(
        report=report,
        release=list(_flat(report.environment.release)),
        plan=list(_flat(report.plan.model_dump(mode="json", exclude={"thresholds"}, exclude_none=True))),
        plotly=get_plotlyjs(),
        throughput=_div(plots.throughput(by_operation, report.seconds)),
        details={
            name: (_div(plots.latency(name, done, report.seconds)), _div(plots.histogram(name, done)))
            for name, done in by_operation.items()
        },
        colours=plots.COLOURS,
    )


def _div(figure: Any) -> str:
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
    return text


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """A nested JSON value as rows."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
