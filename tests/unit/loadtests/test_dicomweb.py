"""DICOMweb's bodies."""

import json
from datetime import UTC, datetime

import pytest

from loadtests import dicomweb
from loadtests.dataset import DataSetError
from loadtests.dicomweb import DicomWebError, Stored
from loadtests.profiles import catalogue
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    return list(Study(catalogue.profile("mr", 1), "run", 1, 3, datetime(2026, 1, 2, tzinfo=UTC)).instances())


def known(instances: list[Instance]) -> list[tuple[str, str]]:
    return [(one.sop_instance_uid, one.pixel_sha256) for one in instances]


def test_a_stow_request_has_one_part_per_instance(instances: list[Instance]) -> None:
    request = dicomweb.stow_request(instances)

    came = list(dicomweb.instances(request.content_type, request.buffers))

    assert 'type="application/dicom"' in request.content_type
    assert request.length == len(b"".join(request.buffers))
    assert [(one.sop_instance_uid, one.pixel_sha256) for one in came] == known(instances)


def test_a_stow_request_copies_no_pixels(instances: list[Instance]) -> None:
    buffers = dicomweb.stow_request(instances).buffers

    assert all(any(sent is buffer for sent in buffers) for instance in instances for buffer in instance.buffers)


@pytest.mark.parametrize("size", [1, 1000, 1 << 16, 1 << 30])
def test_instances_are_recognised_while_they_come(instances: list[Instance], size: int) -> None:
    request = dicomweb.stow_request(instances[:1] if size == 1 else instances)
    body = b"".join(request.buffers)

    came = dicomweb.instances(request.content_type, (body[at : at + size] for at in range(0, len(body), size)))

    assert [(one.sop_instance_uid, one.pixel_sha256) for one in came] == known(instances)[: 1 if size == 1 else 3]


def test_an_instance_that_grows_past_its_limit_is_refused(instances: list[Instance]) -> None:
    request = dicomweb.stow_request(instances)

    with pytest.raises(DicomWebError, match="more than 1000 bytes"):
        list(dicomweb.instances(request.content_type, request.buffers, size_limit=1000))


def test_a_part_that_is_no_instance_is_refused() -> None:
    with pytest.raises(DataSetError):
        list(dicomweb.instances("multipart/related; boundary=b", [b"--b\r\n\r\n<html>\r\n--b--"]))


def test_a_stow_answer_says_of_each_instance_what_became_of_it() -> None:
    answer = {
        "00081198": {
            "vr": "SQ",
            "Value": [
                {"00081155": {"vr": "UI", "Value": ["1.2"]}, "00081197": {"vr": "US", "Value": [0xA700]}},
            ],
        },
        "00081199": {
            "vr": "SQ",
            "Value": [
                {"00081155": {"vr": "UI", "Value": ["1.1"]}},
                {"00081155": {"vr": "UI", "Value": ["1.3"]}, "00081196": {"vr": "US", "Value": [0xB000]}},
            ],
        },
    }

    assert dicomweb.stow_answer(json.dumps(answer).encode()) == {
        "1.1": Stored("1.1", True, ""),
        "1.2": Stored("1.2", False, "A700"),
        "1.3": Stored("1.3", True, "B000"),
    }


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"00081199": {"Value": [{}]}}', b'{"00081199": []}', b"<html>"]
)
def test_another_answer_is_refused(body: bytes) -> None:
    with pytest.raises(DicomWebError):
        dicomweb.stow_answer(body)
