"""The codec with real peers, in both roles: dcmtk, pynetdicom and Orthanc."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from exporters.dimse import command as commands
from exporters.dimse import negotiate, uids
from exporters.dimse.association import Association, Event, propose
from exporters.dimse.items import RoleSelection, UserIdentity, UserInformation
from exporters.dimse.message import Message
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.stream import Buffer
from tests.peers.dcmtk import run_scu, storescp
from tests.peers.orthanc import orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp

CT = str(CTImageStorage)
EXPLICIT = uids.EXPLICIT_VR_LITTLE_ENDIAN
SUPPORTED = {uids.VERIFICATION: [uids.IMPLICIT_VR_LITTLE_ENDIAN], CT: [EXPLICIT]}


class Wire:
    """An association on a blocking socket."""

    def __init__(self, connection: socket.socket, association: Association) -> None:
        connection.settimeout(30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection, self.association = connection, association

    def send(self, *buffers: Buffer) -> None:
        self.connection.sendall(b"".join(buffers))

    def event(self) -> Event:
        while (event := self.association.next_event()) is None:
            data = self.connection.recv(65536)
            assert data, "the peer closed the connection"
            self.association.feed(data)
        return event

    def message(self) -> Message:
        event = self.event()
        assert isinstance(event, Message), event
        return event

    def ask(self, context_id: int, command: commands.Command, data: Buffer | None = None) -> Message:
        self.send(*self.association.message(context_id, command, data))
        return self.message()


@contextmanager
def associated(port: int, request: AssociateRequest) -> Iterator[Wire]:
    """As requestor; the association is released afterwards."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        wire = Wire(connection, Association.requestor(request))
        wire.send(wire.association.open())
        accepted = wire.event()
        assert isinstance(accepted, AssociateAccept), accepted
        yield wire
        wire.send(wire.association.release())
        assert isinstance(wire.event(), ReleaseReply)


def request(called: str, *syntaxes: str, user: UserInformation | None = None) -> AssociateRequest:
    # one transfer syntax per context: of several pynetdicom takes the one that it likes best
    contexts = propose([(syntax, SUPPORTED.get(syntax, [EXPLICIT])) for syntax in syntaxes])
    return AssociateRequest(called, "CODEC", contexts, user or UserInformation())


