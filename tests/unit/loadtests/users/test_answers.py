"""What DICOMweb's answers say: addresses at any depth, and what became of each instance of a STOW-RS request."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from loadtests.ledger import State
from loadtests.profiles.catalogue import profile
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study
from loadtests.users.dicomweb import Address, PeerError, addresses, value
from loadtests.users.stow import judge
from loadtests.users.web_reader import Described

UID = "00080018"


@pytest.fixture(scope="module")
def batch() -> list[Instance]:
    return list(Study(profile("mr", 4), "answers", 1, 3, datetime(2026, 1, 1, tzinfo=UTC), 4).instances())


def answer(stored: list[str], failed: dict[str, int]) -> bytes:
    def item(uid: str, **more: Any) -> dict[str, Any]:
        return {"00081155": {"vr": "UI", "Value": [uid]}, **more}

    return json.dumps(
        {
            "00081199": {"vr": "SQ", "Value": [item(uid) for uid in stored]},
            "00081198": {
                "vr": "SQ",
                "Value": [item(uid, **{"00081197": {"vr": "US", "Value": [reason]}}) for uid, reason in failed.items()],
            },
        }
    ).encode()


def test_each_instance_is_judged_by_what_the_answer_says_of_it(batch: list[Instance]) -> None:
    first, second, _ = (one.sop_instance_uid for one in batch)

    said = judge(batch, 202, answer([first], {second: 0xA700}), "", taken=True)

    assert [(state, words) for _, state, words in said] == [
        (State.ACKNOWLEDGED, "HTTP 202"),
        (State.REFUSED, "failure reason 0xA700"),
        (State.UNKNOWN, "not mentioned in the answer"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "failure", "taken", "state", "words"),
    [
        (0, b"", "connection refused", False, State.REFUSED, "connection refused"),
        (503, b"", "", False, State.REFUSED, "HTTP 503"),
        (0, b"", "timed out", True, State.UNKNOWN, "timed out"),
        (502, b"{}", "", True, State.UNKNOWN, "HTTP 502"),
        (200, b"<html>", "", True, State.UNKNOWN, "HTTP 200 without a STOW-RS answer"),
        (200, b"[" * 100_000, "", True, State.UNKNOWN, "HTTP 200 without a STOW-RS answer"),
        (415, b"", "", True, State.REFUSED, "HTTP 415 without a STOW-RS answer"),
    ],
)
def test_without_an_answer_only_the_archives_own_word_is_a_refusal(
    batch: list[Instance], status: int, body: bytes, failure: str, taken: bool, state: State, words: str
) -> None:
    said = judge(batch, status, body, failure, taken=taken)

    assert [(found, why) for _, found, why in said] == [(state, words)] * 3


def test_addresses_are_found_at_any_depth() -> None:
    nested = {"00400275": {"vr": "SQ", "Value": [{"00081190": {"vr": "UR", "Value": ["http://a/1"]}}]}}
    pixels = {"7FE00010": {"vr": "OW", "BulkDataURI": "http://a/bulk"}}

    assert list(addresses([nested, pixels, {"00081190": {"vr": "UR", "Value": ["http://a/2"]}}])) == [
        Address("http://a/1", bulk=False),
        Address("http://a/bulk", bulk=True),
        Address("http://a/2", bulk=False),
    ]


@pytest.mark.parametrize("data_set", [{}, {UID: {}}, {UID: {"Value": []}}, {UID: {"Value": None}}])
def test_an_element_without_a_value_is_empty(data_set: dict[str, Any]) -> None:
    assert value(data_set, UID) == ""


@pytest.mark.parametrize("data_set", [{UID: 3}, {UID: {"Value": 3}}, {UID: ["x"]}])
def test_an_element_that_is_none_is_the_peers_fault(data_set: dict[str, Any]) -> None:
    with pytest.raises(PeerError, match="no DICOM JSON"):
        value(data_set, UID)


def test_metadata_with_a_word_for_a_number_are_the_peers_fault() -> None:
    with pytest.raises(PeerError, match="no DICOM JSON"):
        Described.of({"00280008": {"vr": "IS", "Value": ["many"]}})


@pytest.mark.parametrize("kinds", [None, 3, {"Value": 3}, {"Value": None}])
def test_an_image_type_that_is_none_is_passed_over(kinds: object) -> None:
    assert Described.of({UID: {"Value": ["1.2"]}, "00080008": kinds}).image_type == ()


def test_each_frame_of_an_image_is_looked_at_and_a_report_has_none() -> None:
    def element(value: object) -> dict[str, Any]:
        return {"Value": [value]}

    image = {UID: element("1.2"), "00280010": element(64), "00280011": element(64), "00280008": element("3")}

    assert list(Described.of(image).images) == [("1.2", 1), ("1.2", 2), ("1.2", 3)]
    assert list(Described.of({UID: element("1.2")}).images) == []
