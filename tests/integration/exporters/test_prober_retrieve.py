"""C-GET, C-MOVE and storage commitment: archives that do, and peers that abuse the prober's own SCP."""

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from exporters.dicom_exporter import receiver
from exporters.dicom_exporter.arrivals import Arrivals
from exporters.dicom_exporter.commitment import COMMITTED, FAILURES_EXIST
from exporters.dicom_exporter.config import Receiver as Settings
from exporters.dicom_exporter.instance import encode
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.retrieved import read
from exporters.dimse import uids
from exporters.dimse.command import CommandField, event_report_request, response, store_request
from exporters.dimse.message import Message
from exporters.dimse.status import PENDING
from infra.components.archive import orthanc_modalities
from infra.settings import Modality, Right
from tests.integration.exporters import odd_scp
from tests.integration.exporters.odd_scp import Peer
from tests.integration.exporters.probing import RECEIVER, probed, probed_oddly, reason, value
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp
from tests.peers.seaweedfs import free_ports

COMMITMENT = {"prober": "commitment", "called_ae_title": "ORTHANC", "calling_ae_title": "PROBE_SCP"}


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as server:
        for _ in range(2):
            stored = probed(server.dicom_port, {"prober": "store", "called_ae_title": "ORTHANC"})
            assert stored.outcome is Outcome.ACCEPTED
        yield server


def study(archive: Orthanc) -> dict[str, str]:
    return {"StudyInstanceUID": archive.get("/studies?expand")[0]["MainDicomTags"]["StudyInstanceUID"]}


def registered(archive: Orthanc) -> Callable[[int], Awaitable[None]]:
    """Tells the archive where the prober's SCP is."""

    async def register(port: int) -> None:
        body = json.dumps(["PROBE_SCP", "127.0.0.1", port]).encode()
        request = urllib.request.Request(f"{archive.url}/modalities/prober", data=body, method="PUT")  # noqa: S310
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  (http by construction)

    return register


def test_a_study_comes_from_orthanc_by_c_get(archive: Orthanc) -> None:
    done = probed(
        archive.dicom_port,
        {"prober": "get", "called_ae_title": "ORTHANC", "level": "study", "match": study(archive), "min_results": 2},
    )

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["resolve", "connect", "associate", "request", "transfer", "release"]
    assert value(done, "dicom_probe_results") == 2
    assert value(done, 'dicom_probe_suboperations{state="completed"}') == 2
    assert value(done, 'dicom_probe_suboperations{state="failed"}') == 0
    assert value(done, 'dicom_probe_suboperations{state="remaining"}') == 0
    assert value(done, "dicom_probe_accepted_presentation_contexts") == 2
    assert value(done, 'dicom_probe_bytes{direction="received"}') > 2 * 128 * 128
    assert done.time_to_first_result is not None
    assert 0 < done.time_to_first_result < done.duration


def test_a_study_comes_from_orthanc_by_c_move_to_the_probers_own_scp(archive: Orthanc) -> None:
    module = {"prober": "move", "called_ae_title": "ORTHANC", "level": "study", "match": study(archive)}

    done = probed(archive.dicom_port, module | {"min_results": 2}, listening=registered(archive))

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert value(done, "dicom_probe_results") == 2
    assert value(done, 'dicom_probe_suboperations{state="completed"}') == 2
    assert done.time_to_first_result is not None
    assert 0 < done.time_to_first_result < done.duration


def test_orthanc_commits_over_an_association_of_its_own(archive: Orthanc) -> None:
    done = probed(archive.dicom_port, COMMITMENT, listening=registered(archive))

    assert done.outcome is Outcome.ACCEPTED, done.log
    phases = ["resolve", "connect", "associate", "transfer", "request", "report", "release"]
    assert list(done.phases) == phases
    assert all(seconds > 0 for seconds in done.phases.values())


@pytest.mark.parametrize("granted", [True, False])
def test_orthanc_commits_for_whom_the_registry_has_the_right(granted: bool) -> None:
    (port,) = free_ports(1)
    rights = {Right.STORE, *([Right.COMMITMENT] if granted else [])}
    prober = Modality(ae_title="PROBE_SCP", host="127.0.0.1", port=port, rights=frozenset(rights))
    with orthanc({"DicomModalities": orthanc_modalities([prober])}) as server:
        done = probed(server.dicom_port, COMMITMENT, receiver_port=port)

    assert done.outcome is (Outcome.ACCEPTED if granted else Outcome.ABORTED_BY_USER), done.log


