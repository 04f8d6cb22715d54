"""How throughput and latency went over time."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from loadtests.analysis.columns import Array, Columns
from loadtests.transactions import Outcome

LEVEL = 0.95
PER_INTERVAL = 25
OVER_TIME = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class OverTime:
    """One operation's figures per interval; NaN where nothing was."""

    edges: Array
    """Seconds since the campaign began; one more than there are intervals."""
    requests: Array
    """Per second, that succeeded."""
    instances: Array
    """Per second."""
    size: Array
    """Bytes per second."""
    bad: Array
    """Requests that failed or had no answer, by the interval of their end."""
    quantiles: dict[str, Array]
    """Latency in seconds of what ended in the interval."""
    low: dict[str, Array]
    high: dict[str, Array]
    """Confidence limits (95 %) of the quantiles, by order statistics."""


def edges_for(seconds: float, count: int, least: float = 0.5) -> Array:
    """Between 12 and 120 intervals of a round length; rather fewer, where `count` requests fill no more."""
    wanted = max(seconds / min(120, max(1, count // PER_INTERVAL)), least)
    steps = np.array([digit * 10.0**power for power in range(-1, 6) for digit in (1, 2, 5)])
    length = float(steps[np.searchsorted(steps, wanted * 0.999)])
    if seconds / length < 12:
        return np.linspace(0, max(seconds, 0.012), 13)
    edges = np.arange(0, seconds, length)
    # the last interval ends with the load: a rate over time in which nothing was wanted would look like a collapse
    return np.append(edges if seconds - edges[-1] > length / 2 else edges[:-1], seconds)


def over_time(rows: Columns, edges: Array) -> OverTime:
    """Of one operation. A transfer counts evenly over the time it took, not at its end."""
    good = rows.ok
    lengths = np.diff(edges)
    where = np.clip(np.digitize(good.end, edges) - 1, 0, len(edges) - 2)
    bad = ~rows.outcome.is_(Outcome.OK)
    order = np.argsort(where, kind="stable")
    starts = np.searchsorted(where[order], np.arange(len(edges)))
    latency = good.latency[order]
    found = {kind: {name: np.full(len(lengths), np.nan) for name in OVER_TIME} for kind in ("value", "low", "high")}
    for number in range(len(lengths)):
        part = np.sort(latency[starts[number] : starts[number + 1]])
        if not len(part):
            continue
        for name, share in OVER_TIME.items():
            found["value"][name][number] = np.quantile(part, share)
            low, high = order_statistics(len(part), share)
            found["low"][name][number], found["high"][name][number] = part[low], part[high]
    return OverTime(
        edges=edges,
        requests=spread(good, np.ones(len(good)), edges) / lengths,
        instances=spread(good, good.instances.astype(float), edges) / lengths,
        size=spread(good, good.size.astype(float), edges) / lengths,
        bad=np.histogram(rows.end[bad], edges)[0].astype(float),
        quantiles=found["value"],
        low=found["low"],
        high=found["high"],
    )


def order_statistics(count: int, share: float) -> tuple[int, int]:
    """Places in a sorted sample between which its quantile lies with 95 % confidence, whatever the distribution."""
    low = int(stats.binom.ppf((1 - LEVEL) / 2, count, share)) - 1
    high = int(stats.binom.ppf((1 + LEVEL) / 2, count, share))
    return max(0, low), min(count - 1, high)


def spread(rows: Columns, weights: Array, edges: Array) -> Array:
    """Weight within each interval, each row's spread evenly from its start to its end."""
    # The integral of all rows' rates at the edges: exact, and n log n however many intervals there are.
    begin, end = rows.started, np.maximum(rows.end, rows.started + 1e-6)
    rate = weights / (end - begin)
    points = np.concatenate((begin, end))
    steps = np.concatenate((rate, -rate))
    order = np.argsort(points, kind="stable")
    points, slopes = points[order], np.cumsum(steps[order])
    if not len(points):
        return np.zeros(len(edges) - 1)
    areas = np.concatenate(([0.0], np.cumsum(slopes[:-1] * np.diff(points))))
    return np.diff(np.interp(edges, points, areas, left=0.0, right=areas[-1]))
