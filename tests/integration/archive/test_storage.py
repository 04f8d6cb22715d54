"""What the storage area makes of Orthanc's four calls, seen in a real S3."""

import datetime as dt
import hashlib
import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.archive.conftest import Load
from tests.integration.archive.plugin import (
    CANNOT_WRITE_FILE,
    STORAGE_AREA_PLUGIN,
    SUCCESS,
    UNKNOWN_RESOURCE,
    Plugin,
    build,
    loaded,
    new_name,
)
from tests.peers.seaweedfs import SeaweedFS

DATA = random.Random(4).randbytes(300_000)
LARGE = random.Random(5).randbytes(12 << 20)  # three parts of at most 5 MiB


def key_of(name: str, suffix: str = ".dcm") -> str:
    return f"objects/{name[:2]}/{name}{suffix}"


def versions(s3: SeaweedFS, bucket: str) -> list[str]:
    return [v["Key"] for v in s3.client().list_object_versions(Bucket=bucket).get("Versions", [])]


def test_an_object_is_stored_with_class_retention_and_checksum(plugin: Plugin, s3: SeaweedFS, bucket: str) -> None:
    name = new_name()
    before = dt.datetime.now(dt.UTC)
    assert plugin.put(name, DATA) == SUCCESS
    head = s3.client().head_object(Bucket=bucket, Key=key_of(name), ChecksumMode="ENABLED")
    assert head["ContentLength"] == len(DATA)
    assert head["StorageClass"] == "STANDARD"
    assert head["ObjectLockMode"] == "GOVERNANCE"
    kept = head["ObjectLockRetainUntilDate"] - before
    assert dt.timedelta(hours=23, minutes=59) < kept <= dt.timedelta(days=1, seconds=60)
    assert head["Metadata"]["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert re.fullmatch(r"65536:[0-9a-f]{40}", head["Metadata"]["blocks-crc32c"])
    assert head["ChecksumCRC32C"]


def test_what_was_stored_is_read_back_whole_and_in_parts(plugin: Plugin) -> None:
    name = new_name()
    assert plugin.put(name, DATA) == SUCCESS
    assert plugin.get(name) == DATA
    assert plugin.get_range(name, 0, 10) == DATA[:10]
    assert plugin.get_range(name, 1234, 65_536) == DATA[1234 : 1234 + 65_536]
    assert plugin.get_range(name, len(DATA) - 1, 1) == DATA[-1:]
    assert plugin.get_range(name, 0, len(DATA)) == DATA
    assert plugin.get_range(name, 5, 0) == b""


def test_a_part_that_reaches_behind_the_end_is_an_error_and_not_a_shorter_part(plugin: Plugin) -> None:
    name = new_name()
    assert plugin.put(name, DATA) == SUCCESS
    assert plugin.get_range(name, len(DATA) - 5, 10) == STORAGE_AREA_PLUGIN
    assert "no answer: the answer has another length than was asked for" in plugin.log[-1]
    assert plugin.get_range(name, len(DATA), 10) == STORAGE_AREA_PLUGIN
    assert plugin.get_range(name, 10 * len(DATA), 10) == STORAGE_AREA_PLUGIN
    assert "416 InvalidRange" in plugin.log[-1]


def test_parts_of_an_object_with_large_blocks_are_read_and_little_around_them(plugin: Plugin) -> None:
    data = random.Random(12).randbytes(20 << 20)  # blocks of 256 KiB
    name = new_name()
    assert plugin.put(name, data) == SUCCESS
    for start, length in ((0, 10), (262_100, 100), (7_000_000, 600_000), (len(data) - 7, 7)):
        assert plugin.get_range(name, start, length) == data[start : start + length]
    assert plugin.metrics()['received_bytes_total{operation="get_range"}'] < 4 << 20


def test_an_empty_object_is_stored_and_read_back(plugin: Plugin) -> None:
    name = new_name()
    assert plugin.put(name, b"") == SUCCESS
    assert plugin.get(name) == b""


def test_attachments_of_one_name_and_other_types_are_objects_of_their_own(
    plugin: Plugin, s3: SeaweedFS, bucket: str
) -> None:
    name = new_name()
    assert plugin.put(name, b"dicom") == SUCCESS
    assert plugin.put(name, b"other", content_type=1024) == SUCCESS
    assert plugin.get(name) == b"dicom"
    assert plugin.get(name, content_type=1024) == b"other"
    assert sorted(versions(s3, bucket)) == sorted([key_of(name), key_of(name, ".1024")])


def test_what_is_not_there_is_an_unknown_resource(plugin: Plugin, bucket: str) -> None:
    name = new_name()
    assert plugin.get(name) == UNKNOWN_RESOURCE
    assert plugin.log[-1] == (
        f"S3 get of {key_of(name)} in bucket {bucket} failed after 1 attempt: "
        '404 NoSuchKey "The specified key does not exist."'
    )
    assert plugin.get_range(name, 0, 10) == UNKNOWN_RESOURCE


def test_removal_puts_a_delete_marker_and_leaves_the_locked_version(plugin: Plugin, s3: SeaweedFS, bucket: str) -> None:
    name = new_name()
    assert plugin.put(name, DATA) == SUCCESS
    assert plugin.remove(name) == SUCCESS
    assert plugin.get(name) == UNKNOWN_RESOURCE
    listed = s3.client().list_object_versions(Bucket=bucket)
    assert [m["Key"] for m in listed["DeleteMarkers"]] == [key_of(name)]
    version = listed["Versions"][0]
    kept = s3.client().get_object(Bucket=bucket, Key=key_of(name), VersionId=version["VersionId"])
    assert kept["Body"].read() == DATA


def test_removing_what_is_not_there_is_no_error(plugin: Plugin) -> None:
    assert plugin.remove(new_name()) == SUCCESS


def test_an_object_is_never_overwritten(plugin: Plugin, s3: SeaweedFS, bucket: str) -> None:
    name = new_name()
    assert plugin.put(name, DATA) == SUCCESS
    assert plugin.put(name, DATA[::-1]) == CANNOT_WRITE_FILE
    assert plugin.log[-1] == (
        f"S3 put of {key_of(name)} (300000 bytes) in bucket {bucket} failed after 1 attempt: "
        "an object of this name with other content is there already: it is never overwritten"
    )
    assert plugin.get(name) == DATA
    assert versions(s3, bucket) == [key_of(name)]


def test_storing_the_same_bytes_again_is_a_success_without_a_second_version(
    plugin: Plugin, s3: SeaweedFS, bucket: str
) -> None:
    name = new_name()
    assert plugin.put(name, DATA) == SUCCESS
    assert plugin.put(name, DATA) == SUCCESS
    assert versions(s3, bucket) == [key_of(name)]


def test_a_large_object_goes_in_parts_under_the_same_lock(plugin: Plugin, s3: SeaweedFS, bucket: str) -> None:
    name = new_name()
    assert plugin.put(name, LARGE) == SUCCESS
    head = s3.client().head_object(Bucket=bucket, Key=key_of(name), ChecksumMode="ENABLED")
    assert head["ETag"].strip('"').endswith("-3")
    assert head["ChecksumSHA256"].endswith("-3")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["StorageClass"] == "STANDARD"
    assert head["Metadata"]["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert plugin.get(name) == LARGE
    across = (5 << 20) - 100
    assert plugin.get_range(name, across, 200) == LARGE[across : across + 200]
    assert plugin.put(name, LARGE) == SUCCESS, "the same again"
    assert plugin.put(name, LARGE[::-1]) == CANNOT_WRITE_FILE
    assert "never overwritten" in plugin.log[-1]
    assert versions(s3, bucket) == [key_of(name)]
    assert "Uploads" not in s3.client().list_multipart_uploads(Bucket=bucket)


def test_the_bucket_s_default_holds_where_no_retention_is_set(load: Load, s3: SeaweedFS, bucket: str) -> None:
    name = new_name()
    with load(RetentionMode="", RetentionDays=0) as plugin:
        assert plugin.put(name, DATA) == SUCCESS
    assert "ObjectLockMode" not in s3.client().head_object(Bucket=bucket, Key=key_of(name))


def test_a_storage_class_that_the_endpoint_lacks_fails_the_store_in_words(load: Load) -> None:
    with load(StorageClass="FROZEN") as plugin:
        assert plugin.put(new_name(), DATA) == CANNOT_WRITE_FILE
    assert '400 InvalidStorageClass "The storage class you specified is not valid"' in plugin.log[-1]


def test_a_name_that_is_no_uuid_never_becomes_a_key(plugin: Plugin, s3: SeaweedFS, bucket: str) -> None:
    for name in ("../../../other/aaaa-aaaa-aaaaaaaaaaa", "short"):
        assert plugin.put(name, DATA) == CANNOT_WRITE_FILE
        assert plugin.log[-1] == "S3 storage: not a UUID: the object has no key"
    assert versions(s3, bucket) == []


def test_requests_are_counted(plugin: Plugin) -> None:
    before = plugin.metrics()
    assert before['requests_total{operation="put",status="5xx"}'] == 0, "known label values are there from the start"
    name = new_name()
    plugin.put(name, DATA)
    plugin.get(name)
    plugin.get(new_name())
    plugin.get_range(name, 0, 100)
    counted = plugin.metrics()
    assert counted['requests_total{operation="put",status="2xx"}'] == 1
    assert counted['requests_total{operation="get",status="2xx"}'] == 1
    assert counted['requests_total{operation="get",status="4xx"}'] == 1
    assert counted['sent_bytes_total{operation="put"}'] == len(DATA)
    assert counted['received_bytes_total{operation="get_range"}'] == 65_536
    assert counted['request_duration_seconds_count{operation="put"}'] == 1
    assert counted['request_duration_seconds_bucket{operation="put",le="+Inf"}'] == 1
    assert counted['failures_total{operation="get"}'] == 0, "what is not there is an answer"
    assert counted["requests_in_flight"] == 0


def test_the_routes_take_nothing_but_get(plugin: Plugin) -> None:
    assert plugin.route("/metrics/s3")[2] == "text/plain; version=0.0.4; charset=utf-8"
    for path in ("/metrics/s3", "/ready"):
        assert plugin.route(path, "POST")[0] == 405


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_many_threads_store_and_read_at_once(sanitizer: Any, tmp_path: Path, section: dict[str, Any]) -> None:
    unhurried = section | {"ReadTimeoutSeconds": 30}
    with loaded(build(sanitizer), tmp_path, {"S3Storage": unhurried}) as plugin:
        plugin.started()
        assert plugin.together(threads=8, rounds=10, size=100_000) == 0
        plugin.stopped()