def test_a_move_to_a_destination_that_the_archive_does_not_know_has_failed(archive: Orthanc) -> None:
    module = {"prober": "move", "called_ae_title": "ORTHANC", "level": "study", "match": study(archive)}

    async def unregister(_: int) -> None:
        request = urllib.request.Request(f"{archive.url}/modalities/prober", method="DELETE")  # noqa: S310
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  (http by construction)

    assert probed(archive.dicom_port, module, listening=unregister).outcome is Outcome.FAILURE_STATUS


def images(count: int) -> Iterator[tuple[int, Dataset]]:
    for number in range(count):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.SOPInstanceUID = f"1.2.3.{number + 1}"
        dataset.PatientID = "VNAOPS-PROBE"
        yield 0xFF00, dataset


def test_pynetdicom_gives_by_c_get_and_the_time_to_the_first_instance_is_told() -> None:
    def give(event: Any) -> Iterator[Any]:
        yield 3
        yield from images(3)

    module = {"prober": "get", "called_ae_title": "P", "level": "image", "match": {"SOPInstanceUID": "1.2.3.1"}}
    with pynetdicom_scp(
        sop_classes=[StudyRootQueryRetrieveInformationModelGet, SecondaryCaptureImageStorage],
        roles=[SecondaryCaptureImageStorage],
        handlers={evt.EVT_C_GET: give},
    ) as server:
        done = probed(server.port, module)

    assert (done.outcome, done.results) == (Outcome.ACCEPTED, 3), done.log


def test_pynetdicom_moves_to_the_probers_own_scp() -> None:
    where: list[int] = []

    async def listening(port: int) -> None:
        where.append(port)

    def send(event: Any) -> Iterator[Any]:
        assert event.move_destination == "PROBE_SCP"
        yield "127.0.0.1", where[0], {"contexts": contexts()}
        yield 2
        yield from images(2)

    def contexts() -> list[Any]:
        entity = AE()
        entity.add_requested_context(SecondaryCaptureImageStorage)
        return entity.requested_contexts

    module = {"prober": "move", "called_ae_title": "P", "level": "study", "match": {"StudyInstanceUID": "1.2"}}
    with pynetdicom_scp(
        sop_classes=[StudyRootQueryRetrieveInformationModelMove], handlers={evt.EVT_C_MOVE: send}
    ) as server:
        done = probed(server.port, module, listening=listening)

    assert (done.outcome, done.results) == (Outcome.ACCEPTED, 2), done.log


def knock(port: int, called: str = "PROBE_SCP") -> Any:
    """The association that somebody asks the prober for, when it is over."""
    entity = AE("KNOCKER")
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    if association.is_established:
        association.send_c_echo()
        association.release()
    return association


def test_without_a_probe_in_flight_nobody_is_taken_and_with_one_only_who_calls_it_by_its_name() -> None:
    async def run() -> None:
        scp, settings = Receiver(), Settings.model_validate(RECEIVER)
        await scp.listen(settings)
        try:
            idle = await asyncio.to_thread(knock, scp.port)
            with scp.move(Arrivals()):
                taken = await asyncio.to_thread(knock, scp.port)
                misled = await asyncio.to_thread(knock, scp.port, "SOMEBODY")
            after = await asyncio.to_thread(knock, scp.port)
        finally:
            scp.close()
        assert [one.is_rejected for one in (idle, taken, misled, after)] == [True, False, True, True]
        assert taken.is_released

    asyncio.run(run())


def test_an_association_ends_soon_after_the_probe_that_it_was_taken_for() -> None:
    async def run() -> None:
        scp = Receiver()
        await scp.listen(Settings.model_validate(RECEIVER))
        entity = AE("LINGERER")
        entity.add_requested_context(Verification)
        try:
            with scp.move(Arrivals()):
                held = await asyncio.to_thread(entity.associate, "127.0.0.1", scp.port, ae_title="PROBE_SCP")
                assert held.is_established
            async with asyncio.timeout(10):
                while scp._connections:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(held.join, 10)
            assert held.is_aborted
        finally:
            scp.close()

    asyncio.run(run())


