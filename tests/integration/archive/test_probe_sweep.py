"""Rows of expired probes leave the index, and no others: a real Orthanc over a real S3 with object lock."""

import json
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import generate_uid

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from tests.integration.archive.plugin import Sanitizer, build, loaded
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.probe_files import probe_file
from tests.peers.s3_proxy import Fault, S3Proxy
from tests.peers.seaweedfs import SeaweedFS

RECEPTION_DATE = 2  # Orthanc's number of this metadata
LONG_AGO = "20200101T000000"
LAST_ROUND = "probe_sweep_last_success_timestamp_seconds"
Start = Callable[..., AbstractContextManager[Orthanc]]


@pytest.fixture(scope="module")
def release() -> Path:
    """The plug-in as it is in the image."""
    return build("") / "libVnaopsS3Storage.so"


@pytest.fixture
def start(release: Path, section: dict[str, Any], tmp_path: Path) -> Start:
    """Starts Orthanc over an index that outlives it; keyword arguments are settings of the storage area."""
    index = tmp_path / "index"
    index.mkdir()
    usual = section | {"ProbePatientId": PROBE_PATIENT_ID, "RetentionDays": 30}

    @contextmanager
    def run(**changes: Any) -> Iterator[Orthanc]:
        configuration = {"S3Storage": usual | changes, "IndexDirectory": str(index), "MaximumStorageCacheSize": 0}
        with orthanc(configuration, plugins=[release]) as server:
            yield server

    return run


@dataclass(frozen=True)
class Stored:
    """An instance: Orthanc's identifier and the key of its object."""

    identifier: str
    key: str


Expired = Callable[[int], list[Stored]]


def probe(patient: str = PROBE_PATIENT_ID, study: str = "", study_date: str = LONG_AGO[:8]) -> bytes:
    """An instance of the prober's, of a study of its own unless `study` says whose."""
    data = pydicom.dcmread(BytesIO(probe_file(rows=4, columns=4)))
    data.PatientID, data.StudyDate, data.StudyInstanceUID = patient, study_date, study or generate_uid()
    file = BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def store(server: Orthanc, file: bytes) -> Stored:
    request = urllib.request.Request(f"{server.url}/instances", file, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        said = json.load(answer)
    assert said["Status"] == "Success"
    uuid = server.get(f"/instances/{said['ID']}")["FileUuid"]
    return Stored(said["ID"], f"objects/{uuid[:2]}/{uuid}.dcm")


def make_old(tmp_path: Path, *instances: Stored) -> None:
    """As if Orthanc, which must not run, had received them long ago."""
    with closing(sqlite3.connect(tmp_path / "index" / "index")) as index, index:
        for instance in instances:
            changed = index.execute(
                "UPDATE Metadata SET value = ? WHERE type = ? AND id = "
                "(SELECT internalId FROM Resources WHERE publicId = ?)",
                (LONG_AGO, RECEPTION_DATE, instance.identifier),
            )
            assert changed.rowcount == 1


def expire(s3: SeaweedFS, bucket: str, *instances: Stored) -> None:
    """As a life cycle rule does it: a delete marker stands in front."""
    for instance in instances:
        s3.client().delete_object(Bucket=bucket, Key=instance.key)


@pytest.fixture
def expired(start: Start, tmp_path: Path, s3: SeaweedFS, bucket: str) -> Expired:
    """Makes so many probes, each of a study of its own, that are old and whose objects are gone."""

    def make(count: int) -> list[Stored]:
        with start() as server:
            gone = [store(server, probe()) for _ in range(count)]
        make_old(tmp_path, *gone)
        expire(s3, bucket, *gone)
        return gone

    return make


def rows(server: Orthanc) -> set[str]:
    return set(server.get("/instances"))


def metric(server: Orthanc, name: str) -> float:
    with urllib.request.urlopen(f"{server.url}/metrics/s3", timeout=10) as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"vnaops_s3_storage_{name} "))


def until(holds: Callable[[], bool], what: str) -> None:
    deadline, pause = time.monotonic() + 60, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, what
        pause.wait(0.05)


def a_round_passes(server: Orthanc) -> None:
    """A whole round, begun after the call: what it could take is gone."""
    for _ in range(2):
        before = metric(server, LAST_ROUND)
        until(partial(_is_later, server, before), "no round")


def _is_later(server: Orthanc, before: float) -> bool:
    return metric(server, LAST_ROUND) > before


def test_expired_probes_leave_the_index_without_a_second_delete_marker(
    start: Start, tmp_path: Path, s3: SeaweedFS, bucket: str
) -> None:
    study = generate_uid()
    with start() as server:
        gone = [store(server, probe(study=study)) for _ in range(3)]
    make_old(tmp_path, *gone)
    expire(s3, bucket, *gone)
    with start(ProbeSweepSeconds=1) as server:
        until(lambda: not rows(server), "rows stay")
        assert server.get("/patients") == []
        assert server.get("/studies") == []
        until(lambda: metric(server, "probe_rows_forgotten_total") == 3, "not counted")
        until(lambda: "sweep of expired probes: 3 rows forgotten\n" in server.log(), "no line")
        assert metric(server, 'requests_total{operation="delete",status="2xx"}') == 0
        assert metric(server, "probe_sweep_failures_total") == 0
        assert PROBE_PATIENT_ID not in server.log()
    listed = s3.client().list_object_versions(Bucket=bucket)
    assert len(listed["DeleteMarkers"]) == len(listed["Versions"]) == 3


