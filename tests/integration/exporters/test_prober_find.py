"""C-FIND probes: archives and worklists that answer, and peers that answer without an end."""

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import ModalityWorklistInformationFind, StudyRootQueryRetrieveInformationModelFind

from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import MAX_LOG
from exporters.dicom_exporter.prober import find
from exporters.dimse import uids
from exporters.dimse.command import CommandField, response
from exporters.dimse.message import Message
from exporters.dimse.status import PENDING, PENDING_WITH_WARNING
from tests.integration.exporters import odd_scp
from tests.integration.exporters.odd_scp import Peer
from tests.integration.exporters.probing import probed, probed_oddly, reason, value
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp

STUDIES = {"prober": "find", "called_ae_title": "PYNETDICOM", "level": "study", "match": {"PatientID": "VNAOPS-PROBE"}}


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as server:
        for rows in (16, 17):
            stored = probed(server.dicom_port, {"prober": "store", "called_ae_title": "ORTHANC", "rows": rows})
            assert stored.outcome is Outcome.ACCEPTED
        yield server


@pytest.mark.parametrize("level", ["patient", "study", "series"])
def test_orthanc_finds_what_was_stored_at_each_level(archive: Orthanc, level: str) -> None:
    module = STUDIES | {"level": level, "min_results": 1}
    if level == "series":
        study = archive.get("/studies?expand")[0]["MainDicomTags"]["StudyInstanceUID"]
        module["match"] = {"StudyInstanceUID": study}

    done = probed(archive.dicom_port, module)

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["resolve", "connect", "associate", "request", "transfer", "release"]
    assert all(seconds > 0 for seconds in done.phases.values())
    assert value(done, "dicom_probe_results") == 1
    assert value(done, "dicom_probe_accepted_presentation_contexts") == 1
    assert value(done, 'dicom_probe_bytes{direction="sent"}') > 200
    assert value(done, 'dicom_probe_bytes{direction="received"}') > 200
    assert value(done, "dicom_probe_time_to_first_result_seconds") <= sum(done.phases.values())


def test_nothing_found_is_a_success_unless_more_is_wanted(archive: Orthanc) -> None:
    nobody = STUDIES | {"match": {"PatientID": "NOBODY"}}

    done, wanting = probed(archive.dicom_port, nobody), probed(archive.dicom_port, nobody | {"min_results": 1})

    assert (done.outcome, value(done, "dicom_probe_results")) == (Outcome.ACCEPTED, 0)
    assert b"dicom_probe_time_to_first_result_seconds" not in done.exposition()
    assert wanting.outcome is Outcome.UNEXPECTED_CONTENT
    assert reason(wanting) == "0 results, where 1 are wanted at least"


def test_a_worklist_is_asked_by_its_own_sop_class_with_nested_keys() -> None:
    asked: list[Dataset] = []

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        for number in range(3):
            found = Dataset()
            found.PatientID = f"{number}"
            yield 0xFF00, found

    module = {
        "prober": "find",
        "called_ae_title": "PYNETDICOM",
        "level": "worklist",
        "match": {"ScheduledProcedureStepSequence": {"ScheduledStationAETitle": "CT1", "Modality": "CT"}},
        "return_keys": ["AccessionNumber", "ReferencedStudySequence"],
    }
    with pynetdicom_scp(sop_classes=[ModalityWorklistInformationFind], handlers={evt.EVT_C_FIND: answer}) as server:
        done = probed(server.port, module)

    assert (done.outcome, done.results) == (Outcome.ACCEPTED, 3)
    (identifier,) = asked
    assert "QueryRetrieveLevel" not in identifier
    (step,) = identifier.ScheduledProcedureStepSequence
    assert (step.ScheduledStationAETitle, step.Modality) == ("CT1", "CT")
    assert identifier.AccessionNumber == ""
    assert list(identifier.ReferencedStudySequence) == []
    assert "PatientID" in identifier


def test_wildcards_and_lists_of_uids_are_sent_as_they_are() -> None:
    asked: list[Dataset] = []

    def answer(event: Any) -> Iterator[tuple[int, None]]:
        asked.append(event.identifier)
        yield 0x0000, None

    match = {"PatientName": "A*^?", "StudyInstanceUID": "1.2\\1.3", "StudyDate": "20260101-", "StudyTime": "-1200"}
    with pynetdicom_scp(
        sop_classes=[StudyRootQueryRetrieveInformationModelFind], handlers={evt.EVT_C_FIND: answer}
    ) as server:
        assert probed(server.port, STUDIES | {"match": match}).outcome is Outcome.ACCEPTED

    (identifier,) = asked
    assert (identifier.PatientName, identifier.StudyDate) == ("A*^?", "20260101-")
    assert list(identifier.StudyInstanceUID) == ["1.2", "1.3"]
    assert identifier.QueryRetrieveLevel == "STUDY"


