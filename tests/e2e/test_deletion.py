"""Studies of test patients can be deleted at the front door, with the password, and nobody else's can."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from tests.e2e.environment import Deployed
from tests.peers.dcmtk import BIN

pytestmark = pytest.mark.timeout(1800)


def stored(deployed: Deployed, folder: Path, **marks: str) -> str:
    """Stores an instance with these attributes; the UID of its study."""
    dataset = dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.PatientName = "VNAOPS^TEST"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for name, value in marks.items():
        setattr(dataset, name, value)
    file = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(file)
    door = deployed.outputs["dicom"]
    titles = ("-aet", "VNAOPS_LOAD", "-aec", door["aeTitle"])
    deployed.run(str(BIN / "storescu"), *titles, door["host"], str(door["port"]), str(file))
    return str(dataset.StudyInstanceUID)


def is_there(deployed: Deployed, study: str) -> bool:
    status, body = deployed.https(f"/dicom-web/studies?StudyInstanceUID={study}")
    return status == 200 and study.encode() in body


def test_a_test_study_is_deleted_and_another_stays(deployed: Deployed, tmp_path: Path) -> None:
    path = "/" + deployed.outputs["testDeletion"]["url"].rpartition("/")[2]
    test = stored(deployed, tmp_path, PatientID="VNAOPS-TEST-E2E", QualityControlSubject="YES")
    other = stored(deployed, tmp_path, PatientID="VNAOPS-TEST-E2E")
    assert deployed.https(f"{path}/{test}", method="DELETE", authorized=False)[0] == 401
    for method in ("GET", "PUT", "POST"):
        assert deployed.https(f"{path}/{test}", method=method)[0] == 404
    for study in (test, other):
        assert is_there(deployed, study)
    assert deployed.https(f"{path}/{test}", method="DELETE") == (200, b'{"deleted":1}\n')
    status, words = deployed.https(f"{path}/{other}", method="DELETE")
    assert status == 403
    assert b"this study is not marked as a test" in words
    assert not is_there(deployed, test)
    assert is_there(deployed, other)
    assert deployed.https(f"{path}/{test}", method="DELETE")[0] == 404


def test_the_front_door_passes_no_other_deletion_on(deployed: Deployed, tmp_path: Path) -> None:
    study = stored(deployed, tmp_path, PatientID="VNAOPS-TEST-E2E", QualityControlSubject="YES")
    for path in (
        f"/studies/{study}",
        f"/dicom-web/studies/{study}",
        "/test-studies",
        f"/test-studies/../studies/{study}",
    ):
        assert deployed.https(path, method="DELETE")[0] in (400, 404, 405), path
    assert is_there(deployed, study)
