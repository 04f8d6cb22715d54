"""The plots of the HTML report, as plotly figures. All are of bounded size, however many transactions there were."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from loadtests.analysis.columns import Array, Columns
from loadtests.analysis.knee import Knee
from loadtests.analysis.over_time import OVER_TIME, OverTime
from loadtests.reports.report import OfOperation
from loadtests.transactions import Outcome

COLOURS = {
    "C-STORE": "#2f7ed8",
    "STOW-RS": "#56b4e9",
    "C-FIND": "#b8860b",
    "QIDO-RS": "#d9a62e",
    "C-GET": "#1b9e77",
    "C-MOVE": "#117a65",
    "WADO-RS": "#66c2a5",
    "WADO-URI": "#8da0cb",
    "C-ECHO": "#888888",
}
_OTHERS = ("#9467bd", "#e377c2", "#8c564b", "#17becf", "#7f9f2f", "#c05a5a")
_FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif", "size": 12}
_HEAT = [[0, "rgba(47,126,216,0)"], [0.001, "rgba(47,126,216,0.12)"], [1, "rgba(47,126,216,0.95)"]]
_TICKS = [digit * 10.0**power for power in range(-6, 5) for digit in (1, 2, 5)]
BAD_SHOWN = 500
ROWS = 48  # of a heat map
CURVE = 120  # points of a curve of quantiles


def colour(name: str) -> str:
    """Of an operation or a line, the same in all plots."""
    return COLOURS.get(name) or _OTHERS[sum(name.encode()) % len(_OTHERS)]


def throughput(operations: Mapping[str, OfOperation], seconds: float) -> go.Figure:
    """Instances/s and MB/s over time."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.09)
    for name, one in operations.items():
        if not one.summary.instances:
            continue
        for column, values in ((1, one.over_time.instances), (2, one.over_time.size / 1e6)):
            figure.add_scatter(
                x=_middles(one.over_time),
                y=_round(values),
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines",
                line={"color": colour(name), "width": 2, "shape": "hvh"},
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="seconds since the beginning", range=[0, seconds or 1])
    for column, title in ((1, "instances per second"), (2, "MB per second")):
        figure.update_yaxes(title_text=title, rangemode="tozero", row=1, col=column)
    return dressed(figure, 320, legend=True)


def latency(rows: Columns, one: OverTime, seconds: float) -> go.Figure:
    """A heat map of latency over time, its quantiles with their bands over it, and what went wrong marked."""
    figure = go.Figure()
    good = rows.ok
    low, high = _range(rows.latency)
    if len(good):
        cells = np.geomspace(low, high, ROWS + 1)
        counts, _, _ = np.histogram2d(np.clip(good.latency, low, high), good.end, [cells, one.edges])
        figure.add_heatmap(
            x=_round(one.edges),
            y=_round(cells),
            z=np.where(counts > 0, np.log10(counts + 1), 0).round(3),
            customdata=counts.astype(int),
            hovertemplate="%{customdata} requests<extra></extra>",
            colorscale=_HEAT,
            showscale=False,
            zmin=0,
        )
    _add_quantiles(figure, one)
    _mark_bad(figure, rows)
    figure.update_xaxes(title_text="seconds since the beginning", range=[0, seconds or 1])
    _seconds_axis(figure.update_yaxes, low, high)
    return dressed(figure, 300, legend=True)


def repeats(one: OverTime, seconds: float) -> go.Figure:
    """Quantiles over time with their bands over several runs."""
    figure = go.Figure()
    _add_quantiles(figure, one)
    values = np.concatenate([kind[name] for kind in (one.quantiles, one.low, one.high) for name in ("p50", "p99")])
    figure.update_xaxes(title_text="seconds since the beginning", range=[0, seconds or 1])
    _seconds_axis(figure.update_yaxes, *_range(values[np.isfinite(values) & (values > 0)]))
    return dressed(figure, 300, legend=True)