def encoded(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    value: bytes = buffer.getvalue()
    return value


def slices(count: int) -> list[Dataset]:
    """CT images of one study, grown to half a megabyte, so that they take many PDUs."""
    made = []
    study = uids.new_uid()
    for number in range(count):
        dataset = dcmread(get_testdata_file("CT_small.dcm"))
        del dataset[0xFFFCFFFC]  # trailing padding, which dcmtk does not keep
        dataset.PatientID, dataset.PatientName = "VNAOPS-TEST-1", "VNAOPS^TEST"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, study + ".1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uids.new_uid()
        dataset.Rows = dataset.Columns = 512
        dataset.PixelData = bytes((number + n) % 251 for n in range(4096)) * 128
        made.append(dataset)
    return made


def store(wire: Wire, dataset: Dataset) -> int | None:
    association = wire.association
    message_id, context = association.next_message_id(), association.context_for(CT, EXPLICIT)
    exchange = association.storing(context)
    wire.send(*exchange.request(message_id, str(dataset.SOPInstanceUID), [encoded(dataset)]))
    answer = wire.message().command
    assert answer.message_id_responded_to == message_id
    return answer.status


@pytest.mark.parametrize("pdu_length", [4096, 131072])
def test_dcmtk_stores_byte_for_byte_what_was_sent(pdu_length: int) -> None:
    sent = slices(2)
    with storescp(["-pdu", str(pdu_length)]) as server:
        with associated(server.port, request("STORESCP", CT)) as wire:
            assert wire.association.peer_max_length == pdu_length
            assert [store(wire, dataset) for dataset in sent] == [0, 0]
        received = {str(dataset.SOPInstanceUID): dataset for dataset in map(dcmread, server.files())}

    assert [encoded(received[str(dataset.SOPInstanceUID)]) for dataset in sent] == [encoded(one) for one in sent]


def test_pynetdicom_stores_what_was_sent_whatever_its_pdu_length() -> None:
    (sent,) = slices(1)
    for length in (0, 1024, 16382):
        with pynetdicom_scp(sop_classes=[CT], max_pdu_length=length) as server:
            with associated(server.port, request("PYNETDICOM", CT)) as wire:
                assert store(wire, sent) == 0
            (received,) = server.received
            assert received.PixelData == sent.PixelData


def test_orthanc_finds_and_returns_what_was_stored() -> None:
    sent = slices(3)
    user = UserInformation(max_length=32768, roles=(RoleSelection(CT, scu=True, scp=True),))
    find, get = uids.STUDY_ROOT_FIND, uids.STUDY_ROOT_GET
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID, query.SOPInstanceUID = "IMAGE", sent[0].StudyInstanceUID, ""
    query.SeriesInstanceUID = sent[0].SeriesInstanceUID
    series = Dataset()
    series.QueryRetrieveLevel, series.StudyInstanceUID = "SERIES", sent[0].StudyInstanceUID
    series.SeriesInstanceUID = sent[0].SeriesInstanceUID
    with orthanc() as server, associated(server.dicom_port, request("ORTHANC", CT, find, get, user=user)) as wire:
        association = wire.association
        assert [store(wire, dataset) for dataset in sent] == [0, 0, 0]

        context = association.context_for(find)
        wire.send(*association.message(context.id, commands.find_request(9, find), encoded(query)))
        found, answer = [], wire.message()
        while answer.command.status in (0xFF00, 0xFF01):
            assert answer.data_set is not None
            found.append(explicit(answer.data_set))
            answer = wire.message()
        assert answer.command.status == 0
        assert {str(one.SOPInstanceUID) for one in found} == {str(one.SOPInstanceUID) for one in sent}

        assert association.context_for(CT).requestor_is_scp
        context = association.context_for(get)
        wire.send(*association.message(context.id, commands.get_request(10, get), encoded(series)))
        back = {}
        while (answer := wire.message()).command.command_field != commands.CommandField.C_GET_RSP or (
            answer.command.status == 0xFF00
        ):
            if answer.command.command_field == commands.CommandField.C_STORE_RQ:
                assert answer.data_set is not None
                back[answer.command.affected_sop_instance_uid] = explicit(answer.data_set).PixelData
                wire.send(*association.message(answer.context_id, commands.response(answer.command, 0)))
        assert (answer.command.status, answer.command.completed_suboperations) == (0, 3)
    assert back == {str(one.SOPInstanceUID): one.PixelData for one in sent}


def explicit(data: Buffer) -> Dataset:
    """A data set in explicit VR little endian, read by pydicom."""
    meta = b"\x02\0\x10\0UI\x14\x00" + EXPLICIT.encode() + b"\0"
    read: Dataset = dcmread(BytesIO(bytes(128) + b"DICM" + meta + bytes(data)))
    return read


def test_pynetdicom_is_told_the_user_identity_and_answers() -> None:
    def known(event: evt.Event) -> tuple[bool, bytes | None]:
        return (event.primary_field, event.secondary_field) == (b"prober", b"passcode"), None

    with pynetdicom_scp(handlers={evt.EVT_USER_ID: known}) as server:
        for passcode, accepted in ((b"passcode", True), (b"wrong", False)):
            user = UserInformation(identity=UserIdentity(2, b"prober", passcode))
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                wire = Wire(connection, Association.requestor(request("PYNETDICOM", uids.VERIFICATION, user=user)))
                wire.send(wire.association.open())
                assert isinstance(wire.event(), AssociateAccept if accepted else AssociateReject)
                wire.send(wire.association.abort())


def serve(listener: socket.socket, received: list[Message]) -> list[Event]:
    """As acceptor: one association to its end; every message is answered with success."""
    connection, _ = listener.accept()
    with connection:
        wire, events = Wire(connection, Association.acceptor()), list[Event]()
        while not events or not isinstance(events[-1], ReleaseRequest | Abort):
            event = wire.event()
            if isinstance(event, Message):
                received.append(event)
                wire.send(*wire.association.message(event.context_id, commands.response(event.command, 0)))
                continue
            events.append(event)
            if isinstance(event, AssociateRequest):
                user = UserInformation(max_length=8192)
                wire.send(wire.association.accept_with(negotiate.answer(event, SUPPORTED, user=user)))
            elif isinstance(event, ReleaseRequest):
                wire.send(wire.association.release_reply())
        return events


@contextmanager
def acceptor() -> Iterator[tuple[int, list[Message], "Future[list[Event]]"]]:
    """One association is served: port, received messages, and the other events once it is over."""
    received: list[Message] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(30)
        yield listener.getsockname()[1], received, pool.submit(serve, listener, received)


def test_echoscu_is_answered() -> None:
    with acceptor() as (port, received, served):
        ran = run_scu("echoscu", "-v", "--repeat", "3", "-aet", "ECHOSCU", "-aec", "CODEC", "127.0.0.1", str(port))
        asked, released = served.result()

    assert ran.returncode == 0, ran.stderr
    assert isinstance(asked, AssociateRequest)
    assert (asked.calling_ae_title, asked.called_ae_title) == ("ECHOSCU", "CODEC")
    assert isinstance(released, ReleaseRequest)
    assert [message.command.command_field for message in received] == [0x0030] * 3


def test_echoscu_aborting_is_an_event() -> None:
    with acceptor() as (port, _, served):
        run_scu("echoscu", "--abort", "127.0.0.1", str(port))
        assert served.result()[-1] == Abort(0, 0)


def test_storescu_stores_to_the_codec(tmp_path: Path) -> None:
    sent = slices(3)
    for number, dataset in enumerate(sent):
        dataset.save_as(tmp_path / f"{number}.dcm")
    with acceptor() as (port, received, served):
        ran = run_scu("storescu", "-R", "+sd", "127.0.0.1", str(port), str(tmp_path))
        served.result()

    assert ran.returncode == 0, ran.stderr
    assert {bytes(message.data_set or b"") for message in received} == {encoded(dataset) for dataset in sent}


def test_pynetdicom_stores_to_the_codec_and_is_released() -> None:
    (sent,) = slices(1)
    entity = AE("SCU")
    entity.add_requested_context(Verification)
    entity.add_requested_context(CT, EXPLICIT)
    with acceptor() as (port, received, served):
        association = entity.associate("127.0.0.1", port)
        assert association.is_established
        assert association.send_c_echo().Status == 0
        assert association.send_c_store(sent).Status == 0
        association.release()
        assert association.is_released
        served.result()

    assert received[1].data_set == bytearray(encoded(sent))
    assert received[1].command.affected_sop_instance_uid == sent.SOPInstanceUID
