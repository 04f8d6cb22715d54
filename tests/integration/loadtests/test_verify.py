"""Slides, videos, reports and documents stored in Orthanc over both protocols, and verified as after a campaign."""

import http.client
import json
import urllib.request
from pathlib import Path

import pytest
from wsidicom import WsiDicom

from loadtests import dicomweb
from loadtests.engine.scu import Scu, Target
from loadtests.environment import DicomWeb
from loadtests.ledger import Entry, State
from loadtests.profiles.instance import Instance
from loadtests.verify import verify
from tests.peers.orthanc import Orthanc
from tests.unit.loadtests.profiles.radiology import study

# Without the transfer syntax it is made lossless (PS3.18 table 8.7.3-5), for which Orthanc (1.10, DICOMweb 1.7) decodes
# all frames: 53 s for one tile of a level of 20 MB instead of 0.2.
JPEG_AS_IT_IS = 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'
NAMES = {"slide-small": 9, "video-clip": 1, "sr": 16, "pdf": 8}


def entry(instance: Instance, state: State = State.ACKNOWLEDGED, digest: str = "") -> Entry:
    uids = (instance.study_uid, instance.series_uid, instance.sop_instance_uid)
    return Entry("C-STORE", *uids, digest or instance.pixel_sha256, instance.size, state, "")


def web(archive: Orthanc) -> DicomWeb:
    return DicomWeb(url=f"{archive.url}/dicom-web")


def store(archive: Orthanc, instances: list[Instance]) -> None:
    contexts = sorted({(one.sop_class_uid, (one.transfer_syntax,)) for one in instances})
    with Scu(Target("127.0.0.1", archive.dicom_port, archive.ae_title), contexts) as scu:
        for one in instances:
            assert scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers).status == 0


def stow(archive: Orthanc, instances: list[Instance]) -> dict[str, dicomweb.Stored]:
    request = dicomweb.stow_request(instances)
    connection = http.client.HTTPConnection("127.0.0.1", archive.http_port, timeout=120)
    headers = {"Content-Type": request.content_type, "Content-Length": f"{request.length}"}
    try:
        connection.request(
            "POST", "/dicom-web/studies", iter(request.buffers), {**headers, "Accept": "application/json"}
        )
        return dicomweb.stow_answer(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_stored_over_dimse_is_found_identical(archive: Orthanc, name: str) -> None:
    instances = list(study(name, NAMES[name], run=f"{name} over DIMSE").instances())
    store(archive, instances)

    found = verify([entry(one) for one in instances], web(archive))

    assert (found.identical, found.details) == (len(instances), {})


@pytest.mark.parametrize("name", NAMES)
def test_what_was_stored_over_the_web_is_found_identical(archive: Orthanc, name: str) -> None:
    instances = list(study(name, NAMES[name], run=f"{name} over the web").instances())

    answer = stow(archive, instances)
    found = verify([entry(one) for one in instances], web(archive))

    assert {uid for uid, one in answer.items() if one.stored} == {one.sop_instance_uid for one in instances}
    assert (found.identical, found.details) == (len(instances), {})


def test_a_report_of_other_words_and_one_that_is_gone_are_found_out(archive: Orthanc) -> None:
    one, two, three, four = study("sr", 4, run="spoiled reports").instances()
    store(archive, [one, three])

    found = verify(
        [
            entry(one, digest=two.pixel_sha256),
            entry(two),
            entry(three, State.UNKNOWN),
            entry(four, State.UNKNOWN),
        ],
        web(archive),
    )

    assert (found.different, found.missing, found.unknown_stored, found.unknown_not_stored) == (1, 1, 1, 1)
    assert not found.passed


def test_a_slide_in_the_archive_can_be_viewed_tile_by_tile(archive: Orthanc, tmp_path: Path) -> None:
    instances = list(study("slide-small", 8, run="a viewed slide").instances())
    store(archive, instances)
    (found,) = json.loads(_get(f"{archive.url}/dicom-web/studies?StudyInstanceUID={instances[0].study_uid}"))
    assert found["0020000D"]["Value"] == [instances[0].study_uid]

    for number, one in enumerate(instances):
        path = f"studies/{one.study_uid}/series/{one.series_uid}/instances/{one.sop_instance_uid}"
        frame = _get(f"{archive.url}/dicom-web/{path}/frames/1", JPEG_AS_IT_IS)
        assert b"\xff\xd8\xff" in frame
        (known,) = _ask(f"{archive.url}/tools/lookup", one.sop_instance_uid)
        (tmp_path / f"{number}.dcm").write_bytes(_get(f"{archive.url}/instances/{known['ID']}/file"))
    with WsiDicom.open(tmp_path) as slide:
        assert len(slide.levels) == len(instances) - 3
        assert slide.read_tile(0, (0, 0)).width == 512


def _ask(url: str, body: str) -> list[dict[str, str]]:
    with urllib.request.urlopen(url, body.encode(), timeout=60) as answer:  # noqa: S310  (http by construction)
        found: list[dict[str, str]] = json.load(answer)
    return found


def _get(url: str, accept: str = "*/*") -> bytes:
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310  (http by construction)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: bytes = answer.read()
    return found