def test_who_connects_and_says_nothing_is_cut_and_too_many_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(receiver, "MAX_CONNECTIONS", 3)

    async def run() -> None:
        scp = Receiver()
        await scp.listen(Settings.model_validate(RECEIVER))
        try:
            async with asyncio.timeout(10):
                opened = [await asyncio.open_connection("127.0.0.1", scp.port) for _ in range(5)]
                for reader, writer in opened:
                    assert await reader.read() == b""
                    writer.close()
            assert not scp._connections
        finally:
            scp.close()

    asyncio.run(run())


def test_each_move_is_given_its_own_instances_and_what_nobody_waits_for_is_refused() -> None:
    async def run() -> None:
        scp = Receiver()
        await scp.listen(Settings.model_validate(RECEIVER))
        one, other = Arrivals(keep=1 << 16), Arrivals()
        try:
            with scp.move(one) as first, scp.move(other) as second:
                assert first.message_id != second.message_id
                statuses = await asyncio.to_thread(
                    send, scp.port, [first.message_id, second.message_id, first.message_id, 60000, None]
                )
        finally:
            scp.close()
        assert statuses == [0, 0, 0, receiver.NOT_AUTHORIZED, receiver.NOT_AUTHORIZED]
        assert (one.count, other.count) == (2, 1)
        assert read(one.last, one.last_transfer_syntax).SOPInstanceUID == "1.2.3.3"
        assert other.last == b""

    def send(port: int, originators: list[int | None]) -> list[int]:
        entity = AE("ARCHIVE")
        entity.add_requested_context(SecondaryCaptureImageStorage)
        association = entity.associate("127.0.0.1", port, ae_title="PROBE_SCP")
        statuses = [
            association.send_c_store(
                dataset,
                originator_aet=None if originator is None else "VNAOPS_PROBE",
                originator_id=originator,
            ).Status
            for originator, (_, dataset) in zip(originators, images(9), strict=False)
        ]
        association.release()
        return statuses

    asyncio.run(run())


@pytest.fixture(autouse=True)
def _odd_peers_take_retrievals(monkeypatch: pytest.MonkeyPatch) -> None:
    syntaxes = [uids.EXPLICIT_VR_LITTLE_ENDIAN]
    more = {uids.STUDY_ROOT_GET: syntaxes, uids.STUDY_ROOT_MOVE: syntaxes, uids.STORAGE_COMMITMENT_PUSH_MODEL: syntaxes}
    monkeypatch.setattr(odd_scp, "SUPPORTED", odd_scp.SUPPORTED | more)


GET = {"prober": "get", "called_ae_title": "ODD", "level": "study", "match": {"StudyInstanceUID": "1.2"}}


async def sending_for_ever(peer: Peer) -> None:
    await peer.accept()
    asked = await peer.message()
    context = peer.association.context_for(uids.SECONDARY_CAPTURE_IMAGE_STORAGE)
    while True:
        store = store_request(1, context.abstract_syntax, "1.2.3.4")
        peer.writer.writelines(peer.association.message(context.id, store, bytes(1 << 20)))
        await peer.writer.drain()
        if not isinstance(await peer.event(), Message):
            return
        pending = response(asked.command, PENDING)
        pending.completed_suboperations, pending.remaining_suboperations = 1, 65535
        peer.writer.writelines(peer.association.message(asked.context_id, pending))


def test_an_endless_retrieval_costs_the_deadline_and_keeps_nothing() -> None:
    done = probed_oddly(sending_for_ever, GET, seconds=1.0)

    assert done.outcome is Outcome.TIMED_OUT
    assert value(done, 'dicom_probe_suboperations{state="remaining"}') == 65535
    assert done.bytes_received > 1 << 20


def reporting(completed: int, failed: int, status: int = 0) -> odd_scp.Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.accept()
        asked = await peer.message()
        last = response(asked.command, status)
        last.completed_suboperations, last.failed_suboperations = completed, failed
        peer.writer.writelines(peer.association.message(asked.context_id, last))
        await odd_scp.end(peer)

    return behaviour


