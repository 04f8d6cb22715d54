"""What the monitoring's identity may do at the embedded store: look at the bucket, write to the canary alone."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from exporters.s3_exporter.config import Declared, Retention
from exporters.s3_exporter.declared import compare
from infra.components.object_store import canary_of, identities
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET, KEYS = "archive-of-a-test", ("MONITORINGKEY", "a-secret-of-this-test")


@pytest.fixture(scope="module")
def store() -> Iterator[SeaweedFS]:
    known = identities(BUCKET, ("ADMINKEY", "a"), ("ARCHIVEKEY", "b"), KEYS)["identities"]
    with seaweedfs(others=known) as server:
        admin = server.client()
        for bucket in (BUCKET, canary_of(BUCKET)):
            admin.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        admin.put_object(Bucket=BUCKET, Key="image", Body=b"pixels")
        yield server


@pytest.fixture
def monitoring(store: SeaweedFS) -> "S3Client":
    return replace(store, access_key=KEYS[0], secret_key=KEYS[1]).client()


def test_it_sees_whether_the_bucket_is_as_declared(store: SeaweedFS, monitoring: "S3Client") -> None:
    store.client().put_object_lock_configuration(
        Bucket=BUCKET,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
        },
    )
    declared = Declared(
        object_lock=True,
        retention=Retention(mode="GOVERNANCE", days=3),
        versioning="Enabled",
        lifecycle=[],
        policy={},
    )
    assert compare(monitoring, BUCKET, declared) == dict.fromkeys(
        ("lock", "retention", "versioning", "lifecycle", "policy"), True
    )
    assert monitoring.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    monitoring.list_multipart_uploads(Bucket=BUCKET)


def test_it_reads_writes_and_deletes_nothing_of_the_archive_and_changes_no_setting(monitoring: "S3Client") -> None:
    for forbidden in (
        lambda: monitoring.get_object(Bucket=BUCKET, Key="image"),
        lambda: monitoring.put_object(Bucket=BUCKET, Key="image", Body=b""),
        lambda: monitoring.delete_object(Bucket=BUCKET, Key="image"),
        lambda: monitoring.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
        lambda: monitoring.delete_bucket_lifecycle(Bucket=BUCKET),
        lambda: monitoring.create_bucket(Bucket="another-bucket"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            forbidden()


def test_it_writes_and_reads_the_canary(monitoring: "S3Client") -> None:
    monitoring.put_object(Bucket=canary_of(BUCKET), Key="canary", Body=b"1")
    assert monitoring.get_object(Bucket=canary_of(BUCKET), Key="canary")["Body"].read() == b"1"
    monitoring.delete_object(Bucket=canary_of(BUCKET), Key="canary")
