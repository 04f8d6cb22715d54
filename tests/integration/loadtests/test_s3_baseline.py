"""The S3 beneath an archive, measured with a campaign's own sizes on a real store that locks its objects."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loadtests.bench import raw_s3, s3_baseline
from loadtests.bench.raw_s3 import Store
from loadtests.environment import OutputsError
from loadtests.reports import commands
from loadtests.reports.folder import FolderError
from tests.peers.seaweedfs import SeaweedFS, seaweedfs
from tests.unit.loadtests.reports.folders import campaign, done

BUCKET = "baseline"


@pytest.fixture(scope="module")
def server() -> Iterator[SeaweedFS]:
    with seaweedfs() as running:
        running.client().create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        yield running


@pytest.fixture(autouse=True)
def _short_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_s3, "RETENTION", timedelta(seconds=4))


@pytest.fixture
def credentials(server: SeaweedFS, tmp_path: Path) -> Path:
    server.write_credentials(tmp_path / "credentials")
    return tmp_path / "credentials"


def versions(server: SeaweedFS) -> list[Any]:
    found = server.client().list_object_versions(Bucket=BUCKET)
    return [*found.get("Versions", []), *found.get("DeleteMarkers", [])]


def outputs(folder: Path, endpoint: str) -> Path:
    file = folder / "outputs.json"
    file.write_text(json.dumps({"objectStore": {"adminEndpoint": endpoint, "bucket": BUCKET, "profile": "default"}}))
    return file


def test_a_campaigns_report_gets_the_archives_share(server: SeaweedFS, credentials: Path, tmp_path: Path) -> None:
    folder = campaign(tmp_path / "campaign", rows=[done("C-STORE", 1 + n / 10, 0.05) for n in range(60)])
    options = ["--outputs", outputs(tmp_path, server.endpoint), "--s3-credentials", credentials, "--no-pdf"]

    commands.report([str(folder), *map(str, options)])

    found = json.loads((folder / "report.json").read_text())["s3_baseline"]
    for kind in ("put", "get"):
        assert found["operations"][kind]["failures"] == {}
        assert found["operations"][kind]["objects_per_second"] > 0
        assert 0 < found["operations"][kind]["seconds"]["p50"] < 5
    assert "an S3 put of the same size takes" in (folder / "report.html").read_text()
    assert versions(server) == []


def test_sizes_are_the_campaigns_and_too_large_ones_are_left_out_and_counted(
    server: SeaweedFS, credentials: Path
) -> None:
    said: list[str] = []
    sizes = [1_000] * 50 + [200_000] * 50 + [1 << 31]

    found = s3_baseline.measure(
        Store(server.endpoint, BUCKET, str(credentials)), sizes, run="sizes", objects=10, say=said.append
    )

    assert found.left_out == 1
    assert "10 objects of the campaign's sizes, 1 MB" in said[0]
    assert versions(server) == []


def test_a_store_that_is_not_there_is_counted_by_class_and_raises_nothing(credentials: Path) -> None:
    found = s3_baseline.measure(
        Store("http://127.0.0.1:1", BUCKET, str(credentials)), [1000], run="none", objects=8, say=lambda _: None
    )

    assert found.operations["put"]["seconds"] == {}
    assert found.operations["put"]["failures"]["ConnectionRefusedError"] >= 1


def test_a_campaign_that_stored_nothing_has_no_baseline(credentials: Path) -> None:
    with pytest.raises(ValueError, match="no S3 baseline"):
        s3_baseline.measure(Store("http://127.0.0.1:1", BUCKET, str(credentials)), [], run="none")


def test_missing_outputs_and_credentials_are_said(tmp_path: Path, credentials: Path) -> None:
    folder = campaign(tmp_path / "campaign")
    given = outputs(tmp_path, "http://127.0.0.1:1")

    with pytest.raises(FolderError, match="--s3-credentials needs --outputs"):
        commands.report([str(folder), "--s3-credentials", str(credentials)])
    with pytest.raises(OutputsError, match="there is no such credentials file"):
        commands.report([str(folder), "--outputs", str(given), "--s3-credentials", str(tmp_path / "none")])