def _add_quantiles(figure: go.Figure, one: OverTime) -> None:
    for quantile, dash in zip(OVER_TIME, ("solid", "dash", "dot"), strict=True):
        x, values = _middles(one), one.quantiles[quantile]
        some = np.isfinite(values)
        if quantile != "p95" and some.sum() > 1 and np.isfinite(one.low[quantile][some]).all():
            band = np.concatenate((one.high[quantile][some], one.low[quantile][some][::-1]))
            figure.add_scatter(
                x=np.concatenate((x[some], x[some][::-1])),
                y=_round(band),
                fill="toself",
                fillcolor="rgba(214,96,77,0.16)",
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
        figure.add_scatter(
            x=x[some],
            y=_round(values[some]),
            mode="lines+markers" if some.sum() < 3 else "lines",
            name=quantile,
            line={"color": "#d6604d", "width": 1.8, "dash": dash},
        )


def _mark_bad(figure: go.Figure, rows: Columns) -> None:
    for outcome, paint, symbol in ((Outcome.FAILED, "#c0392b", "x"), (Outcome.UNKNOWN, "#e08e0b", "diamond")):
        some = rows[rows.outcome.is_(outcome)]
        if not len(some):
            continue
        shown = some[np.unique(np.linspace(0, len(some) - 1, BAD_SHOWN).astype(int))]
        figure.add_scatter(
            x=_round(shown.end),
            y=_round(np.maximum(shown.latency, 1e-6)),
            mode="markers",
            name=str(outcome) if len(shown) == len(some) else f"{outcome} ({len(shown)} of {len(some)})",
            marker={"color": paint, "symbol": symbol, "size": 8},
            text=[shown.error.names[code] for code in shown.error.codes],
            hovertemplate="%{text}<extra></extra>",
        )


def quantiles(name: str, rows: Columns) -> go.Figure:
    """Latency and service time by the share of requests that took longer, so that the tail can be read."""
    figure = go.Figure()
    good = rows.ok
    if len(good):
        shares = 1 - np.geomspace(1, max(1 / len(good), 1e-5), CURVE)
        for label, values, dash in (("latency", good.latency, "solid"), ("service time", good.service, "dot")):
            figure.add_scatter(
                x=_round(1 - shares),
                y=_round(np.quantile(np.maximum(values, 1e-6), shares)),
                name=label,
                mode="lines",
                line={"color": colour(name), "width": 2, "dash": dash},
            )
        quantile_axes(figure, np.concatenate((good.latency, good.service)))
    return dressed(figure, 300, legend=True)


def quantile_axes(figure: go.Figure, values: Array) -> None:
    """Shares by how many took longer, and seconds that hold all of the values."""
    marks = {0.5: "p50", 0.1: "p90", 0.01: "p99", 0.001: "p99.9", 0.0001: "p99.99"}
    figure.update_xaxes(type="log", autorange="reversed", tickvals=list(marks), ticktext=list(marks.values()))
    _seconds_axis(figure.update_yaxes, *_range(values))


def knee(one: Knee) -> go.Figure:
    """What was offered and done, and the 99th percentile beside it."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.09)
    offered = _round(np.array([window.offered for window in one.windows]))
    top = max(offered.tolist(), default=1.0)
    done = _round(np.array([window.done for window in one.windows]))
    p99 = np.array([window.p99 for window in one.windows])
    lines = {"line": {"color": colour("C-STORE"), "width": 2}, "mode": "lines+markers", "showlegend": False}
    figure.add_scatter(x=offered, y=done, name="done", row=1, col=1, **lines)
    figure.add_scatter(
        x=[0, top], y=[0, top], name="all of it", line={"color": "#888", "dash": "dot"}, showlegend=False, row=1, col=1
    )
    finite = np.isfinite(p99)
    figure.add_scatter(x=offered[finite], y=_round(p99[finite]), name="p99", row=1, col=2, **lines)
    if one.rate:
        for column in (1, 2):
            figure.add_vline(x=one.rate, line={"color": "#d6604d", "dash": "dash"}, row=1, col=column)
    figure.update_xaxes(title_text="offered per second", rangemode="tozero")
    figure.update_yaxes(title_text="done per second", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="p99, seconds", rangemode="tozero", row=1, col=2)
    return dressed(figure, 300, legend=False)


def series(one: Mapping[str, Any], seconds: float) -> go.Figure:
    """One of the environment's own."""
    figure = go.Figure()
    for number, line in enumerate(one["lines"]):
        figure.add_scatter(
            x=[at for at, _ in line["points"]],
            y=[value for _, value in line["points"]],
            name=line["name"] or one["title"],
            mode="lines",
            line={"width": 1.6, "color": list(COLOURS.values())[number % len(COLOURS)]},
        )
    figure.add_vrect(x0=0, x1=seconds, fillcolor="rgba(136,136,136,0.12)", line_width=0)
    figure.update_yaxes(title_text=one["unit"], rangemode="tozero")
    found = dressed(figure, 260, legend=len(one["lines"]) > 1)
    return found.update_layout(legend={"font": {"size": 10}})


def _middles(one: OverTime) -> Array:
    return _round((one.edges[:-1] + one.edges[1:]) / 2)


def _range(values: Array) -> tuple[float, float]:
    if not len(values):
        return 1e-3, 1.0
    low, high = max(float(values.min()), 1e-6), max(float(values.max()), 2e-6)
    return low * 0.9, high * 1.15


def _seconds_axis(update: Any, low: float, high: float) -> None:
    ticks = [mark for mark in _TICKS if low <= mark <= high]
    ticks = ticks[:: max(1, len(ticks) // 8)]
    limits = [float(np.log10(low)), float(np.log10(high))]
    update(title_text="seconds", type="log", tickvals=ticks, ticktext=[f"{mark:g}" for mark in ticks], range=limits)


def _round(values: Array) -> Array:
    """Six places: a page of a long run would be mostly digits."""
    return np.asarray(values, dtype=np.float64).round(6)


def dressed(figure: go.Figure, height: int, *, legend: bool) -> Any:
    """The figure as all here look, in light and dark."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 58, "r": 12, "t": 34 if legend else 12, "b": 42},
        font=_FONT,
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom"},
        hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(gridcolor="rgba(136,136,136,0.22)", zerolinecolor="rgba(136,136,136,0.4)")
    figure.update_yaxes(gridcolor="rgba(136,136,136,0.22)", zerolinecolor="rgba(136,136,136,0.4)")
    return figure