def test_at_the_most_results_the_query_is_cancelled_and_that_is_a_success() -> None:
    pause = threading.Event()

    def answer(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(5):
            found = Dataset()
            found.StudyInstanceUID = f"1.2.{number}"
            yield 0xFF00, found
        for _ in range(2000):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            pause.wait(0.01)

    with pynetdicom_scp(
        sop_classes=[StudyRootQueryRetrieveInformationModelFind], handlers={evt.EVT_C_FIND: answer}
    ) as server:
        done = probed(server.port, STUDIES | {"max_results": 5})

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert done.results == 5
    assert value(done, 'dicom_probe_status_class{class="cancel"}') == 1
    assert done.phases["release"] > 0


@pytest.mark.parametrize(("status", "status_class"), [(0xA700, "failure"), (0xFE00, "cancel")])
def test_a_query_that_fails_or_is_cancelled_by_the_peer_has_failed(status: int, status_class: str) -> None:
    with pynetdicom_scp(
        sop_classes=[StudyRootQueryRetrieveInformationModelFind],
        handlers={evt.EVT_C_FIND: lambda _: iter([(status, None)])},
    ) as server:
        done = probed(server.port, STUDIES)

    assert done.outcome is Outcome.FAILURE_STATUS
    assert reason(done) == f"C-FIND was answered with status {status:#06x}"
    assert value(done, f'dicom_probe_status_class{{class="{status_class}"}}') == 1


def test_an_archive_without_queries_has_not_accepted_the_context() -> None:
    with pynetdicom_scp() as server:
        assert probed(server.port, STUDIES).outcome is Outcome.CONTEXT_NOT_ACCEPTED


@pytest.fixture(autouse=True)
def _odd_peers_take_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    supported = {uids.STUDY_ROOT_FIND: [uids.EXPLICIT_VR_LITTLE_ENDIAN]}
    monkeypatch.setattr(odd_scp, "SUPPORTED", odd_scp.SUPPORTED | supported)


def results(peer: Peer, message: Message, count: int) -> bytes:
    """So many pending responses."""
    pending = response(message.command, PENDING, has_data_set=True)
    identifier = b"\x20\0\x0d\0UI\x06\0" + b"1.2.3\0"
    return b"".join(peer.association.message(message.context_id, pending, identifier)) * count


async def answering_a_million_times(peer: Peer) -> None:
    await peer.accept()
    query = await peer.message()
    thousand = results(peer, query, 1000)
    with suppress(ConnectionError):
        for _ in range(1000):
            peer.writer.write(thousand)
            await peer.writer.drain()


def test_a_million_results_cost_a_bounded_amount_of_memory_and_end_as_a_failure() -> None:
    tracemalloc.start()
    try:
        done = probed_oddly(answering_a_million_times, STUDIES | {"max_results": 10}, seconds=30.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert done.outcome is Outcome.PROTOCOL_VIOLATION, done.log
    assert reason(done) == f"{find.AFTER_CANCEL} further results came after the C-CANCEL"
    assert done.results == 10 + find.AFTER_CANCEL + 1
    assert peak < 8 << 20, "prober and peer together"
    assert len(done.log) < 50


async def answering_with_two_statuses_by_turns(peer: Peer) -> None:
    await peer.accept()
    query = await peer.message()
    one = results(peer, query, 1)
    other = one.replace(PENDING.to_bytes(2, "little"), PENDING_WITH_WARNING.to_bytes(2, "little"))
    assert len(other) == len(one)
    peer.writer.write((one + other) * 2000)
    await peer.until_closed()


def test_the_log_of_a_probe_does_not_grow_with_what_the_peer_sends() -> None:
    done = probed_oddly(answering_with_two_statuses_by_turns, STUDIES | {"max_results": 5000}, seconds=1.0)

    assert (done.outcome, done.results) == (Outcome.TIMED_OUT, 4000)
    assert len(done.log) == MAX_LOG + 1
    assert reason(done) == "the deadline of 1 s has passed"


async def answering_slowly_for_ever(peer: Peer) -> None:
    await peer.accept()
    query = await peer.message()
    peer.writer.write(results(peer, query, 3))
    cancel = await peer.message()
    assert cancel.command.command_field == CommandField.C_CANCEL_RQ
    assert cancel.command.message_id_responded_to == query.command.message_id
    peer.writer.write(results(peer, query, 3))
    await peer.until_closed()


def test_a_peer_that_does_not_end_after_the_cancel_costs_the_deadline() -> None:
    done = probed_oddly(answering_slowly_for_ever, STUDIES | {"max_results": 2}, seconds=0.5)

    assert done.outcome is Outcome.TIMED_OUT
    assert (done.results, done.duration < 5) == (6, True)


async def answering_without_an_identifier(peer: Peer) -> None:
    await peer.accept()
    query = await peer.message()
    peer.answer(query, PENDING)
    await peer.until_closed()


async def answering_with_an_endless_identifier(peer: Peer) -> None:
    await peer.accept()
    query = await peer.message()
    pending = response(query.command, PENDING, has_data_set=True)
    with suppress(ConnectionError):
        peer.writer.writelines(peer.association.message(query.context_id, pending, bytes(1 << 20)))
        await peer.writer.drain()
    await peer.until_closed()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answering_without_an_identifier, "a pending response to C-FIND has no identifier"),
        (answering_with_an_endless_identifier, "a data set passes the limit of 65536 bytes"),
    ],
)
def test_a_result_that_is_none_is_a_protocol_violation(behaviour: odd_scp.Behaviour, words: str) -> None:
    done = probed_oddly(behaviour, STUDIES)

    assert (done.outcome, reason(done)) == (Outcome.PROTOCOL_VIOLATION, words)
