"""The two loops: rounds on the canary bucket, and looks at the declared buckets. Neither waits for a scrape."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from exporters.configuration import ConfigError
from exporters.s3_exporter import canary, declared, usage
from exporters.s3_exporter.config import Config, Declaration, Declared, declaration
from exporters.s3_exporter.metrics import Metrics
from exporters.s3_exporter.store import attempt, client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_log = structlog.get_logger()


class Watch:
    """Runs until `stop` is set."""

    def __init__(self, config: Config, declaration_file: Path, metrics: Metrics) -> None:
        self._config, self._file, self._metrics = config, declaration_file, metrics
        self.stop = threading.Event()
        self._declaration: Declaration = declaration(declaration_file)
        metrics.declaration.set(1)
        self._listings: dict[str, usage.Listing] = {}

    def start(self) -> None:
        """Begin both loops."""
        for name, act, every in (
            ("canary", self.round, self._config.canary.interval_seconds),
            ("buckets", self.look, self._config.check_seconds),
        ):
            threading.Thread(target=self._repeat, args=(act, every), name=name, daemon=True).start()

    def _repeat(self, act: Callable[["S3Client"], None], every: float) -> None:
        asked = client(self._config)
        due = time.monotonic()
        while not self.stop.is_set():
            try:
                act(asked)
            except Exception:
                _log.exception("a defect of the exporter")
            due = max(due + every, time.monotonic())  # after a long one: at once, and not several times
            self.stop.wait(due - time.monotonic())

    def round(self, asked: "S3Client") -> None:
        """One round on the canary bucket."""
        self._metrics.up.set(canary.measure(asked, self._config.canary, self._metrics))
        self._metrics.round.set(time.time())
        swept = attempt(lambda: canary.sweep(asked, self._config.canary))
        if swept != "success":
            _log.warning("old canaries can't be removed", bucket=self._config.canary.bucket, result=swept)

    def look(self, asked: "S3Client") -> None:
        """One look at every declared bucket, by the declaration as it stands now."""
        try:
            self._declaration = declaration(self._file)
            self._metrics.declaration.set(1)
        except ConfigError as error:
            self._metrics.declaration.set(0)
            _log.error("the declaration stays as it was", reason=str(error))
        for bucket, wanted in self._declaration.buckets.items():
            result = attempt(lambda b=bucket, w=wanted: self._bucket(asked, b, w))  # type: ignore[misc]  # bound now
            self._metrics.check_success.labels(bucket).set(result == "success")
            if result != "success":
                _log.warning("the bucket can't be looked at", bucket=bucket, result=result)

    def _bucket(self, asked: "S3Client", bucket: str, wanted: Declared) -> None:
        for part, same in declared.compare(asked, bucket, wanted).items():
            self._metrics.as_declared.labels(bucket, part).set(same)
        self._usage(asked, bucket, wanted)
        uploads = asked.list_multipart_uploads(Bucket=bucket, MaxUploads=1000).get("Uploads", [])
        now = datetime.now(UTC)
        ages = [(now - upload["Initiated"]).total_seconds() for upload in uploads]
        self._metrics.oldest_upload.labels(bucket).set(max(ages, default=0.0))

    def _usage(self, asked: "S3Client", bucket: str, wanted: Declared) -> None:
        listing = self._listings.setdefault(bucket, usage.Listing())
        found = usage.by_endpoint(asked, bucket, self._config) or usage.by_listing(
            asked, bucket, listing, self._config.listing_requests
        )
        if wanted.capacity_bytes:
            self._metrics.capacity.labels(bucket).set(wanted.capacity_bytes)
        if found is None:
            return
        for name, size in found.sizes.items():
            self._metrics.bytes.labels(bucket, name).set(size)
            self._metrics.objects.labels(bucket, name).set(found.counts[name])
        for source in ("endpoint", "listing"):
            self._metrics.source.labels(bucket, source).set(source == found.source)
        self._metrics.usage_at.labels(bucket).set(time.time())
        if limit := wanted.quota_bytes or wanted.capacity_bytes:
            self._metrics.quota.labels(bucket).set(sum(found.sizes.values()) / limit)
