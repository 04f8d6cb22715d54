"""DICOMweb's bodies."""

import json
from datetime import UTC, datetime

import pytest

from loadtests import dicomweb
from loadtests.campaigns.work import PROFILES
from loadtests.dataset import fingerprint, split_file
from loadtests.dicomweb import DicomWebError, Stored
from loadtests.profiles.study import Study


def test_a_stow_body_has_one_part_per_instance() -> None:
    instances = list(Study(PROFILES["mr"](seed=1), "run", 1, 3, datetime.now(UTC)).instances())

    content_type, body = dicomweb.stow_body(instances)
    came = [fingerprint(split_file(part)[1]) for part in dicomweb.parts(content_type, body)]

    assert 'type="application/dicom"' in content_type
    assert [(one.sop_instance_uid, one.pixel_sha256) for one in came] == [
        (one.sop_instance_uid, one.pixel_sha256) for one in instances
    ]


@pytest.mark.parametrize("quoted", ['"b/1"', "b/1"])
def test_parts_are_found_with_and_without_headers_and_a_preamble(quoted: str) -> None:
    body = b"preamble\r\n--b/1\r\nContent-Type: x\r\n\r\none\r\n--b/1\r\n\r\n\r\ntwo\r\n\r\n--b/1--\r\nepilogue"

    found = [bytes(part) for part in dicomweb.parts(f"Multipart/Related; boundary={quoted}; type=x", body)]

    assert found == [b"one", b"\r\ntwo\r\n"]


@pytest.mark.parametrize(
    "body", [b"", b"--b\r\n\r\none", b"--b\r\nContent-Type: x\r\n\r\none\r\n--b\r\n", b"--b\r\n\r\none\r\n--b"]
)
def test_a_body_that_is_cut_is_refused(body: bytes) -> None:
    with pytest.raises(DicomWebError, match="ends before its last boundary"):
        list(dicomweb.parts("multipart/related; boundary=b", body))


@pytest.mark.parametrize("content_type", ["", "application/dicom", "multipart/related; type=x"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(DicomWebError, match="not multipart/related"):
        list(dicomweb.parts(content_type, b"--b--"))


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
