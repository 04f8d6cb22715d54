"""Whether a bucket is what was declared, part by part; what isn't declared isn't compared."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from exporters.s3_exporter.config import Declared

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARTS: Final = ("lock", "retention", "versioning", "lifecycle", "policy")
_ABSENT: Final = {
    "ObjectLockConfigurationNotFoundError",
    "NoSuchLifecycleConfiguration",
    "NoSuchBucketPolicy",
    "NoSuchObjectLockConfiguration",
}


def compare(client: "S3Client", bucket: str, declared: Declared) -> dict[str, bool]:
    """Part -> whether it is as declared. Raises boto3's errors where it can't be told."""
    found: dict[str, bool] = {}
    if declared.object_lock is not None or declared.retention is not None:
        lock = _or_none(lambda: client.get_object_lock_configuration(Bucket=bucket)) or {}
        configuration = lock.get("ObjectLockConfiguration", {})
        if declared.object_lock is not None:
            found["lock"] = (configuration.get("ObjectLockEnabled") == "Enabled") == declared.object_lock
        if declared.object_lock:
            rule = configuration.get("Rule", {}).get("DefaultRetention", {})
            days = rule.get("Days") or rule.get("Years", 0) * 365
            wanted = (declared.retention.mode, declared.retention.days) if declared.retention else (None, 0)
            found["retention"] = (rule.get("Mode"), days) == wanted
    if declared.versioning is not None:
        status = client.get_bucket_versioning(Bucket=bucket).get("Status", "Suspended")
        found["versioning"] = status == declared.versioning
    if declared.lifecycle is not None:
        rules = (_or_none(lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket)) or {}).get("Rules", [])
        found["lifecycle"] = _normal(rules) == _normal(declared.lifecycle)
    if declared.policy is not None:
        said = (_or_none(lambda: client.get_bucket_policy(Bucket=bucket)) or {}).get("Policy", "{}")
        found["policy"] = _normal(json.loads(said)) == _normal(declared.policy)
    return found


def _or_none(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _ABSENT:
            return None
        raise


def _normal(value: Any) -> Any:
    """Without order, without what servers add or write in two ways (one for a list of one, empty prefixes)."""
    if isinstance(value, dict):
        pairs = ((key, _normal(one)) for key, one in value.items() if key not in ("ID", "Id", "Sid"))
        return {key: one for key, one in pairs if one not in ({}, [], "", None)}
    if isinstance(value, list | tuple | set):
        items = sorted((_normal(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value
