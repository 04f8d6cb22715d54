"""The tap's metrics. Known label values are there from the start: a rate begins at nought, not with a gap."""

import time
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from exporters.dimse.pdu import Abort, AssociateReject
from exporters.dimse.reasons import REJECT_WORDS, AbortSource, RejectSource, reject_words, words
from exporters.dimse.status import status_class
from exporters.dimse_tap.follower import ARCHIVE, DIRECTIONS, NETWORK, SENDER
from exporters.dimse_tap.labels import OTHER, AeTitles

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
REASONS: Final = (
    "protocol", "unexpected-pdu", "data-set-without-command", "command-within-data-set", "command-too-long",
    "too-many-operations", "unknown-command", "unexpected-response", "proxy-protocol", "defect",
)  # fmt: skip


_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)


class _Series(dict[tuple[str, ...], _Kind]):
    """A family's series by their label values: what `labels` does anew each time, a quarter of a store's following."""

    def __init__(self, family: _Kind) -> None:
        super().__init__()
        self._family: _Kind = family

    def __missing__(self, values: tuple[str, ...]) -> _Kind:
        series: _Kind = self._family.labels(*values)
        self[values] = series
        return series


class Metrics:
    """An `Observer` that counts; labels are bounded by `titles`."""

    def __init__(self, titles: AeTitles) -> None:
        self.titles = titles
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"dimse_tap_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"dimse_tap_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, labels: tuple[str, ...]) -> Histogram:
            return Histogram(f"dimse_tap_{name}", text, labels, registry=registry, buckets=SECONDS)

        self._operations = _Series(
            histogram(
                "operation_duration_seconds",
                "From the first byte of a request to its final response, at the tap",
                ("operation", "called", "calling", "sop_class_group", "transfer_syntax", "status_class"),
            )
        )
        asked = ("operation", "called", "calling")
        self._first = _Series(
            histogram("first_response_seconds", "From a request's first byte to its first pending response", asked)
        )
        self._interval = _Series(
            histogram("response_interval_seconds", "Between pending responses of one operation", asked)
        )
        self._setup = histogram(
            "association_setup_seconds",
            "From A-ASSOCIATE-RQ to its answer, at the tap",
            ("called", "calling", "result"),
        )
        self.open = gauge("associations_open", "Associations that are accepted and not ended", ("called", "calling"))
        self._ends = counter("associations", "Connections by how they ended", ("called", "calling", "end"))
        self._rejections = counter("rejections", "Rejected associations (PS3.8 table 9-21)", ("source", "reason"))
        self._aborts = counter("aborts", "A-ABORT PDUs by who sent them", ("source",))
        bytes_ = counter("bytes", "Bytes relayed", ("direction",))
        self.passed = [bytes_.labels(direction) for direction in DIRECTIONS]
        self._instances = _Series(
            counter("instances", "Data sets of C-STORE that passed in whole", ("direction", "calling"))
        )
        self._stalls = counter("stall_seconds", "Time in which operations waited, by for whom", ("who",))
        self._heard = _Series(
            gauge(
                "last_heard_timestamp_seconds",
                "When this calling AE title last asked for something; 0: not since the start",
                ("calling",),
            )
        )
        self._unparsed = counter("unparsed", "What was relayed without being understood", ("reason",))
        unparsed = counter("unparsed_bytes", "Bytes relayed after the following had ended", ("direction",))
        self.unparsed_bytes = [unparsed.labels(direction) for direction in DIRECTIONS]
        self.connections = counter("connections", "Connections that reached the archive")
        self.connect_failures = counter("connect_failures", "Connections that did not reach the archive")
        self.draining = gauge("draining", "Whether no more connections are taken")
        for number, reason in (*REJECT_WORDS, (0, 0)):
            self._rejections.labels(words(RejectSource(number)), reject_words(number, reason))
        for abort in AbortSource:
            self._aborts.labels(words(abort))
        for cause in REASONS:
            self._unparsed.labels(cause)
        for direction in DIRECTIONS:
            for title in (*titles.known, OTHER):
                self._instances[direction, title]
        for title in (*titles.known, OTHER):
            self._heard[title,]
        self._stalled = {who: self._stalls.labels(who) for who in (SENDER, ARCHIVE, NETWORK)}

    def associated(self, called: str, calling: str, result: str, seconds: float) -> None:
        self._setup.labels(called, calling, result).observe(seconds)

    def heard(self, calling: str) -> None:
        self._heard[calling,].set(time.time())

    def rejected(self, pdu: AssociateReject) -> None:
        source = words(RejectSource(pdu.source))
        self._rejections.labels(source, reject_words(pdu.source, pdu.reason)).inc()

    def aborted(self, pdu: Abort) -> None:
        self._aborts.labels(words(AbortSource(pdu.source))).inc()

    def operation(
        self, name: str, called: str, calling: str, sop_class_group: str, syntax: str, status: int, seconds: float
    ) -> None:
        series = self._operations[name, called, calling, sop_class_group, syntax, status_class(status).value]
        series.observe(seconds)

    def response(self, name: str, called: str, calling: str, first: bool, seconds: float) -> None:
        (self._first if first else self._interval)[name, called, calling].observe(seconds)

    def instance(self, direction: str, calling: str) -> None:
        self._instances[direction, calling].inc()

    def unparsed(self, reason: str) -> None:
        self._unparsed.labels(reason).inc()

    def waited(self, who: str, seconds: float) -> None:
        self._stalled[who].inc(seconds)

    def ended(self, called: str, calling: str, end: str) -> None:
        """A connection is over; `end` is how."""
        self._ends.labels(called, calling, end).inc()
