"""The exporter's metrics."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from exporters.s3_exporter.store import RESULTS

OPERATIONS: Final = ("put", "head", "get-first-byte", "get", "delete-marker", "list")
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """In a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

        def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
            return Gauge(f"s3_exporter_{name}", text, list(labels), registry=self.registry)

        self._duration = Histogram(
            "s3_exporter_operation_duration_seconds",
            "How long an operation on the canary bucket took, in one try",
            ["operation"],
            registry=self.registry,
            buckets=SECONDS,
        )
        self._last = gauge("operation_last_duration_seconds", "How long the last one took", ["operation"])
        self._success = gauge("operation_success", "Whether the last one succeeded", ["operation"])
        self._operations = Counter(
            "s3_exporter_operations",
            "Operations on the canary bucket by what they came to",
            ["operation", "result"],
            registry=self.registry,
        )
        self.up = gauge("endpoint_up", "Whether all operations of the last round succeeded")
        self.round = gauge("last_round_timestamp_seconds", "When the last round on the canary bucket ended")
        self.bytes = gauge(
            "bucket_bytes", "Bytes in the bucket by storage class (all: not told apart)", ["bucket", "class"]
        )
        self.objects = gauge("bucket_objects", "Objects in the bucket by storage class", ["bucket", "class"])
        self.source = gauge("usage_source", "Where the usage is from: 1 for one of them", ["bucket", "source"])
        self.usage_at = gauge("usage_timestamp_seconds", "When the usage was found", ["bucket"])
        self.capacity = gauge("capacity_bytes", "What the store has for the bucket, as declared", ["bucket"])
        self.quota = gauge("quota_used_ratio", "Used share of the declared quota or capacity", ["bucket"])
        self.as_declared = gauge("as_declared", "Whether this part is as declared", ["bucket", "part"])
        self.check_success = gauge("check_success", "Whether the bucket could be looked at", ["bucket"])
        self.oldest_upload = gauge(
            "oldest_incomplete_upload_age_seconds", "Age of the oldest incomplete upload; 0: there is none", ["bucket"]
        )
        self.declaration = gauge("declaration_last_reload_successful", "Whether the declaration could be read last")
        for operation in OPERATIONS:
            for result in RESULTS:
                self._operations.labels(operation, result)

    def operation(self, name: str, result: str, seconds: float) -> None:
        """One operation came to `result` after so long; only what succeeded is in the histogram."""
        self._operations.labels(name, result).inc()
        self._success.labels(name).set(result == "success")
        if result == "success":
            self._duration.labels(name).observe(seconds)
            self._last.labels(name).set(seconds)
