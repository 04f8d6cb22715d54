"""The plots of the HTML report, as plotly figures."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from loadtests.transactions import Outcome, Transaction

COLOURS = {
    "C-STORE": "#1f5fa8",
    "STOW-RS": "#4aa3df",
    "C-FIND": "#8a6d3b",
    "QIDO-RS": "#c9a227",
    "C-GET": "#1b7f5c",
    "WADO-RS": "#63b995",
}
_FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif", "size": 12}

_TICKS = [digit * 10.0**power for power in range(-6, 4) for digit in (1, 2, 5)]

Array = NDArray[np.float64]


def throughput(by_operation: dict[str, list[Transaction]], seconds: float) -> go.Figure:
    """Instances/s and MB/s over time. A transfer counts evenly over the time it took, not at its end."""
    figure = make_subplots(
        rows=1,
        cols=2,
    )
    edges = _edges(seconds)
    for name, done in by_operation.items():
        good = [one for one in done if one.outcome is Outcome.OK and one.instances]
        if not good:
            continue
        for column, weights in ((1, [float(one.instances) for one in good]), (2, [one.size / 1e6 for one in good])):
            figure.add_scatter(
                x=(edges[:-1] + edges[1:]) / 2,
                y=_rate(good, weights, edges),
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines",
                line={"color": COLOURS.get(name), "width": 2, "shape": "hv"},
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="seconds since the beginning", range=[0, seconds or 1])
    for column, title in ((1, "instances per second"), (2, "MB per second")):
        figure.update_yaxes(title_text=title, rangemode="tozero", row=1, col=column)
    return _dressed(figure, 340, legend=True)


def latency(name: str, done: list[Transaction], seconds: float) -> go.Figure:
    """Quantiles over time, each request as a faint point, failures and unknown ones marked."""
    figure = go.Figure()
    marks = (
        (Outcome.OK, COLOURS.get(name), "circle"),
        (Outcome.FAILED, "#c0392b", "x"),
        (Outcome.UNKNOWN, "#e08e0b", "diamond"),
    )
    for outcome, colour, symbol in marks:
        some = [one for one in done if one.outcome is outcome]
        if some:
            figure.add_scatter(
                x=[round(one.end, 3) for one in some],
                y=[round(one.service, 6) for one in some],
                mode="markers",
                name=str(outcome),
                marker={"color": colour, "symbol": symbol, "size": 5 if outcome is Outcome.OK else 8},
                opacity=0.45 if outcome is Outcome.OK else 1,
            )
    edges = _edges(seconds)
    ends, took = np.array([one.end for one in done]), np.array([one.service for one in done])
    where = np.clip(np.digitize(ends, edges) - 1, 0, len(edges) - 2)
    filled = sorted(set(where.tolist()))
    for quantile, dash in ((0.5, "solid"), (0.95, "dash")):
        figure.add_scatter(
            x=[(edges[at] + edges[at + 1]) / 2 for at in filled],
            y=[float(np.quantile(took[where == at], quantile)) for at in filled],
            mode="lines+markers" if len(filled) < 3 else "lines",
            name=f"p{quantile * 100:.0f}",
            line={"color": "#22303c", "width": 1.5, "dash": dash},
        )
    figure.update_xaxes(title_text="seconds since the beginning", range=[0, seconds or 1])
    figure.update_yaxes(title_text="seconds", rangemode="tozero")
    return _dressed(figure, 260, legend=True)


def histogram(name: str, done: list[Transaction]) -> go.Figure:
    """How often which latency, on a logarithmic axis."""
    took = np.array([max(one.service, 1e-6) for one in done])
    low, high = took.min() * 0.9, took.max() * 1.1
    counts, edges = np.histogram(took, bins=np.geomspace(low, high, min(40, max(8, len(took) // 2)) + 1))
    figure = go.Figure()
    figure.add_bar(
        x=np.sqrt(edges[:-1] * edges[1:]), y=counts, width=np.diff(edges) * 0.96, marker={"color": COLOURS.get(name)}
    )
    ticks = [mark for mark in _TICKS if low <= mark <= high]
    figure.update_xaxes(title_text="seconds", type="log", tickvals=ticks, ticktext=[f"{mark:g}" for mark in ticks])
    figure.update_yaxes(title_text="requests", rangemode="tozero")
    return _dressed(figure, 260, legend=False)


def _edges(seconds: float) -> Array:
    bins = int(np.clip(seconds / 0.5, 20, 60))
    return np.linspace(0, max(seconds, 1e-3), bins + 1)


def _rate(done: list[Transaction], weights: list[float], edges: Array) -> Array:
    """Weight per second in each bin."""
    total = np.zeros(len(edges) - 1)
    for one, weight in zip(done, weights, strict=True):
        begin, end = one.started, max(one.end, one.started + 1e-9)
        overlap = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin), 0, None)
        total += weight * overlap / (end - begin)
    return total / np.diff(edges)


def _dressed(figure: go.Figure, height: int, *, legend: bool) -> Any:
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 55, "r": 15, "t": 50, "b": 45},
        font=_FONT,
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom"},
        hovermode="closest",
        bargap=0,
    )
    return figure
