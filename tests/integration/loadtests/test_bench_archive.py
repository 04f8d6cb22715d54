"""A smoke of the archive's benchmark: Orthanc and SeaweedFS side by side instead of one on the other."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from loadtests.bench import archive as bench
from loadtests.bench import raw_s3
from loadtests.bench.raw_s3 import RawS3, Store
from loadtests.profiles.instance import as_file
from tests.integration.loadtests.conftest import outputs
from tests.peers import wayward_scp
from tests.peers.orthanc import Orthanc
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

BUCKET = "bench-archive"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    credentials = tmp_path_factory.mktemp("s3") / "credentials"
    with seaweedfs() as running:
        running.client().create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        running.write_credentials(credentials)
        yield running, credentials


@pytest.fixture(autouse=True)
def _short_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_s3, "RETENTION", timedelta(seconds=4))


def with_store(given: Path, store: SeaweedFS) -> Path:
    content = json.loads(given.read_text())
    content["objectStore"] = {"adminEndpoint": store.endpoint, "bucket": BUCKET, "profile": "default"}
    given.write_text(json.dumps(content))
    return given


def figures_of(given: Path, credentials: Path, output: Path) -> dict[str, dict[str, Any]]:
    arguments = ["--outputs", given, "--s3-credentials", credentials, "--count", "30", "--output", output]
    assert bench.main([str(argument) for argument in arguments]) == 0
    return {figure["name"]: figure for figure in json.loads(output.read_text())}


def test_both_sides_are_measured_and_written(archive: Orthanc, store: Any, tmp_path: Path) -> None:
    server, credentials = store
    before = archive.get("/statistics")["CountInstances"]

    figures = figures_of(
        with_store(outputs(tmp_path, archive), server), credentials, tmp_path / "bench" / "archive.json"
    )

    for name in ("instances_per_second_16", "instances_per_second_1"):
        assert figures[name]["value"] > 0
        assert figures[name]["ratio"] == pytest.approx(figures[name]["value"] / figures[name]["peer_value"], rel=0.01)
    assert 0 < figures["p50_seconds_16"]["value"] <= figures["p99_seconds_16"]["value"]
    for name in ("failures_16", "failures_1", "failures_one_study", "failures_raw"):
        assert figures[name]["value"] == 0
    assert {"processor_orthanc_16", "processor_generator_16", "processor_others_16"} <= figures.keys()
    assert archive.get("/statistics")["CountInstances"] == before + bench.WARM_UP + 3 * 30


def test_refused_stores_are_counted_as_failures(archive: Orthanc, store: Any, tmp_path: Path) -> None:
    server, credentials = store
    with wayward_scp.wayward_scp(
        lambda number: wayward_scp.runs_full if number % 10 == 0 else wayward_scp.stores
    ) as peer:
        given = with_store(outputs(tmp_path, archive, dicom_port=peer.port), server)
        figures = figures_of(given, credentials, tmp_path / "archive.json")

    failures = sum(figures[name]["value"] for name in ("failures_16", "failures_1", "failures_one_study"))
    assert 0.05 * 90 < failures < 0.15 * 90


def test_without_a_store_it_says_what_to_name(
    archive: Orthanc, store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = outputs(tmp_path, archive)

    assert bench.main(["--outputs", str(given), "--s3-credentials", str(store[1])]) == 2

    assert "objectStore.endpoint is missing: name it by --s3-endpoint" in capsys.readouterr().err


def test_raw_puts_are_locked_as_the_archives_and_removed_when_the_lock_has_lapsed(
    store: Any,
) -> None:
    server, credentials = store
    client = server.client()
    raw = RawS3(Store(server.endpoint, BUCKET, str(credentials)), "a-run")
    instances = bench.Instances().make(3)

    assert raw.run(raw.prepare(instances), 2)[2] == []
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET, Prefix="bench-raw/a-run/")["Contents"]]
    heads = [client.head_object(Bucket=BUCKET, Key=key) for key in keys]
    assert [one["ObjectLockMode"] for one in heads] == ["GOVERNANCE"] * 3
    assert {one["Metadata"]["sha256"] for one in heads} == {
        hashlib.sha256(b"".join(as_file(one))).hexdigest() for one in instances
    }
    versions = client.list_object_versions(Bucket=BUCKET, Prefix="bench-raw/a-run/")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=BUCKET, Key=versions[0]["Key"], VersionId=versions[0]["VersionId"])
    assert raw.remove() == []
    assert "Versions" not in client.list_object_versions(Bucket=BUCKET, Prefix="bench-raw/a-run/")


def test_a_store_that_takes_nothing_ends_the_benchmark(
    archive: Orthanc, store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = with_store(outputs(tmp_path, archive), store[0])

    ended = bench.main(["--outputs", str(given), "--s3-credentials", str(store[1]), "--s3-bucket", "no-such-bucket"])

    assert ended == 2
    assert "nothing could be stored by raw S3 puts: " in capsys.readouterr().err
