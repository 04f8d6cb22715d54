"""A real Orthanc with the storage area, a real S3, dcmtk's clients."""

import datetime as dt
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from tests.integration.archive.plugin import build
from tests.peers import dcmtk
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.probe_files import NEAR_MISSES, probe_file
from tests.peers.s3_proxy import Fault, S3Proxy
from tests.peers.seaweedfs import SeaweedFS


@pytest.fixture(scope="session")
def release() -> Path:
    """The plug-in as it is in the image: optimised, hardened, without a sanitizer."""
    return build("") / "libVnaopsS3Storage.so"


@pytest.fixture
def archive(release: Path, section: dict[str, Any], proxy: S3Proxy) -> Iterator[Orthanc]:
    """Orthanc without a cache, so that every read goes to S3 through the proxy."""
    configuration = {
        "S3Storage": section | {"Endpoint": proxy.endpoint},
        "MaximumStorageCacheSize": 0,
        "StoreMD5ForAttachments": False,
    }
    with orthanc(configuration, plugins=[release]) as server:
        yield server


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """A CT instance with a new UID."""
    data = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    path = tmp_path / "instance.dcm"
    data.save_as(path, enforce_file_format=True)
    return path


def becomes_ready(server: Orthanc) -> None:
    deadline, pause = time.monotonic() + 10, threading.Event()
    while time.monotonic() < deadline:
        try:
            assert server.get("/ready")["storage"] is True
            return
        except urllib.error.HTTPError:  # 503 until then
            pause.wait(0.05)
    raise AssertionError("not ready after 10 s")


def store(server: Orthanc, *files: Path, proposed: str = "-xe") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            str(dcmtk.BIN / "storescu"),
            "-v",
            proposed,  # transfer syntax
            "-aec",
            server.ae_title,
            "127.0.0.1",
            str(server.dicom_port),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TCP_NODELAY": "1"},
    )


def test_a_stored_instance_is_in_s3_under_lock_and_comes_back(
    archive: Orthanc, instance: Path, s3: SeaweedFS, bucket: str
) -> None:
    stored = store(archive, instance)
    assert "Received Store Response (Success)" in stored.stdout + stored.stderr
    versions = s3.client().list_object_versions(Bucket=bucket)["Versions"]
    assert len(versions) == 1, "range reads spare the second object"
    body = s3.client().get_object(Bucket=bucket, Key=versions[0]["Key"])
    assert body["ObjectLockMode"] == "GOVERNANCE"
    kept = body["Body"].read()
    [identifier] = archive.get("/instances")
    with urllib.request.urlopen(f"{archive.url}/instances/{identifier}/file") as answer:  # noqa: S310
        assert answer.read() == kept
    tags = archive.get(f"/instances/{identifier}/simplified-tags")
    assert tags["SOPInstanceUID"] == str(pydicom.dcmread(instance).SOPInstanceUID)


def days_kept(s3: SeaweedFS, bucket: str) -> dict[str, int]:
    """By Patient ID, the days that its one object is under lock."""
    found = {}
    for version in s3.client().list_object_versions(Bucket=bucket)["Versions"]:
        body = s3.client().get_object(Bucket=bucket, Key=version["Key"])
        rest = body["ObjectLockRetainUntilDate"] - dt.datetime.now(dt.UTC)
        found[str(pydicom.dcmread(BytesIO(body["Body"].read())).PatientID)] = round(rest / dt.timedelta(days=1))
    return found


@pytest.mark.parametrize("proposed", ["-xe", "-xi"])
def test_a_probe_s_instance_keeps_its_class_through_orthanc_and_a_patient_s_does_not_get_it(
    release: Path, section: dict[str, Any], instance: Path, tmp_path: Path, s3: SeaweedFS, bucket: str, proposed: str
) -> None:
    patient = str(pydicom.dcmread(instance).PatientID)
    files = {PROBE_PATIENT_ID: probe_file(), f"{PROBE_PATIENT_ID}-2": NEAR_MISSES["a patient whose ID begins so"]()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    settings = section | {"RetentionDays": 30, "ProbePatientId": PROBE_PATIENT_ID}
    with orthanc({"S3Storage": settings}, plugins=[release]) as server:
        stored = store(server, instance, *(tmp_path / name for name in files), proposed=proposed)
        assert (stored.stdout + stored.stderr).count("Received Store Response (Success)") == 3
        with urllib.request.urlopen(f"{server.url}/metrics/s3") as answer:  # noqa: S310
            counted = answer.read().decode()
    assert days_kept(s3, bucket) == {patient: 30, PROBE_PATIENT_ID: 1, f"{PROBE_PATIENT_ID}-2": 30}
    assert 'vnaops_s3_storage_objects_total{class="probe"} 1\n' in counted


def test_a_store_that_s3_does_not_take_is_refused_to_the_modality_and_told_in_the_log(
    archive: Orthanc, instance: Path, proxy: S3Proxy
) -> None:
    becomes_ready(archive)
    proxy.plan(*[Fault("cut", "answer")] * 20)
    stored = store(archive, instance)
    assert "Received Store Response (Success)" not in stored.stdout + stored.stderr
    assert "S3 put of objects/" in archive.log()
    assert "failed after 2 attempts: no answer: " in archive.log()
    assert archive.get("/instances") == []
    proxy.plan()
    again = store(archive, instance)
    assert "Received Store Response (Success)" in again.stdout + again.stderr


def test_the_routes_are_served(archive: Orthanc) -> None:
    becomes_ready(archive)
    with urllib.request.urlopen(f"{archive.url}/metrics/s3") as answer:  # noqa: S310
        assert b"# TYPE vnaops_s3_storage_requests_total counter" in answer.read()


def test_a_wrong_setting_stops_the_start(release: Path, section: dict[str, Any]) -> None:
    with (
        pytest.raises(RuntimeError, match=r"S3 storage: S3Storage.PartSizeMB must be a whole number from 5 to 4096"),
        orthanc({"S3Storage": section | {"PartSizeMB": 1}}, plugins=[release]),
    ):
        pass


def test_without_s3_instances_are_files_of_orthanc_s_own(release: Path, instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "storage"
    with orthanc({"S3Storage": {"Enable": False}, "StorageDirectory": str(folder)}, plugins=[release]) as server:
        becomes_ready(server)
        stored = store(server, instance)
        assert "Received Store Response (Success)" in stored.stdout + stored.stderr
        [identifier] = server.get("/instances")
        with urllib.request.urlopen(f"{server.url}/instances/{identifier}/file") as answer:  # noqa: S310
            body = answer.read()
        assert body in [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            server.get("/metrics/s3")
