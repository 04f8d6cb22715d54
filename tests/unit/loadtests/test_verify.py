"""Verification where the archive can't be asked; the rest is tried against Orthanc."""

import hashlib
import resource
import struct
import time
from datetime import UTC, datetime

import pytest

from loadtests import verify as verification
from loadtests.environment import DicomWeb
from loadtests.ledger import Entry, State
from loadtests.profiles import catalogue
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.study import Study
from loadtests.verify import Verification, verify
from tests.peers.http_front import http_front
from tests.peers.seaweedfs import free_ports
from tests.peers.wado_files import Fault, wado_files


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


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    return list(Study(catalogue.profile("mr", 1), "run", 1, 6, datetime(2026, 1, 2, tzinfo=UTC)).instances())


def entry(instance: Instance, state: State = State.ACKNOWLEDGED) -> Entry:
    uids = (instance.study_uid, instance.series_uid, instance.sop_instance_uid)
    return Entry("C-STORE", *uids, instance.pixel_sha256, instance.size, state, "0x0000")


def verified(instances: list[Instance], entries: list[Entry], fault: Fault = "") -> Verification:
    with wado_files({one.sop_instance_uid: as_file(one) for one in instances}, fault) as origin:
        return verify(entries, DicomWeb(url=f"{origin}/dicom-web"))


@pytest.mark.parametrize("fault", ["", "chunked", "cut once"])
def test_what_comes_back_as_it_was_sent_is_identical(instances: list[Instance], fault: Fault) -> None:
    found = verified(instances, [entry(one) for one in instances], fault)

    assert (found.acknowledged, found.identical, found.passed) == (6, 6, True)


def test_each_kind_of_end_is_counted_under_its_own_name(instances: list[Instance]) -> None:
    other = entry(instances[0])
    wrong = [
        Entry(one.operation, one.study_uid, one.series_uid, one.sop_instance_uid, "0" * 64, one.size, one.state, "")
        for one in (other, entry(instances[1], State.UNKNOWN))
    ]
    gone = [Entry("C-STORE", "1", "1.1", f"1.1.{n}", "0", 1, state, "") for n, state in enumerate(list(State) * 2)]

    found = verified(instances, [*wrong, entry(instances[2]), entry(instances[3], State.UNKNOWN), *gone])

    assert (found.identical, found.different, found.missing, found.unverified) == (1, 1, 2, 0)
    assert (found.unknown_stored, found.unknown_different, found.unknown_not_stored) == (1, 1, 2)
    assert (found.acknowledged, found.unknown, found.refused) == (4, 4, 2)
    assert not found.passed
    assert found.details["different"] == [f"{other.sop_instance_uid} (another hash of the pixel data)"]
    assert found.details["missing"] == ["1.1.0", "1.1.3"]


@pytest.mark.parametrize("fault", ["cut", "chunked and cut"])
def test_an_answer_that_is_always_cut_is_not_taken_for_a_changed_instance(
    instances: list[Instance], fault: Fault
) -> None:
    found = verified(instances, [entry(one) for one in instances], fault)

    assert (found.unverified, found.different) == (6, 0)
    assert "IncompleteRead" in found.details["unverified"][0]


def test_another_instance_under_its_address_is_found_out(instances: list[Instance]) -> None:
    one, two = instances[:2]
    with wado_files({one.sop_instance_uid: as_file(two)}) as origin:
        found = verify([entry(one)], DicomWeb(url=origin))

    assert found.details["different"] == [f"{one.sop_instance_uid} (another instance)"]


def test_an_interruption_does_not_wait_for_an_archive_that_is_silent(instances: list[Instance]) -> None:
    class InterruptedCampaignError(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        raise InterruptedCampaignError

    with wado_files({instances[0].sop_instance_uid: as_file(instances[0])}, "silent") as origin:
        begun = time.monotonic()
        with pytest.raises(InterruptedCampaignError):
            verify([entry(instances[0]), *entries(5)], DicomWeb(url=origin), interrupt)

        assert time.monotonic() - begun < verification.TIMEOUT_SECONDS / 2


def test_an_instance_of_more_than_two_gigabytes_is_verified_in_little_memory() -> None:
    megabyte = memoryview(bytes(1 << 20))
    uid, digest = "1.2.3.4", hashlib.sha256()
    for _ in range(2100):
        digest.update(megabyte)
    head = struct.pack("<HH2sH8s", 8, 0x18, b"UI", 8, uid.encode() + b"\0")
    pixels = struct.pack("<HH2s2xI", 0x7FE0, 0x10, b"OB", 2100 << 20)
    instance = Instance("1.2", uid, "1.2.3", "1.2.3", "1.2.840.10008.1.2.1", (head, pixels, *[megabyte] * 2100), 1, "")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with wado_files({uid: as_file(instance)}) as origin:
        sent = Entry("C-STORE", "1", "1", uid, digest.hexdigest(), 2100 << 20, State.ACKNOWLEDGED, "")
        found = verify([sent], DicomWeb(url=origin))

    assert (found.identical, found.details) == (1, {})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * 1024
