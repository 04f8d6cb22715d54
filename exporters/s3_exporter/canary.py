"""One round of operations on the canary bucket: a new object is put, looked at, read, deleted by a marker, and listed.

Under object lock the version stays until its retention lapses; each round removes a few of the oldest that are free by
then (keys begin with their time, so a listing begins with the oldest): the bucket needs no life cycle and stays small.
"""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from exporters.s3_exporter.config import Canary
from exporters.s3_exporter.metrics import Metrics
from exporters.s3_exporter.store import attempt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "canary/"
KEPT: Final = timedelta(hours=25)  # a day's retention, and what clocks may differ
SWEPT: Final = 20  # versions and markers a round, of which it makes two


def measure(client: "S3Client", canary: Canary, metrics: Metrics) -> bool:
    """Every operation once; whether all went well. One that needs the object isn't tried when the put failed."""
    bucket, key = canary.bucket, f"{PREFIX}{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
    body = os.urandom(canary.object_bytes)
    begun = time.perf_counter

    def timed(operation: str, act: object) -> bool:
        assert callable(act)  # noqa: S101  (for the type checker)
        start = begun()
        result = attempt(act)
        metrics.operation(operation, result, begun() - start)
        return result == "success"

    def get() -> None:
        start = begun()
        stream = client.get_object(Bucket=bucket, Key=key)["Body"]
        first = stream.read(1)
        metrics.operation("get-first-byte", "success", begun() - start)
        if first + stream.read() != body:
            raise ValueError("the object is another than was put")

    well = timed("put", lambda: client.put_object(Bucket=bucket, Key=key, Body=body))
    if well:
        well = timed("head", lambda: client.head_object(Bucket=bucket, Key=key)) and well
        well = timed("get", get) and well
        well = timed("delete-marker", lambda: client.delete_object(Bucket=bucket, Key=key)) and well
    return timed("list", lambda: client.list_objects_v2(Bucket=bucket, Prefix=PREFIX, MaxKeys=100)) and well


def sweep(client: "S3Client", canary: Canary, kept: timedelta = KEPT) -> int:
    """Remove some of the oldest versions and delete markers; answers how many. Raises boto3's errors."""
    page = client.list_object_versions(Bucket=canary.bucket, Prefix=PREFIX, MaxKeys=SWEPT)
    oldest = datetime.now(UTC) - kept
    gone = [
        (one["Key"], one["VersionId"])
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if one["LastModified"] < oldest
    ]
    for key, version in gone:
        client.delete_object(Bucket=canary.bucket, Key=key, VersionId=version)
    return len(gone)
