"""Several runs of the same campaign together: figures beside each other, with bands of confidence over the repeats."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from loadtests.analysis.columns import Array
from loadtests.analysis.over_time import OVER_TIME, OverTime, edges_for, over_time
from loadtests.reports import html, plots
from loadtests.reports.report import Report

SCHEMA = "vnaops.repeats/1"
JSON, HTML = "repeats.json", "repeats.html"
LEVEL = 0.95
LATENCIES = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Band:
    """The mean over the repeats and its confidence interval (95 %, Student); NaN where there are fewer than two."""

    values: Array
    mean: Array
    low: Array
    high: Array


def band(values: NDArray[np.float64]) -> Band:
    """Over the first axis, the repeats."""
    number = len(values)
    mean = values.mean(axis=0)
    if number < 2:
        nothing = np.full_like(mean, np.nan)
        return Band(values, mean, nothing, nothing)
    reach = stats.t.ppf((1 + LEVEL) / 2, number - 1) * values.std(axis=0, ddof=1) / np.sqrt(number)
    return Band(values, mean, np.maximum(0, mean - reach), mean + reach)


def figures(runs: Sequence[Report]) -> dict[str, dict[str, Band]]:
    """Of each operation that every run did: latency quantiles in seconds, and rates."""
    names = [name for name in runs[0].operations if all(name in run.operations for run in runs)]
    found: dict[str, dict[str, Band]] = {}
    for name in names:
        summaries = [run.operations[name].summary for run in runs]
        found[name] = {
            "instances/s": band(np.array([one.instances_per_second for one in summaries])),
            "MB/s": band(np.array([one.bytes_per_second / 1e6 for one in summaries])),
        }
        if all(one.latency for one in summaries):
            for label in LATENCIES:
                found[name][label] = band(np.array([one.latency[label] for one in summaries]))
    return found


def together(runs: Sequence[Report], name: str) -> OverTime:
    """The operation over time: the mean of the runs' figures, with the band over repeats."""
    seconds = max(run.seconds for run in runs)
    rows = [run.rows.of_operation(name) for run in runs]
    edges = edges_for(seconds, min(map(len, rows)))
    each = [over_time(one, edges) for one in rows]
    quantiles = {label: _over_runs([one.quantiles[label] for one in each]) for label in OVER_TIME}
    return OverTime(
        edges=edges,
        requests=np.mean([one.requests for one in each], axis=0),
        instances=np.mean([one.instances for one in each], axis=0),
        size=np.mean([one.size for one in each], axis=0),
        bad=np.sum([one.bad for one in each], axis=0),
        quantiles={label: one.mean for label, one in quantiles.items()},
        low={label: one.low for label, one in quantiles.items()},
        high={label: one.high for label, one in quantiles.items()},
    )


def _over_runs(values: Sequence[Array]) -> Band:
    return band(np.array(values))


def as_dict(runs: Sequence[Report]) -> dict[str, Any]:
    """Times in seconds."""
    return {
        "schema": SCHEMA,
        "campaigns": [str(run.folder) for run in runs],
        "verdicts": [run.verdict for run in runs],
        "operations": {
            name: {
                label: {
                    "values": [round(float(value), 6) for value in one.values],
                    "mean": round(float(one.mean), 6),
                    "interval_95": [round(float(one.low), 6), round(float(one.high), 6)],
                }
                for label, one in some.items()
            }
            for name, some in figures(runs).items()
        },
    }


def write(runs: Sequence[Report], into: Path) -> None:
    """`repeats.json` and `repeats.html`.

    Raises:
        ValueError: there are fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError("report: a band over repeats needs two campaigns at least")
    into.mkdir(parents=True, exist_ok=True)
    (into / JSON).write_text(json.dumps(as_dict(runs), indent=1) + "\n")
    found = figures(runs)
    seconds = max(run.seconds for run in runs)
    details = {name: html.div(plots.repeats(together(runs, name), seconds)) for name in found}
    (into / HTML).write_text(html.page("repeats.html.j2", runs=runs, figures=found, details=details))
