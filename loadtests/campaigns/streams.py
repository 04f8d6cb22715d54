"""Streams while they run: each hands its users the sessions that are due, and ends when its plan or campaign does."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.campaigns.arrivals import Arrival, schedule
from loadtests.campaigns.curve import Curve
from loadtests.campaigns.plan import Plan, StreamPlan

LOOK_SECONDS = 0.1  # how often a user whom the shape has paused looks whether it goes on


@dataclass(slots=True, frozen=True)
class Share:
    """The part of a stream that one process takes: of `parts` the one with number `part`, with so many users."""

    part: int
    parts: int
    users: int


def shares(users: int, workers: int, first: int = 0) -> list[Share | None]:
    """How a stream's users are spread over the workers; who has none takes no arrivals either.

    Args:
        first: the worker that gets the first user, so that streams of one user don't all meet on one worker.
    """
    parts = min(users, workers)
    found: list[Share | None] = [None] * workers
    for part in range(parts):
        found[(first + part) % workers] = Share(part, parts, users // parts + (part < users % parts))
    return found


class Stream:
    """One stream in one process; for any number of threads or greenlets.

    Args:
        plan: what the campaign's file says.
        curve: the campaign's shape.
        seed: of the arrivals.
        share: this process's part; its `part`th arrival of each `parts`.
        factor: multiplies rates and paces; the users in `share` are multiplied already.
        seconds: no session is due after these, whatever the curve's length. Those that are due by then and late begin
            until `end` is called: who left them out would hide the longest waiting.
    """

    def __init__(
        self, plan: StreamPlan, curve: Curve, seed: int, share: Share, factor: float = 1, seconds: float = math.inf
    ) -> None:
        self.plan = plan
        self.share = share
        self.begun_sessions = 0
        self.ended_sessions = 0
        self._curve, self._factor, self._seconds = curve, factor, min(seconds, curve.seconds)
        self._lock = threading.Lock()
        self._go, self._ended, self._finished = threading.Event(), threading.Event(), threading.Event()
        self._begun = math.inf
        self._users, self._left, self._numbers, self._paced = 0, 0, 0, 0
        rate = plan.rate
        self._schedule = schedule(curve, rate * factor, plan.arrivals, seed, plan.name) if rate else iter(())
        self._chunk: np.ndarray[tuple[int], np.dtype[np.float64]] = np.empty(0)
        self._chunk_begins = 0

    def begin(self, moment: float) -> None:
        """Say when second 0 is, on the monotonic clock; until this is called arrivals wait."""
        self._begun = moment
        self._go.set()

    def end(self) -> None:
        """No further session begins."""
        self._ended.set()
        self._go.set()

    @property
    def finished(self) -> bool:
        """Whether the last user of this process has left."""
        return self._finished.is_set()

    @property
    def in_flight(self) -> int:
        """Sessions that have begun and not ended."""
        return self.begun_sessions - self.ended_sessions

    def offered(self, now: float) -> int:
        """Sessions that ought to have begun until this moment; of a closed stream those that have."""
        if self.plan.rate is None:
            return self.begun_sessions
        with self._lock:
            due = int(np.searchsorted(self._chunk, now - self._begun, side="right")) + self._chunk_begins
        return max(self.begun_sessions, len(range(self.share.part, due, self.share.parts)))

    def arrivals(self) -> Iterator[Arrival]:
        """Sessions for one user, one after the other: blocks until the next is due, ends when the stream does."""
        with self._lock:
            slot = self._users * self.share.parts + self.share.part
            self._users += 1
        try:
            self._go.wait()
            take = self._next_open if self.plan.rate else self._next_closed
            while (arrival := take(slot)) is not None:
                self.begun_sessions += 1
                yield arrival
                self.ended_sessions += 1
        finally:
            with self._lock:
                self._left += 1
                if self._left >= self.share.users:
                    self._finished.set()

    def pace(self, size: int) -> float:
        """Wait until the stream's pace lets so many more bytes begin; returns the moment when they ought to.

        Where the stream has no pace that is now. Users of the stream share the pace.
        """
        megabytes = self.plan.megabytes_per_second
        if megabytes is None:
            return time.monotonic()
        per_second = megabytes * 1e6 * self._factor / self.share.parts
        with self._lock:
            area, self._paced = self._paced / per_second, self._paced + size
        offset = float(self._curve.inverse(np.array([min(area, self._curve.area)]))[0])
        intended = self._begun + offset
        self._ended.wait(max(0.0, intended - time.monotonic()))
        return intended

    def _next_open(self, _: int) -> Arrival | None:
        with self._lock:
            number = self._numbers * self.share.parts + self.share.part
            self._numbers += 1
            offset = self._offset(number)
        if offset is None or offset >= self._seconds or self._over(number):
            return None
        intended = self._begun + offset
        # `wait` may return early (the loop's clock is a cached one): measured up to 0.4 ms
        while (remaining := intended - time.monotonic()) > 0 and not self._ended.is_set():
            self._ended.wait(remaining)
        return None if self._over(number) else Arrival(number, intended)

    def _next_closed(self, slot: int) -> Arrival | None:
        users = (self.plan.users or 0) * self._factor
        while not self._over(0) and (now := time.monotonic()) - self._begun < self._seconds:
            if now >= self._begun and slot < math.ceil(users * self._curve.factor(now - self._begun) - 1e-9):
                with self._lock:
                    number = self._numbers * self.share.parts + self.share.part
                    self._numbers += 1
                return None if self._over(number) else Arrival(number, now)
            self._ended.wait(self._begun - now if now < self._begun else LOOK_SECONDS)
        return None

    def _over(self, number: int) -> bool:
        """Whether the session with this number doesn't begin any more."""
        sessions = self.plan.sessions
        return self._ended.is_set() or (sessions is not None and number >= sessions)

    def _offset(self, number: int) -> float | None:
        """Seconds from the beginning to the arrival with this number, of all parts' together; numbers only grow."""
        while number >= self._chunk_begins + len(self._chunk):
            following = next(self._schedule, None)
            if following is None:
                return None
            # users that wait have taken numbers that aren't due yet: `offered` still needs those
            due = int(np.searchsorted(self._chunk, time.monotonic() - self._begun, side="right"))
            self._chunk_begins += due
            self._chunk = np.concatenate((self._chunk[due:], following))
        return float(self._chunk[number - self._chunk_begins])


def streams(plan: Plan, worker: int = 0, workers: int = 1) -> dict[str, Stream]:
    """The plan's streams that have users in this worker, by name."""
    curve, found = plan.shape.curve(), {}
    for number, one in enumerate(plan.streams):
        share = shares(one.at_a_time(curve.peak * plan.factor), workers, number)[worker]
        if share is not None:
            found[one.name] = Stream(one, curve, plan.seed, share, plan.factor, plan.seconds)
    return found


Users = dict[str, dict[str, int]]
"""Worker -> stream -> users."""


def order(workers: Sequence[str]) -> list[str]:
    """The order in which workers are numbered."""
    return sorted(workers)


def allot(plan: Plan, workers: Sequence[str]) -> Users:
    """How many users of which stream each of these workers has, whose order is their number."""
    peak = plan.shape.curve().peak * plan.factor
    found: Users = {worker: {} for worker in workers}
    for number, stream in enumerate(plan.streams):
        for worker, share in zip(workers, shares(stream.at_a_time(peak), len(workers), number), strict=True):
            found[worker][stream.name] = share.users if share else 0
    return found
