"""What was done and what came of it, one record a request: where the numbers of the report come from."""

import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from loadtests.analysis.histogram import Histogram

if TYPE_CHECKING:
    from loadtests.raw import RawWriter

ERROR_CLASSES = 64  # kept apart in the running figures; the raw data keep all


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """A store without an answer: the archive may have it."""


@dataclass(slots=True, frozen=True)
class Transaction:
    """One request. Times are in seconds since the campaign began."""

    stream: str
    operation: str
    intended: float
    """When it should have begun. Before `started` where all users of an open stream were busy."""
    started: float
    end: float
    """When its whole answer was there."""
    instances: int
    size: int
    """Bytes of the instances, stored or retrieved."""
    outcome: Outcome
    error: str = ""
    """Empty, or the failure's class in bounded words."""
    status: str = ""
    """What the archive said: a DIMSE or HTTP status."""
    worker: str = ""

    @property
    def latency(self) -> float:
        """What a user waited for: from the intended begin, so that waiting for a free association is not hidden."""
        return self.end - self.intended

    @property
    def service(self) -> float:
        """What the archive took: from the request to its whole answer."""
        return self.end - self.started


class RequestFailed(Exception):  # noqa: N818  (a Locust statistic shows the name)
    """What a failed request is reported to Locust with; its text is the class of the failure, for counting."""

    def __init__(self, kind: str, outcome: Outcome = Outcome.FAILED) -> None:
        super().__init__(kind)
        self.outcome = outcome


@dataclass(slots=True)
class Running:
    """The figures of one operation so far, in bounded memory: for progress and for shapes that look at them."""

    count: int = 0
    failures: int = 0
    unknown: int = 0
    instances: int = 0
    size: int = 0
    latency: Histogram = field(default_factory=Histogram)
    """Seconds, of what succeeded."""

    def add(self, one: Transaction) -> None:
        """Count it."""
        self.count += 1
        if one.outcome is Outcome.OK:
            self.instances += one.instances
            self.size += one.size
            self.latency.add(one.latency)
        elif one.outcome is Outcome.FAILED:
            self.failures += 1
        else:
            self.unknown += 1

    def since(self, earlier: "Running") -> "Running":
        """What came after `earlier`, a copy of this from before."""
        return Running(
            self.count - earlier.count,
            self.failures - earlier.failures,
            self.unknown - earlier.unknown,
            self.instances - earlier.instances,
            self.size - earlier.size,
            self.latency - earlier.latency,
        )

    def copy(self) -> "Running":
        """As it is now."""
        return self.since(Running())


class Recorder:
    """Takes Locust's `request` event, which every user fires for every operation, to the raw data.

    Args:
        writer: where every transaction goes; None where they are only counted.
        worker: whose transactions these are.
    """

    def __init__(self, writer: "RawWriter | None" = None, worker: str = "") -> None:
        self.begun = time.monotonic()
        """When the campaign began, monotonic; the runner sets it when the load begins."""
        self.running: dict[str, Running] = {}
        """By operation."""
        self.by_stream: dict[str, Running] = {}
        self.errors: Counter[str] = Counter()
        self._writer, self._worker = writer, worker

    def on_request(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None,
        context: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Locust's event.

        The context carries `stream`, `intended`, `started`, `ended` (monotonic seconds), `instances`, `size` (bytes)
        and `status`; what it lacks is taken from the moment of the event and from `response_time` (milliseconds).
        """
        context = context or {}
        outcome, error = Outcome.OK, ""
        if exception is not None:
            outcome = getattr(exception, "outcome", Outcome.FAILED)
            error = str(exception) if isinstance(exception, RequestFailed) else type(exception).__name__
        ended = context.get("ended") or time.monotonic()
        started = context.get("started") or ended - response_time / 1000
        self.add(
            Transaction(
                stream=context.get("stream", ""),
                operation=name,
                intended=(context.get("intended") or started) - self.begun,
                started=started - self.begun,
                end=ended - self.begun,
                instances=context.get("instances", 0),
                size=context.get("size", 0),
                outcome=outcome,
                error=error,
                status=str(context.get("status", "")),
                worker=self._worker,
            )
        )

    def add(self, one: Transaction) -> None:
        """Write and count it."""
        if self._writer:
            self._writer.add(one)
        self.count(one)

    def count(self, one: Transaction) -> None:
        """Count one that somebody else has written (a worker's, in the master)."""
        for figures, key in ((self.running, one.operation), (self.by_stream, one.stream)):
            if (running := figures.get(key)) is None:
                running = figures[key] = Running()
            running.add(one)
        if one.error and (one.error in self.errors or len(self.errors) < ERROR_CLASSES):
            self.errors[one.error] += 1
