"""How a comparison of campaigns is shown: JSON, a page, the terminal."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loadtests.analysis.difference import SLOWER
from loadtests.compare import FAILURES, Comparison, Judged, duration, sentences
from loadtests.reports import html, plots
from loadtests.reports.folder import ENVIRONMENT, Folder

SCHEMA = "vnaops.comparison/1"
JSON, HTML = "compare.json", "compare.html"
COLOURS = ("#2f7ed8", "#d6604d")


def as_dict(found: Comparison) -> dict[str, Any]:
    """Times in seconds; `ratio` is B to A, for "slower" the share of pairs in which B's request is the slower one."""
    return {
        "schema": SCHEMA,
        "verdict": found.verdict,
        "worse": found.worse,
        "a": [str(folder.path) for folder in found.a],
        "b": [str(folder.path) for folder in found.b],
        "least": found.least,
        "sentences": sentences(found),
        "differences": [_difference(one) for one in found.found],
        "shift_seconds": {name: round(value, 6) for name, value in found.shifts.items()},
        "not_compared": found.not_compared,
        "unlike": [{"what": what, "a": a, "b": b} for what, a, b in unlike(found)],
    }


def _difference(one: Judged) -> dict[str, Any]:
    what = one.difference
    numbers = {
        "a": what.a,
        "b": what.b,
        "ratio": what.ratio,
        "low": what.low,
        "high": what.high,
        "p": what.p,
        "p_corrected": what.corrected,
    }
    return {
        "operation": one.operation,
        "measure": what.measure,
        **{name: round(value, 9) if math.isfinite(value) else None for name, value in numbers.items()},
        "units": list(what.units),
        "differs": one.differs,
        "worse": one.differs and one.worse,
    }


def unlike(found: Comparison) -> list[tuple[str, str, str]]:
    """What else is unlike between the sides' first campaigns: plan, release, environment."""
    sides = []
    for folder in (found.a[0], found.b[0]):
        said = {"campaign": folder.plan, "environment": folder.json(ENVIRONMENT) or {}}
        sides.append(dict(html.flat(said)))
    names = sorted(sides[0].keys() | sides[1].keys())
    rows = [(name, sides[0].get(name, "–"), sides[1].get(name, "–")) for name in names]
    return [row for row in rows if row[1] != row[2]]


def write(found: Comparison, into: Path) -> None:
    """`compare.json` and `compare.html`."""
    into.mkdir(parents=True, exist_ok=True)
    (into / JSON).write_text(json.dumps(as_dict(found), indent=1) + "\n")
    names = list(dict.fromkeys(one.operation for one in found.found))
    page = html.page(
        "compare.html.j2",
        found=found,
        sentences=sentences(found),
        forest=html.div(_forest(found.found)),
        rows=[(one, _shown(one)) for one in found.found],
        details={name: html.div(_quantiles(name, found)) for name in names},
        unlike=unlike(found),
        a_colour=COLOURS[0],
        b_colour=COLOURS[1],
    )
    (into / HTML).write_text(page)


def _shown(one: Judged) -> list[str]:
    """A's, B's, the ratio, its interval, the corrected p."""
    what = one.difference
    if what.measure == SLOWER:
        interval = f"{what.low:.1%} – {what.high:.1%}"
        return [duration(what.a), duration(what.b), f"{what.ratio:.1%} of pairs", interval, _p(what)]
    if what.measure == FAILURES:
        return [f"{what.a:.2%}", f"{what.b:.2%}", "–", "–", _p(what)]
    rate = what.measure.endswith("/s")
    values = [f"{value:.3g}" if rate else duration(value) for value in (what.a, what.b)]
    return [*values, f"{what.ratio - 1:+.1%}", f"{what.low - 1:+.1%} to {what.high - 1:+.1%}", _p(what)]


def _p(what: Any) -> str:
    return "< 0.0001" if what.corrected < 0.0001 else f"{what.corrected:.2g}"


def _forest(found: Sequence[Judged]) -> go.Figure:
    """Ratios with their intervals, a line each."""
    shown = [one for one in found if one.difference.measure not in (SLOWER, FAILURES)][::-1]
    figure = go.Figure()
    for label, some in (
        ("no difference", [one for one in shown if not one.differs]),
        ("B worse", [one for one in shown if one.differs and one.worse]),
        ("B better", [one for one in shown if one.differs and not one.worse]),
    ):
        ratios = np.array([one.difference.ratio for one in some])
        figure.add_scatter(
            x=ratios,
            y=[f"{one.operation} {one.difference.measure}" for one in some],
            error_x={
                "array": np.array([one.difference.high for one in some]) - ratios,
                "arrayminus": ratios - np.array([one.difference.low for one in some]),
            },
            mode="markers",
            name=label,
            marker={"size": 9, "color": {"no difference": "#888888", "B worse": "#c0392b"}.get(label, "#1b7f5c")},
        )
    figure.add_vline(x=1, line={"color": "#888", "dash": "dot"})
    figure.update_xaxes(title_text="B to A", type="log", tickvals=[0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4])
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=[f"{one.operation} {one.difference.measure}" for one in shown],
        automargin=True,
    )
    return plots.dressed(figure, 110 + 26 * len(shown), legend=True)


def _quantiles(name: str, found: Comparison) -> go.Figure:
    """Latency by the share of requests that took longer, a line per campaign."""
    figure = go.Figure()
    every = []
    for label, side, paint in zip("AB", (found.a, found.b), COLOURS, strict=True):
        for number, folder in enumerate(side):
            values = np.maximum(_latency(folder, name), 1e-6)
            if not len(values):
                continue
            every.append(values)
            shares = 1 - np.geomspace(1, max(1 / len(values), 1e-5), plots.CURVE)
            figure.add_scatter(
                x=(1 - shares).round(6),
                y=np.quantile(values, shares).round(6),
                name=label,
                legendgroup=label,
                showlegend=not number,
                mode="lines",
                line={"color": paint, "width": 1.8},
            )
    if every:
        plots.quantile_axes(figure, np.concatenate(every))
    return plots.dressed(figure, 300, legend=True)


def _latency(folder: Folder, name: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return folder.rows.of_operation(name).ok.latency


def show(found: Comparison) -> None:
    """Print it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=150)
    table = Table(header_style="bold")
    for name in ("operation", "measure"):
        table.add_column(name)
    for name in ("A", "B", "B to A", "95 % interval", "p, corrected", ""):
        table.add_column(name, justify="right")
    for one in found.found:
        word = "" if not one.differs else "[red]worse[/]" if one.worse else "[green]better[/]"
        table.add_row(one.operation, one.difference.measure, *_shown(one), word)
    console.print(table)
    for words in sentences(found):
        console.print(escape(words))
    for what, a, b in unlike(found):
        console.print(f"unlike     {escape(what)}: {escape(a)} | {escape(b)}")
    colour = {"no difference": "green", "better": "green"}.get(found.verdict, "red")
    console.print(f"[bold {colour}]{found.verdict}[/]  B against A ({len(found.b)} against {len(found.a)} campaigns)")
