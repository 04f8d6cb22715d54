"""A connection, its way to the archive, and what is known of the association on it."""

import socket
import time
from typing import Final

import structlog

from exporters.dimse_tap.follower import ARCHIVE, FROM_ARCHIVE, NETWORK, TO_ARCHIVE, Follower
from exporters.dimse_tap.metrics import Metrics

_log = structlog.get_logger()
_sequence: Final = iter(range(1, 1 << 62))


class Side:
    """One socket: what is read from it goes to `other`."""

    __slots__ = ("connection", "direction", "ended", "events", "kept", "other", "shut", "socket")
    other: "Side"

    def __init__(self, connection: "Connection", end: socket.socket, direction: int) -> None:
        self.connection, self.socket, self.direction = connection, end, direction
        self.kept: memoryview | None = None  # what `other`'s socket has not taken yet
        self.ended = False  # read to its end
        self.shut = False  # the end was passed on to `other`
        self.events = 0  # that epoll waits for


class Connection:
    """Two sides, and the account of what passed between them. Times are of time.perf_counter, but `deadline`."""

    __slots__ = (
        "_bytes", "_counted", "_metrics", "_number", "_opened", "_waiting",
        "archive", "client", "deadline", "failed", "follower", "since", "source", "state",
    )  # fmt: skip

    def __init__(self, metrics: Metrics, client: socket.socket, archive: socket.socket, source: str) -> None:
        self.client, self.archive = Side(self, client, TO_ARCHIVE), Side(self, archive, FROM_ARCHIVE)
        self.client.other, self.archive.other = self.archive, self.client
        self.follower = Follower(metrics, metrics.titles)
        self.source = source
        self.state = "head"  # head, tls, connecting, open, ended
        self.deadline = 0.0  # of being opened; time.monotonic
        self.failed = ""  # why, in words
        self.since = 0.0  # the last event
        self._metrics, self._number, self._opened = metrics, next(_sequence), time.perf_counter()
        self._waiting: str | None = None
        self._counted: tuple[str, str] | None = None  # labels under which it is open
        self._bytes = [0, 0]

    def saw(self, direction: int, passed: memoryview, now: float) -> None:
        """These bytes have been passed on that way, or kept to be."""
        count, follower = len(passed), self.follower
        self._metrics.passed[direction].inc(count)
        self._bytes[direction] += count
        if follower.following:
            try:
                follower.passed(direction, passed, now)
            except Exception:
                follower.give_up("defect")
                _log.exception("a defect of the tap; the association is relayed on")
            self._count_open()
        else:
            self._metrics.unparsed_bytes[direction].inc(count)
        self.account(now)

    def account(self, now: float) -> None:
        """Whoever was waited for since the last event has that time on its account."""
        if self._waiting is not None:
            self._metrics.waited(self._waiting, now - self.since)
        self.since = now
        if self.archive.kept is not None:
            self._waiting = NETWORK  # the requestor, or the network to it, takes nothing
        elif self.client.kept is not None:
            self._waiting = ARCHIVE  # its socket is full: it doesn't read
        else:
            self._waiting = self.follower.waiting_for

    def _count_open(self) -> None:
        follower = self.follower
        if follower.open and self._counted is None:
            self._counted = (follower.called, follower.calling)
            self._metrics.open.labels(*self._counted).inc()
        elif not follower.open and self._counted is not None:
            self._metrics.open.labels(*self._counted).dec()
            self._counted = None

    def over(self, how: str, *, was_open: bool) -> None:
        """Both sockets are closed; `how`: closed or reset, unless the association's own end was seen."""
        follower = self.follower
        if self._counted is not None:
            self._metrics.open.labels(*self._counted).dec()
        end = follower.ended or how
        if was_open:
            self._metrics.ended(follower.called, follower.calling, end)
        # the balancer has a line of every association already, and its checks end with a reset
        well = not self.failed or end in ("released", "rejected")
        (_log.debug if well else _log.warning)(
            "connection ended",
            number=self._number,
            source=self.source,
            called=follower.called,
            calling=follower.calling,
            end=end,
            seconds=round(time.perf_counter() - self._opened, 6),
            to_archive_bytes=self._bytes[TO_ARCHIVE],
            from_archive_bytes=self._bytes[FROM_ARCHIVE],
            followed=follower.following,
            **({"reason": self.failed} if self.failed else {}),
        )
