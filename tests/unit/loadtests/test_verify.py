"""Verification where the archive can't be asked; the rest is tried against Orthanc."""

import pytest

from loadtests import verify as verification
from loadtests.environment import DicomWeb
from loadtests.ledger import Entry, State
from loadtests.verify import verify
from tests.peers.http_front import http_front
from tests.peers.seaweedfs import free_ports


def entries(count: int, state: State = State.ACKNOWLEDGED) -> list[Entry]:
    return [Entry("C-STORE", "1.1", "1.1.1", f"1.1.1.{number}", "00", 10, state, "0x0000") for number in range(count)]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0.0)


def test_an_archive_that_is_down_leaves_everything_unverified_which_does_not_pass() -> None:
    web = DicomWeb(url=f"http://127.0.0.1:{free_ports(1)[0]}/dicom-web")

    found = verify([*entries(5), *entries(2, State.UNKNOWN)], web, lambda done, total: None)

    assert (found.acknowledged, found.unverified, found.unknown_unverified) == (5, 5, 2)
    assert (found.missing, found.unknown_not_stored) == (0, 0)
    assert not found.passed
    assert "ConnectionRefusedError" in found.details["unverified"][0]


def test_a_refusal_to_answer_is_no_loss() -> None:
    with http_front(free_ports(1)[0], credentials="viewer:right") as origin:
        web = DicomWeb(url=f"{origin}/dicom-web", username="viewer", password="wrong")
        found = verify(entries(3), web, lambda done, total: None)

    assert (found.missing, found.unverified) == (0, 3)
    assert found.details["unverified"][0].endswith("(HTTP 401)")


def test_nothing_sent_is_nothing_lost() -> None:
    assert verify([], DicomWeb(url="http://127.0.0.1:1/"), lambda done, total: None).passed


def test_progress_is_told_for_each() -> None:
    seen: list[tuple[int, int]] = []
    web = DicomWeb(url=f"http://127.0.0.1:{free_ports(1)[0]}/dicom-web")

    verify(entries(3), web, lambda done, total: seen.append((done, total)))

    assert seen == [(1, 3), (2, 3), (3, 3)]
