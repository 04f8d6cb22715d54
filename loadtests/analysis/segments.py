"""A run in equal slices of time: the fastest, the median and the slowest, as warp reports them."""

from dataclasses import asdict, dataclass

import numpy as np

from loadtests.analysis.columns import Array, Columns
from loadtests.analysis.over_time import spread

SLICES = 15
LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class Segment:
    """One slice."""

    begin: float
    seconds: float
    requests_per_second: float
    instances_per_second: float
    bytes_per_second: float

    def as_dict(self) -> dict[str, float]:
        """For the report."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Segments:
    """Of one operation."""

    fastest: Segment
    median: Segment
    slowest: Segment
    count: int


def active_edges(rows: Columns, slices: int = SLICES) -> Array | None:
    """Equal slices from the first request to the last answer; None where there are fewer than three seconds."""
    if not len(rows):
        return None
    begin, end = float(rows.started.min()), float(rows.end.max())
    number = min(slices, int((end - begin) / LEAST_SECONDS))
    return np.linspace(begin, end, number + 1) if number >= 3 else None


def segments(rows: Columns) -> Segments | None:
    """By instances/s, or by requests/s where no instances are carried; None where it was too short."""
    good = rows.ok
    edges = active_edges(good)
    if edges is None:
        return None
    lengths = np.diff(edges)
    rates = [
        spread(good, weights, edges) / lengths
        for weights in (np.ones(len(good)), good.instances.astype(float), good.size.astype(float))
    ]
    order = np.argsort(rates[1] if good.instances.any() else rates[0], kind="stable")

    def segment(at: int) -> Segment:
        return Segment(float(edges[at]), float(lengths[at]), *(float(rate[at]) for rate in rates))

    return Segments(segment(order[-1]), segment(order[len(order) // 2]), segment(order[0]), len(order))
