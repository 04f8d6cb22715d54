"""Removing a bucket: never with objects in it unless that was asked for, and never against COMPLIANCE or a legal hold.

Some stores (SeaweedFS by default, measured with 4.48) remove a bucket *with* its objects on DeleteBucket, so that the
check for emptiness has to be ours.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.s3_endpoint import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

    from infra.providers.vnaops.patience import Patience

BATCH = 1000  # what ListObjectVersions gives and DeleteObjects takes at once


def remove(client: "S3Client", bucket: str, *, force: bool, patience: "Patience") -> None:
    """Remove the bucket; with `force`, all versions, delete markers and unfinished uploads first (GOVERNANCE is
    bypassed). A bucket that is gone already is fine.

    Raises:
        RefusalError: it holds objects and `force` is off, or something in it may not be deleted yet.
        CancelledError: by the engine, between two batches.
    """
    try:
        if force:
            _refuse_compliance(client, bucket)
            _empty(client, bucket, patience)
        elif next(_batches(client, bucket), None):
            raise RefusalError(
                f"bucket {bucket} holds objects or versions of them and was not deleted: empty it yourself, or set "
                "forceDestroy to true, `pulumi up`, and repeat (all objects and versions are deleted then)"
            )
        client.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise


def _batches(client: "S3Client", bucket: str) -> "Iterator[list[ObjectIdentifierTypeDef]]":
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": BATCH})
    for page in pages:
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def _empty(client: "S3Client", bucket: str, patience: "Patience") -> None:
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    deleted = 0
    for batch in _batches(client, bucket):
        patience.check()
        answer = client.delete_objects(
            Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, BypassGovernanceRetention=True
        )
        if errors := answer.get("Errors", []):
            kept: list[ObjectIdentifierTypeDef] = [
                {"Key": error["Key"], "VersionId": error.get("VersionId", "null")} for error in errors
            ]
            deleted += len(batch) - len(kept)
            reason = _why_kept(client, bucket, kept) or f"{errors[0].get('Code')} {errors[0].get('Message')}"
            raise RefusalError(
                f"bucket {bucket} was not deleted: {reason} ({deleted} versions were deleted, {len(kept)} of the last "
                f"{len(batch)} were kept)"
            )
        deleted += len(batch)
        patience.progress(f"emptying {bucket}: {deleted} versions deleted")


def _refuse_compliance(client: "S3Client", bucket: str) -> None:
    """Refuse before anything is deleted where the first thousand versions show what would be kept anyway."""
    try:
        rule = client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"].get("Rule", {})
    except ClientError:
        return  # no object lock: nothing is kept
    if rule.get("DefaultRetention", {}).get("Mode") != "COMPLIANCE":
        return
    if (first := next(_batches(client, bucket), None)) and (reason := _why_kept(client, bucket, first)):
        raise RefusalError(f"bucket {bucket} was not deleted, and nothing in it: {reason}")


def _why_kept(client: "S3Client", bucket: str, versions: "list[ObjectIdentifierTypeDef]") -> str | None:
    """Why S3 keeps these versions: COMPLIANCE with the latest date among them, or a legal hold."""
    ends: list[datetime] = []
    held = 0
    for version in versions:
        key, version_id = version["Key"], version.get("VersionId", "null")
        try:
            answer = client.get_object_retention(Bucket=bucket, Key=key, VersionId=version_id)
            retention = answer.get("Retention", {})
            if retention.get("Mode") == "COMPLIANCE" and "RetainUntilDate" in retention:
                ends.append(retention["RetainUntilDate"])
                continue
        except ClientError:  # a delete marker, or a version without retention
            pass
        with contextlib.suppress(ClientError):
            hold = client.get_object_legal_hold(Bucket=bucket, Key=key, VersionId=version_id)
            held += hold.get("LegalHold", {}).get("Status") == "ON"
    if ends:
        return (
            f"{len(ends)} versions are under COMPLIANCE retention, which nobody can lift; it ends on "
            f"{max(ends).astimezone(UTC):%Y-%m-%d %H:%M} UTC at the earliest: repeat after that"
        )
    if held:
        return f"{held} versions are under legal hold: lift it (PutObjectLegalHold OFF) and repeat"
    return None
