"""`vnaops:index:Bucket` with the real engine against a real S3."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pulumi
import pytest
from pulumi import automation

from infra.providers.vnaops.resources import Bucket
from tests.integration.providers.vnaops.conftest import Engine
from tests.peers.seaweedfs import SeaweedFS


@pytest.fixture
def name() -> str:
    return f"archive-{uuid4().hex[:12]}"


def program(store: SeaweedFS, bucket: str, **inputs: Any) -> Callable[[], None]:
    def run() -> None:
        made = Bucket("archive", bucket=bucket, endpoint=store.endpoint, **inputs)
        pulumi.export("arn", made.arn)

    return run


def retention(store: SeaweedFS, bucket: str) -> dict[str, Any]:
    configuration = store.client().get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    return dict(configuration.get("Rule", {}).get("DefaultRetention", {}))


def buckets(store: SeaweedFS) -> list[str]:
    return [one["Name"] for one in store.client().list_buckets()["Buckets"]]


GOVERNANCE: dict[str, Any] = {"retention_mode": "GOVERNANCE", "retention_days": 1}


def test_a_bucket_lives_through_create_update_drift_replacement_and_destroy(
    engine: Engine, store: SeaweedFS, name: str
) -> None:
    first = program(store, name, **GOVERNANCE, tags={"owner_name": "PACS"})
    made = engine.up(first)
    assert made.outputs["arn"].value == f"arn:aws:s3:::{name}"
    assert retention(store, name) == {"Mode": "GOVERNANCE", "Days": 1}
    assert store.client().get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "owner_name", "Value": "PACS"}]

    assert engine.planned(first) == []
    assert engine.up(first).summary.resource_changes == {"same": 2}

    longer = program(store, name, retention_mode="GOVERNANCE", retention_days=2, tags={"owner_name": "IT"})
    (step,) = engine.planned(longer)
    assert step["op"] == "update"
    assert sorted(step["diff"]) == ["retentionDays", "tags.owner_name"]
    engine.up(longer)
    assert retention(store, name) == {"Mode": "GOVERNANCE", "Days": 2}

    store.client().put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 9}},
        },
    )
    assert engine.planned(longer) == []  # nobody looked
    engine.stack(longer).refresh()
    assert engine.resource("Bucket")["outputs"]["retentionDays"] == 9
    (step,) = engine.planned(longer)
    assert (step["op"], list(step["diff"])) == ("update", ["retentionDays"])
    engine.up(longer)
    assert retention(store, name) == {"Mode": "GOVERNANCE", "Days": 2}

    renamed = program(store, f"{name}-b", **GOVERNANCE)
    assert {step["op"] for step in engine.planned(renamed)} == {"create-replacement", "replace", "delete-replaced"}
    engine.up(renamed)
    assert name not in buckets(store)
    assert f"{name}-b" in buckets(store)

    engine.stack(renamed).destroy()
    assert f"{name}-b" not in buckets(store)


def test_a_bucket_that_somebody_deleted_is_made_again(engine: Engine, store: SeaweedFS, name: str) -> None:
    engine.up(program(store, name))
    store.client().delete_bucket(Bucket=name)
    engine.stack(program(store, name)).refresh()
    assert [step["op"] for step in engine.planned(program(store, name))] == ["create"]
    engine.up(program(store, name))
    assert name in buckets(store)


def test_another_endpoint_is_an_update_because_it_shows_the_same_bucket(
    engine: Engine, store: SeaweedFS, name: str
) -> None:
    engine.up(program(store, name))

    def elsewhere() -> None:
        Bucket("archive", bucket=name, endpoint=store.endpoint.replace("127.0.0.1", "localhost"))

    (step,) = engine.planned(elsewhere)
    assert (step["op"], list(step["diff"])) == ("update", ["endpoint"])
    engine.up(elsewhere)


def test_an_endpoint_that_shows_another_store_is_refused(engine: Engine, store: SeaweedFS, name: str) -> None:
    engine.up(program(store, name))
    store.client().delete_bucket(Bucket=name)
    said = engine.refused(program(store, name, **GOVERNANCE))
    assert (
        f"there is no bucket {name} at S3 endpoint {store.endpoint}: correct the endpoint, or run `pulumi refresh` so "
        "that the next `up` makes it"
    ) in said


def test_an_existing_bucket_is_imported_and_then_unchanged(engine: Engine, store: SeaweedFS, name: str) -> None:
    client = store.client()
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    client.put_object(Bucket=name, Key="object", Body=b"x")
    described = program(store, name)
    assert f"bucket {name} exists already and is not taken over silently: import it" in engine.refused(described)
    engine.import_("Bucket", "archive", f"{store.endpoint}/{name}", described)
    assert engine.resource("Bucket")["id"] == name
    assert engine.planned(described) == []
    assert "holds objects or versions of them and was not deleted" in _failing_destroy(engine, described)
    engine.up(program(store, name, force_destroy=True))
    engine.stack(described).destroy()
    assert name not in buckets(store)


def test_an_import_of_a_bucket_that_does_not_exist_says_so(engine: Engine, store: SeaweedFS, name: str) -> None:
    with pytest.raises(automation.CommandError, match="does not exist"):
        engine.import_("Bucket", "archive", f"{store.endpoint}/{name}", program(store, name))


def test_switching_object_lock_off_replaces_the_bucket_the_old_one_first(
    engine: Engine, store: SeaweedFS, name: str
) -> None:
    engine.up(program(store, name, **GOVERNANCE))
    unlocked = program(store, name, object_lock=False)
    engine.up(unlocked)
    with pytest.raises(store.client().exceptions.ClientError, match="ObjectLockConfigurationNotFoundError"):
        store.client().get_object_lock_configuration(Bucket=name)
    engine.up(program(store, name, **GOVERNANCE))  # and on again in place
    assert retention(store, name) == {"Mode": "GOVERNANCE", "Days": 1}


def test_a_bucket_that_was_only_half_made_is_finished_by_the_next_up(
    engine: Engine, store: SeaweedFS, name: str
) -> None:
    said = engine.refused(program(store, name, **GOVERNANCE, tags={"a": "x" * 300}))
    assert "refuses PutBucketTagging" in said
    assert engine.resource("Bucket")["id"] == name
    engine.up(program(store, name, **GOVERNANCE, tags={"a": "x"}))
    assert store.client().get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "a", "Value": "x"}]


def test_a_refusal_comes_before_anything_happens(engine: Engine, store: SeaweedFS, name: str) -> None:
    def run() -> None:
        Bucket("good", bucket=name, endpoint=store.endpoint)
        Bucket("bad", bucket=f"{name}-b", endpoint=store.endpoint, object_lock=False, **GOVERNANCE)

    engine.printed.clear()
    with pytest.raises(automation.CommandError) as refusal:
        engine.stack(run).preview()
    assert (
        "vnaops:index:Bucket resource 'bad' has a problem: retentionDays: cannot be set when objectLock is off: a "
        "bucket without object lock keeps nothing"
    ) in str(refusal.value)
    assert name not in buckets(store)


def test_a_refused_endpoint_does_not_show_its_credentials(engine: Engine, name: str) -> None:
    def run() -> None:
        Bucket("bad", bucket=name, endpoint="https://key:topsecret@store")

    said = engine.refused(run)
    assert "endpoint: carries credentials" in said
    assert "topsecret" not in said


def _failing_destroy(engine: Engine, described: Callable[[], None]) -> str:
    with pytest.raises(automation.CommandError) as failure:
        engine.stack(described).destroy()
    return str(failure.value)
