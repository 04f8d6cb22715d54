"""What was done and what came of it, one record a request: where the numbers of the report come from."""

import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """A store without an answer: the archive may have it."""


@dataclass(slots=True, frozen=True)
class Transaction:
    """One request. `end` is in seconds since the campaign began, `seconds` from the request to its whole answer."""

    operation: str
    end: float
    seconds: float
    instances: int
    size: int
    """Bytes of the instances, stored or retrieved."""
    outcome: Outcome
    error: str
    """Empty, or the failure's class in bounded words."""


class RequestFailed(Exception):  # noqa: N818  (a Locust statistic shows the name)
    """What a failed request is reported to Locust with; its text is the class of the failure, for counting."""

    def __init__(self, kind: str, outcome: Outcome = Outcome.FAILED) -> None:
        super().__init__(kind)
        self.outcome = outcome


class Recorder:
    """Collects transactions from Locust's `request` event, which every user fires for every operation."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.transactions: list[Transaction] = []

    def on_request(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None,
        context: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Locust's event; `response_time` is in milliseconds, the context carries instances and bytes."""
        context = context or {}
        outcome, error = Outcome.OK, ""
        if exception is not None:
            outcome = getattr(exception, "outcome", Outcome.FAILED)
            error = str(exception) if isinstance(exception, RequestFailed) else type(exception).__name__
        self.transactions.append(
            Transaction(
                operation=name,
                end=time.monotonic() - self.begun,
                seconds=response_time / 1000,
                instances=context.get("instances", 0),
                size=context.get("bytes", 0),
                outcome=outcome,
                error=error,
            )
        )


@dataclass(slots=True, frozen=True)
class Summary:
    """The numbers of one operation."""

    count: int
    failures: int
    unknown: int
    instances: int
    """Instances that were stored or retrieved; those of requests that did not succeed are not among them."""
    size: int
    active_seconds: float
    """From the begin of its first request to the end of its last: what the rates are over."""
    latency: dict[str, float]
    """Of the requests that succeeded: min, mean, p50, p90, p95, p99, max, in seconds; empty if there is none."""
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def instances_per_second(self) -> float:
        """0 where nothing was done."""
        return self.instances / self.active_seconds if self.active_seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """0 where nothing was done."""
        return self.size / self.active_seconds if self.active_seconds else 0.0


def summarise(transactions: list[Transaction]) -> Summary:
    """The numbers of these, which are of one operation."""
    good = [one for one in transactions if one.outcome is Outcome.OK]
    took = np.array([one.seconds for one in good])
    begin = min((one.end - one.seconds for one in transactions), default=0.0)
    end = max((one.end for one in transactions), default=0.0)
    return Summary(
        count=len(transactions),
        failures=sum(one.outcome is Outcome.FAILED for one in transactions),
        unknown=sum(one.outcome is Outcome.UNKNOWN for one in transactions),
        instances=sum(one.instances for one in good),
        size=sum(one.size for one in good),
        active_seconds=end - begin,
        latency=_quantiles(took),
        errors=dict(Counter(one.error for one in transactions if one.error).most_common()),
    )


def _quantiles(seconds: "np.ndarray[Any, np.dtype[np.float64]]") -> dict[str, float]:
    if not len(seconds):
        return {}
    p50, p90, p95, p99 = np.quantile(seconds, (0.5, 0.9, 0.95, 0.99))
    found = {
        "min": seconds.min(),
        "mean": seconds.mean(),
        "p50": p50,
        "p90": p90,
        "p95": p95,
        "p99": p99,
        "max": seconds.max(),
    }
    return {name: float(value) for name, value in found.items()}
