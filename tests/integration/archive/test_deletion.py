"""The route that deletes studies of test patients, in a real Orthanc over a real S3 with object lock."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from tests.integration.archive.plugin import build
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.seaweedfs import SeaweedFS

PREFIX = "VNAOPS-TEST-"


@pytest.fixture(scope="module")
def release() -> Path:
    """The plug-in as it is in the image."""
    return build("") / "libVnaopsS3Storage.so"


@pytest.fixture
def archive(release: Path, section: dict[str, Any]) -> Iterator[Orthanc]:
    """Orthanc whose test patients can be deleted."""
    configuration = {"S3Storage": section, "TestDeletion": {"PatientIdPrefix": PREFIX}}
    with orthanc(configuration, plugins=[release]) as server:
        yield server


def stored(server: Orthanc, study: str, patient: str, marked: bool = True, accession: str = "") -> None:
    """Stores one instance of a study, by the REST API."""
    data = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.SeriesInstanceUID, data.StudyInstanceUID = generate_uid(), study
    data.PatientID, data.AccessionNumber = patient, accession
    if marked:
        data.QualityControlSubject = "YES"
    with pydicom.filebase.DicomBytesIO() as body:
        data.save_as(body, enforce_file_format=True)
        request = urllib.request.Request(f"{server.url}/instances", body.getvalue(), method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert json.load(answer)["Status"] == "Success"


def deleted(server: Orthanc, study: str, method: str = "DELETE") -> tuple[int, dict[str, Any]]:
    """Status and content of the answer."""
    request = urllib.request.Request(f"{server.url}/test-studies/{study}", method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
            return error.code, json.loads(body) if error.headers.get_content_type() == "application/json" else {}


def test_a_test_patient_s_study_goes_and_its_locked_versions_stay(archive: Orthanc, s3: SeaweedFS, bucket: str) -> None:
    study, other = generate_uid(), generate_uid()
    for _ in range(3):
        stored(archive, study, f"{PREFIX}1")
    stored(archive, other, f"{PREFIX}1")
    assert deleted(archive, study) == (200, {"deleted": 1})
    assert [archive.get(f"/studies/{s}")["MainDicomTags"]["StudyInstanceUID"] for s in archive.get("/studies")] == [
        other
    ]
    kept = s3.client().list_object_versions(Bucket=bucket)
    assert len(kept["Versions"]) == 4
    assert len(kept["DeleteMarkers"]) == 3
    assert deleted(archive, study)[0] == 404


@pytest.mark.parametrize(
    ("patient", "marked"),
    [("4711", True), (f"{PREFIX}1", False), ("vnaops-test-1", True), (f"X{PREFIX}1", True), ("", True)],
)
def test_a_study_without_both_marks_of_a_test_stays_and_the_answer_repeats_nothing_of_it(
    archive: Orthanc, patient: str, marked: bool
) -> None:
    study = generate_uid()
    stored(archive, study, patient, marked)
    status, said = deleted(archive, study)
    assert status == 403
    assert said["reason"] == (
        "this study is not marked as a test (Patient ID (0010,0020) begins with VNAOPS-TEST-, "
        "Quality Control Subject (0010,0200) is YES): nothing was deleted"
    )
    assert len(archive.get("/instances")) == 1


def test_one_unmarked_series_keeps_the_whole_study(archive: Orthanc) -> None:
    study = generate_uid()
    stored(archive, study, f"{PREFIX}1")
    stored(archive, study, f"{PREFIX}1", marked=False)
    assert deleted(archive, study)[0] == 403
    assert len(archive.get("/instances")) == 2


def test_a_uid_that_a_patient_shares_with_a_test_keeps_both(archive: Orthanc) -> None:
    study = generate_uid()
    stored(archive, study, f"{PREFIX}1")
    stored(archive, study, "4711")
    assert deleted(archive, study)[0] == 403
    assert len(archive.get("/studies")) == 2


def test_an_accession_number_is_no_study(archive: Orthanc) -> None:
    number = generate_uid()[:16].rstrip(".")
    stored(archive, generate_uid(), f"{PREFIX}1", accession=number)
    assert deleted(archive, number)[0] == 404
    assert len(archive.get("/studies")) == 1


def test_what_is_no_uid_is_refused(archive: Orthanc) -> None:
    for text in ("1.2.x", "1" * 65, "*", "%20"):
        assert deleted(archive, text) == (
            400,
            {"reason": "a Study Instance UID has at most 64 digits and dots (PS3.5 section 9.1)"},
        ), text


def test_nothing_but_a_deletion_is_answered(archive: Orthanc) -> None:
    study = generate_uid()
    stored(archive, study, f"{PREFIX}1")
    for method in ("GET", "POST", "PUT"):
        assert deleted(archive, study, method)[0] == 405
    assert len(archive.get("/studies")) == 1


def test_where_it_is_not_opened_there_is_no_such_route(release: Path, section: dict[str, Any]) -> None:
    with orthanc({"S3Storage": section}, plugins=[release]) as server:
        study = generate_uid()
        stored(server, study, f"{PREFIX}1")
        assert deleted(server, study)[0] == 404
        assert len(server.get("/studies")) == 1
