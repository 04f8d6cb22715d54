"""What the embedded store makes of the bucket's life cycle rules, by the means that the program gives it."""

import datetime as dt
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from infra.components.object_store import PROBE_TAG, maintenance
from infra.providers.vnaops import s3_lifecycle
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "archive"
PASS_SECONDS = 60.0  # SeaweedFS' shortest time between two passes
LONG_AGO = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[SeaweedFS]:
    with seaweedfs(environment=partial(maintenance, every_minutes=1)) as running:
        yield running


def contents(client: "S3Client") -> tuple[set[str], set[str]]:
    """Keys of versions, and of delete markers."""
    listed = client.list_object_versions(Bucket=BUCKET)
    return {v["Key"] for v in listed.get("Versions", [])}, {m["Key"] for m in listed.get("DeleteMarkers", [])}


def until(client: "S3Client", wanted: tuple[set[str], set[str]]) -> None:
    deadline, pause = time.monotonic() + 2.5 * PASS_SECONDS, threading.Event()
    while (found := contents(client)) != wanted:
        assert time.monotonic() < deadline, found
        pause.wait(0.5)


def test_only_what_has_the_tag_and_no_lock_goes(server: SeaweedFS) -> None:
    """A rule's days can't be waited for: in its place stands a day that is past, which needs the same tag and lock."""
    client = server.client()
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    (rule,) = s3_lifecycle.rules({PROBE_TAG: 2})
    rules: Any = [rule | {"Expiration": {"Date": LONG_AGO}}]
    client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    now = dt.datetime.now(dt.UTC)
    for name, days, tag in (
        ("probe", 0, PROBE_TAG),
        ("locked-probe", 1, PROBE_TAG),
        ("image", 0, ""),
        ("image-of-another-class", 0, PROBE_TAG + "d"),
        ("locked-image", 1, ""),
    ):
        client.put_object(
            Bucket=BUCKET,
            Key=name,
            Body=name.encode(),
            Tagging=tag,
            ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=now + dt.timedelta(days=days, seconds=5),
        )
    everything = {"probe", "locked-probe", "image", "image-of-another-class", "locked-image"}
    assert contents(client) == (everything, set())
    until(client, (everything, {"probe"}))
