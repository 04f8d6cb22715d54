"""Life cycle rules of ours beside those of others, in a real S3."""

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from infra.providers.vnaops import s3_lifecycle
from tests.peers.seaweedfs import SeaweedFS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ABORT: dict[str, Any] = {
    "ID": "theirs",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


@pytest.fixture
def client(store: SeaweedFS) -> "S3Client":
    return store.client()


@pytest.fixture
def bucket(client: "S3Client") -> str:
    name = f"rules-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def live(client: "S3Client", bucket: str) -> list[dict[str, Any]]:
    return [dict(rule) for rule in client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]]


def put(client: "S3Client", bucket: str, rules: list[dict[str, Any]]) -> None:
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})  # type: ignore[typeddict-item]  # a list of such dicts is meant


def test_rules_of_others_stay_as_they_are(client: "S3Client", bucket: str) -> None:
    put(client, bucket, [ABORT])
    s3_lifecycle.update(client, bucket, {"class=probe": 2})
    assert live(client, bucket) == [ABORT, *s3_lifecycle.rules({"class=probe": 2})]
    s3_lifecycle.update(client, bucket, {"class=probe": 3})
    assert s3_lifecycle.read(client, bucket) == {"class=probe": 3}
    s3_lifecycle.update(client, bucket, {})
    assert live(client, bucket) == [ABORT]


def test_a_rule_that_somebody_took_away_is_missed_and_put_back(client: "S3Client", bucket: str) -> None:
    both = {"class=probe": 2, "class=other": 30}
    s3_lifecycle.update(client, bucket, both)
    whole = live(client, bucket)
    put(client, bucket, whole[1:])
    assert s3_lifecycle.read(client, bucket) == {"class=probe": 2}
    s3_lifecycle.update(client, bucket, both)
    assert live(client, bucket) == whole


def test_a_rule_that_somebody_widened_is_missed(client: "S3Client", bucket: str) -> None:
    s3_lifecycle.update(client, bucket, {"class=probe": 2})
    (rule,) = live(client, bucket)
    put(client, bucket, [rule | {"Filter": {"Prefix": ""}}])
    assert s3_lifecycle.read(client, bucket) == {}