def test_what_is_no_expired_probe_stays(start: Start, tmp_path: Path, s3: SeaweedFS, bucket: str) -> None:
    """All are old and their objects gone, unless they are named for what they have instead."""
    with start() as server:
        control = store(server, probe())
        with_object = store(server, probe())
        others = {
            "a patient whose object is missing": store(server, probe(patient="4711")),
            "a patient whose ID begins so": store(server, probe(patient=f"{PROBE_PATIENT_ID}-2")),
            "a patient whose ID is in small letters": store(server, probe(patient=PROBE_PATIENT_ID.lower())),
        }
        just_received = store(server, probe())
        attached = store(server, probe())
        request = urllib.request.Request(  # noqa: S310
            f"{server.url}/instances/{attached.identifier}/attachments/1024", b"a note", method="PUT"
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass
    make_old(tmp_path, control, with_object, *others.values(), attached)
    expire(s3, bucket, control, *others.values(), just_received, attached)
    kept = {i.identifier for i in (with_object, *others.values(), just_received, attached)}
    with start(ProbeSweepSeconds=1) as server:
        until(lambda: control.identifier not in rows(server), "the expired one stays")
        a_round_passes(server)
        assert rows(server) == kept
        assert metric(server, "probe_sweep_failures_total") == 0
        expire(s3, bucket, with_object)
        until(lambda: with_object.identifier not in rows(server), "it stays when its object has gone")


def test_a_bucket_that_is_away_keeps_every_row_until_it_is_back(start: Start, expired: Expired, proxy: S3Proxy) -> None:
    gone = expired(2)
    proxy.plan(*[Fault("cut", "answer")] * 10_000)
    with start(ProbeSweepSeconds=1, Endpoint=proxy.endpoint) as server:
        until(lambda: metric(server, "probe_sweep_failures_total") >= 3, "no failure")
        assert rows(server) == {i.identifier for i in gone}
        assert "sweep of expired probes: 0 rows forgotten, then ended early: " in server.log()
        proxy.plan()
        until(lambda: not rows(server), "rows stay")


def test_a_bucket_that_does_not_exist_has_lost_no_object(start: Start, expired: Expired) -> None:
    (gone,) = expired(1)
    with start(ProbeSweepSeconds=1, Bucket="another-bucket") as server:
        until(lambda: metric(server, "probe_sweep_failures_total") >= 2, "no failure")
        assert rows(server) == {gone.identifier}


def test_a_row_in_doubt_holds_up_no_other(start: Start, tmp_path: Path, expired: Expired) -> None:
    """Its attachment has a name that no object can have."""
    gone = expired(3)
    with closing(sqlite3.connect(tmp_path / "index" / "index")) as index, index:
        index.execute("UPDATE AttachedFiles SET uuid = 'not-a-uuid' WHERE uuid = ?", (Path(gone[0].key).stem,))
    with start(ProbeSweepSeconds=1) as server:
        until(lambda: rows(server) == {gone[0].identifier}, "it holds up the others")
        until(lambda: metric(server, "probe_sweep_failures_total") >= 2, "it is not in doubt")


def test_stores_during_a_sweep_succeed(start: Start, expired: Expired) -> None:
    gone = expired(10)
    with start(ProbeSweepSeconds=1) as server:
        new = set()
        while rows(server) & {i.identifier for i in gone}:
            new.add(store(server, probe(patient="4711")).identifier)
        assert rows(server) == new


def test_a_stop_ends_it_in_the_middle_of_a_batch(start: Start, expired: Expired) -> None:
    expired(30)
    with start(ProbeSweepSeconds=1) as server:
        until(lambda: metric(server, "probe_rows_forgotten_total") >= 2, "no row went")
    with start() as server:
        assert 0 < len(rows(server)) < 30, "what was not reached stays, what went is gone"


def test_the_archive_s_own_rights_suffice(
    start: Start, tmp_path: Path, as_archive: tuple[SeaweedFS, dict[str, Any]]
) -> None:
    s3, place = as_archive
    with start(**place) as server:
        gone = store(server, probe())
    make_old(tmp_path, gone)
    expire(s3, "archive", gone)
    with start(**place, ProbeSweepSeconds=1) as server:
        until(lambda: not rows(server), "rows stay")


def test_without_the_class_there_is_no_sweep(start: Start, expired: Expired) -> None:
    (gone,) = expired(1)
    with start(ProbePatientId="") as server:
        assert metric(server, LAST_ROUND) == 0
        assert rows(server) == {gone.identifier}


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_it_begins_fails_goes_on_and_ends_without_a_finding_of_the_sanitizers(
    sanitizer: Sanitizer, section: dict[str, Any], tmp_path: Path
) -> None:
    settings = section | {"ProbePatientId": PROBE_PATIENT_ID, "ProbeSweepSeconds": 1}
    with loaded(build(sanitizer), tmp_path, {"S3Storage": settings}) as plugin:
        plugin.started()
        until(lambda: plugin.metrics()[LAST_ROUND] > 0, "no round")
        plugin.index("fail")
        until(lambda: plugin.metrics()["probe_sweep_failures_total"] > 0, "no failure")
        assert any("0 rows forgotten, then ended early: searching the index failed" in line for line in plugin.log)
        plugin.index("ok")
        before = plugin.metrics()[LAST_ROUND]
        until(lambda: plugin.metrics()[LAST_ROUND] > before, "it does not go on")
        plugin.stopped()
