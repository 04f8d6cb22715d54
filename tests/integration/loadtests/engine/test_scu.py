"""The SCU against Orthanc, storescp and pynetdicom."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelGet, Verification

from exporters.dimse import uids
from exporters.dimse.command import Command
from exporters.dimse.message import Message
from loadtests.engine import errors
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import CT, EXPLICIT, IMPLICIT, Image, decoded, identifier, images
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp

STORE = [(CT, [EXPLICIT])]
QUERY = [(uids.STUDY_ROOT_FIND, [IMPLICIT]), (uids.STUDY_ROOT_GET, [IMPLICIT])]


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as running:
        yield running


def store(scu: Scu, image: Image) -> int:
    return scu.store(image.sop_class_uid, image.sop_instance_uid, image.transfer_syntax, image.buffers).status


def target_of(archive: Orthanc) -> Target:
    return Target("127.0.0.1", archive.dicom_port, archive.ae_title)


def test_what_was_stored_is_found_and_comes_back_unchanged(archive: Orthanc) -> None:
    sent, came = images(7), dict[str, bytes]()
    with Scu(target_of(archive), STORE) as scu:
        assert [store(scu, image) for image in sent] == [0] * 7

    def on_instance(message: Message, transfer_syntax: str) -> int:
        assert transfer_syntax == EXPLICIT
        data_set = decoded(message.data_set or b"")
        came[data_set.SOPInstanceUID] = data_set.PixelData
        return 0

    with Scu(target_of(archive), [*QUERY, *STORE], retrieves=[CT]) as scu:
        wanted = identifier("STUDY", StudyInstanceUID=sent[0].study_uid)
        matches = list(scu.find(uids.STUDY_ROOT_FIND, wanted))
        got = scu.get(uids.STUDY_ROOT_GET, wanted, on_instance)

    assert len(matches) == 1
    assert sent[0].study_uid.encode() in matches[0]
    assert (got.completed, got.failed, got.warning) == (7, 0, 0)
    assert came == {image.sop_instance_uid: decoded(image.encoded).PixelData for image in sent}


class Total:
    """A sink that counts."""

    def __init__(self) -> None:
        self.size = 0
        self.pieces = 0

    def write(self, data: memoryview) -> None:
        self.size += len(data)
        self.pieces += 1


def test_what_comes_can_go_to_a_sink_piece_by_piece(archive: Orthanc) -> None:
    sent, sinks = images(3), dict[str, Total]()

    def open_sink(request: Command, transfer_syntax: str) -> Total:
        assert transfer_syntax == EXPLICIT
        return sinks.setdefault(request.affected_sop_instance_uid or "", Total())

    def on_instance(message: Message, _: str) -> int:
        assert message.data_set is None
        assert message.sink is sinks[message.command.affected_sop_instance_uid or ""]
        assert message.size == sinks[message.command.affected_sop_instance_uid or ""].size > 524288
        return 0

    with Scu(target_of(archive), [*QUERY, *STORE], retrieves=[CT]) as scu:
        for image in sent:
            store(scu, image)
        wanted = identifier("STUDY", StudyInstanceUID=sent[0].study_uid)
        got = scu.get(uids.STUDY_ROOT_GET, wanted, on_instance, open_sink)

    assert got.completed == 3
    assert set(sinks) == {image.sop_instance_uid for image in sent}
    assert all(sink.pieces > 3 for sink in sinks.values())


def test_a_query_without_a_match_ends_without_one(archive: Orthanc) -> None:
    with Scu(target_of(archive), QUERY) as scu:
        assert list(scu.find(uids.STUDY_ROOT_FIND, identifier("STUDY", AccessionNumber="NOBODY"))) == []


def test_one_association_serves_many_operations(archive: Orthanc) -> None:
    with Scu(target_of(archive), [(uids.VERIFICATION, [IMPLICIT])]) as scu:
        answers = [scu.echo() for _ in range(50)]

    assert all(answer.status == 0 and 0 < answer.request_seconds < answer.seconds < 30 for answer in answers)
    phases = scu.phases
    assert min(phases.resolve, phases.connect, phases.associate, phases.release) > 0
    assert phases.tls == 0


@pytest.mark.parametrize("longest", ["4096", "16384", "131072"])
def test_any_pdu_length_of_the_peer_is_kept_to(longest: str) -> None:
    sent = images(3)

    with storescp(["+B", "-pdu", longest, "+xa"]) as peer:
        with Scu(Target("127.0.0.1", peer.port, peer.ae_title), STORE) as scu:
            for image in sent:
                assert store(scu, image) == 0
        stored = {file.SOPInstanceUID: file.PixelData for file in map(dcmread, peer.files())}

    assert stored == {image.sop_instance_uid: decoded(image.encoded).PixelData for image in sent}


def test_pynetdicom_takes_what_is_stored_and_tells_its_pdu_length() -> None:
    (sent,) = images(1)
    with pynetdicom_scp(sop_classes=[Verification, CTImageStorage], max_pdu_length=8192) as peer:
        with Scu(Target("127.0.0.1", peer.port, peer.ae_title), [*STORE, (uids.VERIFICATION, [IMPLICIT])]) as scu:
            assert scu.echo().status == 0
            assert store(scu, sent) == 0
        (received,) = peer.received

    assert received.PixelData == decoded(sent.encoded).PixelData


def test_a_window_that_pynetdicom_does_not_negotiate_is_one() -> None:
    sent = images(5, 10240)
    with pynetdicom_scp(sop_classes=[CTImageStorage]) as peer:
        with Scu(Target("127.0.0.1", peer.port, peer.ae_title, window=8), STORE) as scu:
            assert scu.window == 1
            stored = [done.instance for done in scu.store_many(sent)]
        received = {one.SOPInstanceUID for one in peer.received}

    assert stored == sent
    assert received == {image.sop_instance_uid for image in sent}


def test_pynetdicoms_sub_operations_over_our_own_association() -> None:
    sent = images(3, 10240)

    def serve(event: evt.Event) -> Iterator[object]:
        assert event.identifier.QueryRetrieveLevel == "STUDY"
        yield len(sent)
        for image in sent:
            data_set = decoded(image.encoded)
            yield 0xFF00, data_set

    came = []

    def on_instance(message: Message, _: str) -> int:
        came.append(message.command.affected_sop_instance_uid)
        return 0xA700 if len(came) == 2 else 0

    with pynetdicom_scp(
        sop_classes=[CTImageStorage, StudyRootQueryRetrieveInformationModelGet],
        roles=[CTImageStorage],
        handlers={evt.EVT_C_GET: serve},
    ) as peer:
        target = Target("127.0.0.1", peer.port, peer.ae_title)
        with Scu(target, [*QUERY, *STORE], retrieves=[CT]) as scu:
            got = scu.get(uids.STUDY_ROOT_GET, identifier("STUDY", StudyInstanceUID=sent[0].study_uid), on_instance)

    assert came == [image.sop_instance_uid for image in sent]
    assert (got.completed, got.failed, got.warning) == (2, 1, 0)


def test_pynetdicoms_failing_query_is_a_status() -> None:
    def fails(_: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xA700, None

    with pynetdicom_scp(sop_classes=[uids.STUDY_ROOT_FIND], handlers={evt.EVT_C_FIND: fails}) as peer:
        target = Target("127.0.0.1", peer.port, peer.ae_title)
        with Scu(target, QUERY) as scu:
            with pytest.raises(errors.StatusError) as failed:
                list(scu.find(uids.STUDY_ROOT_FIND, identifier("STUDY", StudyInstanceUID="")))
            assert failed.value.status == 0xA700


UNDER_GEVENT = """
import sys
from gevent import monkey
monkey.patch_all()
import gevent
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import CT, EXPLICIT, images
target = Target("127.0.0.1", int(sys.argv[1]), sys.argv[2])
def store():
    with Scu(target, [(CT, [EXPLICIT])]) as scu:
        for one in images(5):
            assert scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers).status == 0
gevent.joinall([gevent.spawn(store) for _ in range(8)], raise_error=True)
"""


def test_it_works_under_gevent_too(archive: Orthanc) -> None:
    before = archive.get("/statistics")["CountInstances"]

    command = [sys.executable, "-c", UNDER_GEVENT, str(archive.dicom_port), archive.ae_title]
    subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[4])

    assert archive.get("/statistics")["CountInstances"] == before + 40


def test_a_sop_class_that_the_peer_does_not_take_is_said_before_anything_is_sent() -> None:
    (image,) = images(1)
    with storescp() as peer:  # it takes the transfer syntaxes of uncompressed images only
        target = Target("127.0.0.1", peer.port, peer.ae_title)
        video = "1.2.840.10008.1.2.4.102"
        with Scu(target, [(CT, [video]), (uids.VERIFICATION, [IMPLICIT])]) as scu:
            with pytest.raises(errors.ContextError, match="accepted no presentation context"):
                scu.store(CT, image.sop_instance_uid, video, image.buffers)
            assert scu.echo().status == 0
