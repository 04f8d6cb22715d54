"""The report as one HTML page that needs no network: plots with plotly's own script in the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from loadtests.reports import plots
from loadtests.reports.baseline import share_words
from loadtests.reports.report import Report
from loadtests.reports.terminal import calibration_words


def render(report: Report) -> str:
    """The whole page."""
    seconds = report.seconds
    details = {}
    for name, one in report.operations.items():
        rows = report.rows.of_operation(name)
        details[name] = div(plots.latency(rows, one.over_time, seconds)), div(plots.quantiles(name, rows))
    return page(
        "report.html.j2",
        report=report,
        release=list(flat(report.environment.get("release", {}))),
        environment=list(flat({name: one for name, one in report.environment.items() if name != "release"})),
        plan=list(flat({name: one for name, one in report.plan.items() if name != "thresholds"})),
        generator=list(flat(report.session.get("generator", {}))),
        calibration=calibration_words(report),
        s3_share=share_words(report),
        throughput=div(plots.throughput(report.operations, seconds)),
        details=details,
        knees={name: (one, div(plots.knee(one))) for name, one in report.knees.items()},
        series=[(one["title"], div(plots.series(one, seconds))) for one in (report.prometheus or {}).get("series", ())],
    )


def page(template: str, **values: Any) -> str:
    """A page of one of the templates here, with the style and the script that all have in common."""
    environment = Environment(
        loader=PackageLoader("loadtests.reports", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(plotly=get_plotlyjs(), colour=plots.colour, **values)


def div(figure: Any) -> str:
    """A plot's part of the page."""
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    text: str = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
    return text


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """A nested JSON value as rows."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from flat(inner, f"{path}[{number}]")
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
