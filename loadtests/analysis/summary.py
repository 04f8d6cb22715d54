"""The numbers of one operation, or of one stream's part of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from loadtests.analysis.columns import Array, Columns
from loadtests.transactions import Outcome

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(slots=True, frozen=True)
class Summary:
    """Of requests that did not succeed there are only counts: no latency and no throughput."""

    count: int
    failures: int
    unknown: int
    instances: int
    """Stored or retrieved."""
    size: int
    """Bytes of these instances."""
    active_seconds: float
    """From the begin of its first request to the end of its last: what the rates are over."""
    latency: dict[str, float]
    """From the intended begin: min, mean, p50 … p999, max, in seconds; empty if nothing succeeded."""
    service: dict[str, float]
    """From the request itself, likewise."""
    errors: dict[str, int] = field(default_factory=dict)
    """By class, the most frequent first."""

    @property
    def instances_per_second(self) -> float:
        """0 where nothing was done."""
        return self.instances / self.active_seconds if self.active_seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """0 where nothing was done."""
        return self.size / self.active_seconds if self.active_seconds else 0.0

    @property
    def requests_per_second(self) -> float:
        """Of those that succeeded; 0 where nothing was done."""
        good = self.count - self.failures - self.unknown
        return good / self.active_seconds if self.active_seconds else 0.0


def summarise(rows: Columns) -> Summary:
    """The numbers of these."""
    good = rows.ok
    return Summary(
        count=len(rows),
        failures=int(rows.outcome.is_(Outcome.FAILED).sum()),
        unknown=int(rows.outcome.is_(Outcome.UNKNOWN).sum()),
        instances=int(good.instances.sum()),
        size=int(good.size.sum()),
        active_seconds=float(rows.end.max() - rows.started.min()) if len(rows) else 0.0,
        latency=quantiles(good.latency),
        service=quantiles(good.service),
        errors={words: times for words, times in rows.error.counts().items() if words},
    )


def quantiles(seconds: Array, shares: Mapping[str, float] = QUANTILES) -> dict[str, float]:
    """By name, with min, mean and max; empty where there are none."""
    if not len(seconds):
        return {}
    found = dict(zip(shares, np.quantile(seconds, list(shares.values())), strict=True))
    ordered = {"min": seconds.min(), "mean": seconds.mean(), **found, "max": seconds.max()}
    return {name: float(value) for name, value in ordered.items()}
