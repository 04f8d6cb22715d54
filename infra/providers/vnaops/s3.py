"""Buckets by boto3: make one, read what it is, change it part by part.

Emptying and removal are in `s3_removal`, life cycle rules in `s3_lifecycle`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from infra.providers.vnaops import s3_lifecycle
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.s3_endpoint import Endpoint, code_of, until_reachable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import DefaultRetentionTypeDef, ObjectLockConfigurationTypeDef

    from infra.providers.vnaops.patience import Patience

RetentionMode = Literal["GOVERNANCE", "COMPLIANCE"]
DAYS_A_YEAR = 365  # S3 counts a year of default retention as 365 days

_NONE_THERE = {
    "NoSuchTagSet",
    "ObjectLockConfigurationNotFoundError",
    # from look-alikes and versions without the feature
    "NotImplemented",
    "MethodNotAllowed",
}


@dataclass(frozen=True)
class BucketState:
    """What a bucket is, or is to be. Retention is the default that new objects get."""

    object_lock: bool = True
    versioning: bool = True
    retention_mode: RetentionMode | None = None
    retention_days: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    expire_tagged: Mapping[str, int] = field(default_factory=dict)


def read(client: "S3Client", bucket: str) -> BucketState | None:
    """The live bucket, or None when there is none of this name."""
    try:  # not HeadBucket: its answer has no body, so that wrong keys and foreign buckets look the same
        versioning = client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
    except ClientError as error:
        if code_of(error) == "NoSuchBucket":
            return None
        raise
    lock = _object_lock(client, bucket)
    retention: DefaultRetentionTypeDef = lock.get("Rule", {}).get("DefaultRetention", {}) if lock else {}
    days = retention.get("Days") or retention.get("Years", 0) * DAYS_A_YEAR
    return BucketState(
        object_lock=lock is not None,
        versioning=versioning,
        retention_mode=retention.get("Mode"),
        retention_days=days or None,
        tags=_tags(client, bucket),
        expire_tagged=s3_lifecycle.read(client, bucket),
    )


def create(
    client: "S3Client", endpoint: Endpoint, bucket: str, patience: "Patience", *, object_lock: bool
) -> BucketState:
    """Make the bucket, and say what it is; waits until the endpoint is reachable, as long as `patience` lasts.

    Raises:
        RefusalError: a bucket of that name exists (it is never taken over), or the endpoint has no object lock.
        botocore's errors: the rest.
    """
    if until_reachable(lambda: read(client, bucket), endpoint, patience) is not None:
        raise _exists(bucket, endpoint)
    _make(client, endpoint, bucket, object_lock=object_lock)
    made = read(client, bucket) or BucketState(object_lock=False, versioning=False)
    if object_lock and not made.object_lock:
        client.delete_bucket(Bucket=bucket)
        raise _no_object_lock(endpoint)
    return made


def _make(client: "S3Client", endpoint: Endpoint, bucket: str, *, object_lock: bool) -> None:
    try:
        if endpoint.region == "us-east-1":  # the one region that may not be named
            client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=object_lock)
        else:
            client.create_bucket(
                Bucket=bucket,
                ObjectLockEnabledForBucket=object_lock,
                CreateBucketConfiguration={"LocationConstraint": endpoint.region},  # type: ignore[typeddict-item]  # look-alikes name regions as they like
            )
    except ClientError as error:
        if code_of(error) in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
            raise _exists(bucket, endpoint) from None
        if object_lock and code_of(error) in {"NotImplemented", "InvalidArgument", "MethodNotAllowed"}:
            raise _no_object_lock(endpoint) from None
        raise


def update(
    client: "S3Client", bucket: str, live: BucketState, wanted: BucketState, progress: Callable[[str], None]
) -> None:
    """Bring the live bucket to what is wanted: only the parts that differ, in the order that S3 asks for."""
    if live.versioning != wanted.versioning:
        progress(f"versioning of {bucket}: {'on' if wanted.versioning else 'suspended'}")
        client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled" if wanted.versioning else "Suspended"}
        )
    lock = (live.object_lock, live.retention_mode, live.retention_days)
    if lock != (wanted.object_lock, wanted.retention_mode, wanted.retention_days):
        _update_object_lock(client, bucket, live, wanted, progress)
    if dict(live.tags) != dict(wanted.tags):
        progress(f"tags of {bucket}")
        if wanted.tags:
            tags = [{"Key": key, "Value": value} for key, value in sorted(wanted.tags.items())]
            client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})  # type: ignore[typeddict-item]  # a list of such dicts is meant
        else:
            client.delete_bucket_tagging(Bucket=bucket)
    if dict(live.expire_tagged) != dict(wanted.expire_tagged):
        progress(f"life cycle rules of {bucket}")
        s3_lifecycle.update(client, bucket, wanted.expire_tagged)


def _update_object_lock(
    client: "S3Client", bucket: str, live: BucketState, wanted: BucketState, progress: Callable[[str], None]
) -> None:
    if live.object_lock and not wanted.object_lock:
        raise RefusalError(f"object lock of {bucket} can't be switched off: S3 has no such act; replace the bucket")
    configuration: ObjectLockConfigurationTypeDef = {"ObjectLockEnabled": "Enabled"}
    if wanted.retention_mode and wanted.retention_days:
        configuration["Rule"] = {"DefaultRetention": {"Mode": wanted.retention_mode, "Days": wanted.retention_days}}
    progress(f"default retention of {bucket}: {_retention(live)} → {_retention(wanted)}")
    try:
        client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
    except ClientError as error:
        if live.object_lock:
            raise
        # AWS (since November 2023) and SeaweedFS switch it on for a bucket with versions; older stores can't.
        raise RefusalError(
            f"this store can't switch on object lock for the existing bucket {bucket} ({code_of(error)}): make another "
            "bucket with objectLock and copy the objects, or set objectLock back to false"
        ) from None


def arn(bucket: str) -> str:
    """The bucket's Amazon resource name, as policies use it."""
    return f"arn:aws:s3:::{bucket}"


def _retention(state: BucketState) -> str:
    return f"{state.retention_mode} {state.retention_days} d" if state.retention_mode else "none"


def _object_lock(client: "S3Client", bucket: str) -> "ObjectLockConfigurationTypeDef | None":
    try:
        found = client.get_object_lock_configuration(Bucket=bucket).get("ObjectLockConfiguration", {})
    except ClientError as error:
        if code_of(error) in _NONE_THERE:
            return None
        raise
    return found if found.get("ObjectLockEnabled") == "Enabled" else None


def _tags(client: "S3Client", bucket: str) -> dict[str, str]:
    try:
        return {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    except ClientError as error:
        if code_of(error) in _NONE_THERE:
            return {}
        raise


def _exists(bucket: str, endpoint: Endpoint) -> RefusalError:
    address = f"{endpoint.url}/{bucket}" if endpoint.url else bucket
    return RefusalError(
        f"bucket {bucket} exists already and is not taken over silently: import it "
        f"(`pulumi import vnaops:index:Bucket NAME '{address}'`) or choose another name"
    )


def _no_object_lock(endpoint: Endpoint) -> RefusalError:
    return RefusalError(
        f"S3 endpoint {endpoint.url or 'of boto3’s chain'} has no object lock: use a store that has it, or set "
        "objectLock to false for a bucket that protects nothing from deletion"
    )
