"""Life cycle rules of ours in a bucket: what has a tag goes after so many days. Rules of others stay as they are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.providers.vnaops.s3_endpoint import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OURS = "vnaops-expire-"  # how the ids of our rules begin
_NONE_THERE = {"NoSuchLifecycleConfiguration", "NotImplemented", "MethodNotAllowed"}


def rules(expire_tagged: Mapping[str, int]) -> list[dict[str, Any]]:
    """In S3's form, for days by KEY=VALUE: a delete marker then, and a day later the version. S3 waits for its lock.

    The marker itself stays: it has no tags, so that only a rule for the whole bucket reaches it. SeaweedFS 4.48 walks
    over every object for such a rule at every pass (1.8 ms each, against 0.3 s for a pass without it).
    """
    return [
        {
            "ID": OURS + tag,
            "Status": "Enabled",
            "Filter": {"Tag": dict(zip(("Key", "Value"), tag.split("=", 1), strict=True))},
            "Expiration": {"Days": days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        }
        for tag, days in sorted(expire_tagged.items())
    ]


def read(client: "S3Client", bucket: str) -> dict[str, int]:
    """The days by KEY=VALUE of our rules that stand in the bucket as we put them."""
    found = {}
    for rule in _live(client, bucket):
        tag, days = rule.get("ID", "").removeprefix(OURS), rule.get("Expiration", {}).get("Days")
        if "=" in tag and days and rules({tag: days}) == [rule]:
            found[tag] = days
    return found


def update(client: "S3Client", bucket: str, wanted: Mapping[str, int]) -> None:
    """Put our rules in the place of those of ours that are there."""
    others = [rule for rule in _live(client, bucket) if not rule.get("ID", "").startswith(OURS)]
    if together := [*others, *rules(wanted)]:
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": together})  # type: ignore[typeddict-item]  # a list of such dicts is meant
    else:
        client.delete_bucket_lifecycle(Bucket=bucket)


def _live(client: "S3Client", bucket: str) -> list[dict[str, Any]]:
    try:
        return [dict(rule) for rule in client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])]
    except ClientError as error:
        if code_of(error) in _NONE_THERE:
            return []
        raise