@pytest.mark.parametrize("prober", ["get", "move"])
@pytest.mark.parametrize(
    ("behaviour", "outcome", "words"),
    [
        (reporting(2, 0), Outcome.UNEXPECTED_CONTENT, "0 instances came, where 2 were reported or wanted"),
        (reporting(0, 0), Outcome.UNEXPECTED_CONTENT, "0 instances came, where 1 were reported or wanted"),
        (reporting(0, 3, 0xB000), Outcome.FAILURE_STATUS, "was answered with status 0xb000, 3 sub-operations failed"),
        (reporting(0, 0, 0xA701), Outcome.FAILURE_STATUS, "was answered with status 0xa701, 0 sub-operations failed"),
    ],
)
def test_a_retrieval_that_brings_less_than_it_says_has_failed(
    prober: str, behaviour: odd_scp.Behaviour, outcome: Outcome, words: str
) -> None:
    done = probed_oddly(behaviour, GET | {"prober": prober}, listen=True)

    assert done.outcome is outcome
    assert str(reason(done)).endswith(words)


def committing(event_type: int, *, stranger_first: bool = False, release: bool = False) -> odd_scp.Behaviour:
    """Commits over the same association; perhaps first somebody else's transaction."""

    async def behaviour(peer: Peer) -> None:
        await peer.accept()
        peer.answer(await peer.message())
        asked = await peer.message()
        assert asked.command.command_field == CommandField.N_ACTION_RQ
        peer.answer(asked)
        information = read(asked.data_set or b"", uids.EXPLICIT_VR_LITTLE_ENDIAN)
        (referenced,) = information.ReferencedSOPSequence
        if release:
            peer.writer.write(peer.association.release())
            await peer.until_closed()
            return
        if stranger_first:
            await report(peer, asked, COMMITTED, "1.2.3", referenced)
        await report(peer, asked, event_type, information.TransactionUID, referenced)
        await odd_scp.end(peer)

    async def report(peer: Peer, asked: Message, event_type: int, transaction: str, referenced: Dataset) -> None:
        said = Dataset()
        said.TransactionUID = transaction
        if event_type == COMMITTED:
            said.ReferencedSOPSequence = [referenced]
        else:
            referenced.FailureReason = 0x0112
            said.FailedSOPSequence = [referenced]
        request = event_report_request(
            1, uids.STORAGE_COMMITMENT_PUSH_MODEL, uids.STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE, event_type
        )
        encoded = encode(said, uids.EXPLICIT_VR_LITTLE_ENDIAN)
        peer.writer.writelines(peer.association.message(asked.context_id, request, encoded))
        answer = await peer.message()
        assert answer.command.command_field == CommandField.N_EVENT_REPORT_RSP
        assert answer.command.status == 0

    return behaviour


@pytest.mark.parametrize("stranger_first", [False, True])
def test_a_report_over_the_same_association_is_taken(stranger_first: bool) -> None:
    done = probed_oddly(committing(COMMITTED, stranger_first=stranger_first), COMMITMENT)

    assert done.outcome is Outcome.ACCEPTED, done.log


def test_an_instance_that_is_not_committed_is_a_failure_with_its_reason() -> None:
    done = probed_oddly(committing(FAILURES_EXIST), COMMITMENT)

    assert (done.outcome, reason(done)) == (
        Outcome.FAILURE_STATUS,
        "the instance was not committed; reasons: 0x0112",
    )


def test_a_release_before_the_report_is_a_violation_where_nothing_else_could_bring_it() -> None:
    done = probed_oddly(committing(COMMITTED, release=True), COMMITMENT)

    assert (done.outcome, reason(done)) == (Outcome.PROTOCOL_VIOLATION, "ReleaseRequest instead of a report")


def test_a_report_that_never_comes_costs_the_deadline() -> None:
    async def silent(peer: Peer) -> None:
        await peer.accept()
        peer.answer(await peer.message())
        peer.answer(await peer.message())
        await peer.until_closed()

    done: Probe = probed_oddly(silent, COMMITMENT, seconds=0.5)

    assert (done.outcome, done.duration < 5) == (Outcome.TIMED_OUT, True)
    assert done.phases["report"] > 0.1
