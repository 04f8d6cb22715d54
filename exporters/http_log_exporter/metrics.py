"""The exporter's metrics. Every label value comes from a list that is given at the start; all else is `other`."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from exporters.http_log_exporter.line import LineError, Transaction, parse

OTHER: Final = "other"
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
FROM_THE_START: Final = ("2xx", "4xx", "5xx")
RECEIVED, SENT = "received", "sent"
TRANSACTION, MALFORMED = "transaction", "malformed"


class Metrics:
    """Counts lines; `operations` and `backends` are the names that get series of their own."""

    def __init__(self, operations: Iterable[str], backends: Iterable[str]) -> None:
        self.operations = tuple(dict.fromkeys([*operations, OTHER]))
        self.backends = tuple(dict.fromkeys([*backends, OTHER]))
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._durations = Histogram(
            "http_transactions_duration_seconds",
            "From a request's first byte to its response's last, at the balancer",
            ("operation", "status_class", "backend"),
            registry=registry,
            buckets=SECONDS,
        )
        self._first_byte = Histogram(
            "http_transactions_first_byte_seconds",
            "From a request's first byte to the beginning of the archive's response, at the balancer",
            ("operation",),
            registry=registry,
            buckets=SECONDS,
        )
        self._bytes = Counter(
            "http_transactions_bytes", "Bytes from and to clients, heads included", ("operation", "direction"),
            registry=registry,
        )  # fmt: skip
        self._lines = Counter(
            "http_log_exporter_lines", "Lines of the log by what they were", ("result",), registry=registry
        )
        self._known: set[tuple[str, str]] = set()
        for operation in self.operations:
            self._first_byte.labels(operation)
            for direction in (RECEIVED, SENT):
                self._bytes.labels(operation, direction)
        for result in (TRANSACTION, MALFORMED):
            self._lines.labels(result)

    def line(self, datagram: bytes) -> None:
        """Take in one datagram of the log, whatever is in it."""
        try:
            transaction = parse(datagram)
        except LineError:
            self._lines.labels(MALFORMED).inc()
            return
        self._lines.labels(TRANSACTION).inc()
        self._observe(transaction)

    def _observe(self, transaction: Transaction) -> None:
        operation = transaction.operation if transaction.operation in self.operations else OTHER
        backend = transaction.backend if transaction.backend in self.backends else OTHER
        if (operation, backend) not in self._known:
            # failures begin at nought together with the first success, so that the first of them is a rise
            self._known.add((operation, backend))
            for status_class in FROM_THE_START:
                self._durations.labels(operation, status_class, backend)
        self._durations.labels(operation, transaction.status_class, backend).observe(transaction.seconds)
        if transaction.first_byte_seconds is not None:
            self._first_byte.labels(operation).observe(transaction.first_byte_seconds)
        self._bytes.labels(operation, RECEIVED).inc(transaction.received_bytes)
        self._bytes.labels(operation, SENT).inc(transaction.sent_bytes)
