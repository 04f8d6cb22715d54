"""Our SCP: called by dcmtk, pynetdicom and Orthanc, as destination of C-MOVE, over TLS, with instances of any size."""

import hashlib
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from exporters.dimse import uids
from exporters.dimse.command import Command
from exporters.dimse.message import Message
from loadtests.engine import errors
from loadtests.engine.scp import Scp
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import CT, EXPLICIT, IMPLICIT, Image, decoded, identifier, images
from tests.peers.dcmtk import run_scu
from tests.peers.orthanc import orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp
from tests.peers.seaweedfs import free_ports
from tests.peers.tls import make_certificate

STORE = [(CT, [EXPLICIT])]
MOVE = [(uids.STUDY_ROOT_MOVE, [IMPLICIT]), (uids.STUDY_ROOT_FIND, [IMPLICIT])]


class Received:
    """What an SCP was sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.syntaxes: list[str] = []

    def __call__(self, message: Message, transfer_syntax: str) -> int:
        self.messages.append(message)
        self.syntaxes.append(transfer_syntax)
        return 0

    @property
    def data_sets(self) -> dict[str | None, bytes]:
        return {one.command.affected_sop_instance_uid: bytes(one.data_set or b"") for one in self.messages}


def store_all(port: int, sent: list[Image], called: str = "ANY") -> None:
    with Scu(Target("127.0.0.1", port, called), STORE) as scu:
        for image in sent:
            assert scu.store(CT, image.sop_instance_uid, EXPLICIT, image.buffers).status == 0


def test_our_own_scu_stores_to_it_and_the_bytes_are_the_same() -> None:
    sent, received = images(5), Received()
    with Scp(received) as scp:
        store_all(scp.port, sent)

    assert received.data_sets == {image.sop_instance_uid: image.encoded for image in sent}
    assert set(received.syntaxes) == {EXPLICIT}
    assert scp.failures == []


@pytest.mark.parametrize("length", [4096, 65536, 0])
def test_any_pdu_length_of_ours_is_kept_to_by_the_peer(length: int, tmp_path: Path) -> None:
    sent, received = images(2), Received()
    write(tmp_path, sent)
    with Scp(received, max_length=length) as scp:
        ran = run_scu("storescu", "-R", "+sd", "127.0.0.1", str(scp.port), str(tmp_path))

    assert ran.returncode == 0, ran.stderr
    assert received.data_sets == {image.sop_instance_uid: image.encoded for image in sent}


def write(folder: Path, sent: list[Image]) -> None:
    for image in sent:
        data_set = decoded(image.encoded)
        data_set.file_meta.MediaStorageSOPClassUID = CT
        data_set.file_meta.MediaStorageSOPInstanceUID = image.sop_instance_uid
        data_set.save_as(folder / f"{image.sop_instance_uid}.dcm", enforce_file_format=True)


def test_echoscu_is_answered() -> None:
    with Scp(Received()) as scp:
        ran = run_scu("echoscu", "-v", "--repeat", "3", "127.0.0.1", str(scp.port))

    assert ran.returncode == 0, ran.stderr
    assert scp.failures == []


def test_pynetdicom_stores_to_it_and_is_told_a_failure() -> None:
    received, entity = Received(), AE()
    (image,) = images(1)
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage, EXPLICIT)

    def full(message: Message, transfer_syntax: str) -> int:
        received(message, transfer_syntax)
        return 0xA700 if len(received.messages) == 2 else 0

    with Scp(full) as scp:
        association = entity.associate("127.0.0.1", scp.port)
        assert association.send_c_echo().Status == 0
        statuses = [association.send_c_store(decoded(image.encoded)).Status for _ in range(2)]
        association.release()

    assert statuses == [0, 0xA700]


def test_what_its_handler_raises_is_a_processing_failure_and_kept() -> None:
    def broken(message: Message, _: str) -> int:
        raise RuntimeError("no room")

    (image,) = images(1, 10240)
    with (
        Scp(broken) as scp,
        Scu(Target("127.0.0.1", scp.port, "ANY"), STORE) as scu,
        pytest.raises(errors.StatusError) as failed,
    ):
        scu.store(CT, image.sop_instance_uid, EXPLICIT, image.buffers)

    assert failed.value.status == 0x0110
    assert [str(error) for error in scp.failures] == ["no room"]


def test_orthanc_moves_a_study_to_it_unchanged() -> None:
    sent, received, (port,) = images(6), Received(), free_ports(1)
    with (
        orthanc(modalities={"load": ("VNAOPS_LOAD", "127.0.0.1", port)}) as archive,
        Scp(received, port=port, preferred=[EXPLICIT]) as scp,
    ):
        store_all(archive.dicom_port, sent, archive.ae_title)
        progress: list[Command] = []
        with Scu(Target("127.0.0.1", archive.dicom_port, archive.ae_title), MOVE) as scu:
            wanted = identifier("STUDY", StudyInstanceUID=sent[0].study_uid)
            moved = scu.move(uids.STUDY_ROOT_MOVE, "VNAOPS_LOAD", wanted, progress.append)
            with pytest.raises(errors.StatusError):
                scu.move(uids.STUDY_ROOT_MOVE, "NOBODY", wanted)

    assert (moved.status, moved.completed, moved.failed) == (0, 6, 0)
    assert {name: decoded(data).PixelData for name, data in received.data_sets.items()} == {
        image.sop_instance_uid: decoded(image.encoded).PixelData for image in sent
    }
    assert {one.command.move_originator_ae_title for one in received.messages} == {"VNAOPS_LOAD"}
    assert scp.failures == []


def test_dcmqrscp_moves_a_study_to_it(tmp_path: Path) -> None:
    sent, received = images(4), Received()
    with Scp(received) as scp, dcmqrscp(tmp_path, scp.port) as port:
        store_all(port, sent, "ARCHIVE")
        with Scu(Target("127.0.0.1", port, "ARCHIVE"), MOVE) as scu:
            progress: list[Command] = []
            wanted = identifier("STUDY", StudyInstanceUID=sent[0].study_uid)
            moved = scu.move(uids.STUDY_ROOT_MOVE, "VNAOPS_LOAD", wanted, progress.append)

    assert (moved.status, moved.completed, moved.failed) == (0, 4, 0)
    assert len(progress) >= 3
    assert received.data_sets.keys() == {image.sop_instance_uid for image in sent}


@contextmanager
def dcmqrscp(folder: Path, destination: int) -> Iterator[int]:
    """dcmtk's archive; its port."""
    (port,) = free_ports(1)
    (folder / "store").mkdir()
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nload = (VNAOPS_LOAD, localhost, {destination})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {folder}/store RW (10, 1024mb) ANY\nAETable END\n"
    )
    command = ["/usr/bin/dcmqrscp", "-c", str(folder / "dcmqrscp.cfg"), str(port)]
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stderr=subprocess.DEVNULL) as process:
        try:
            pause = threading.Event()
            while f":{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
                assert process.poll() is None, "dcmqrscp ended"
                pause.wait(0.02)
            yield port
        finally:
            process.kill()


def test_pynetdicom_moves_to_it() -> None:
    sent, received = images(3, 10240), Received()

    with Scp(received) as scp:

        def serve(event: evt.Event) -> Iterator[object]:
            yield "127.0.0.1", scp.port, {"contexts": [build_context(CTImageStorage, EXPLICIT)]}
            yield len(sent)
            for image in sent:
                yield 0xFF00, decoded(image.encoded)

        with (
            pynetdicom_scp(
                sop_classes=[StudyRootQueryRetrieveInformationModelMove], handlers={evt.EVT_C_MOVE: serve}
            ) as peer,
            Scu(Target("127.0.0.1", peer.port, peer.ae_title), MOVE) as scu,
        ):
            wanted = identifier("STUDY", StudyInstanceUID=sent[0].study_uid)
            moved = scu.move(uids.STUDY_ROOT_MOVE, "VNAOPS_LOAD", wanted)

    assert (moved.completed, moved.failed, moved.warning) == (3, 0, 0)
    assert received.data_sets.keys() == {image.sop_instance_uid for image in sent}


@pytest.mark.parametrize(("asked", "granted"), [(1, 1), (4, 4), (64, 8), (0, 8)])
def test_a_window_is_granted_up_to_ours(asked: int, granted: int) -> None:
    sent, received = images(20, 10240), Received()
    with Scp(received, window=8) as scp, Scu(Target("127.0.0.1", scp.port, "ANY", window=asked), STORE) as scu:
        assert scu.window == granted
        done = [one.instance for one in scu.store_many(sent)]

    assert done == sent
    assert received.data_sets == {image.sop_instance_uid: image.encoded for image in sent}


def test_over_tls_everything_is_the_same(tmp_path: Path) -> None:
    certificate, sent, received = make_certificate(tmp_path), images(5), Received()
    with Scp(received, tls=certificate.server()) as scp:
        target = Target("127.0.0.1", scp.port, "ANY", tls=certificate.client())
        with Scu(target, [*STORE, (uids.VERIFICATION, [IMPLICIT])]) as scu:
            assert scu.echo().status == 0
            assert all(scu.store(CT, one.sop_instance_uid, EXPLICIT, one.buffers).status == 0 for one in sent)

    assert scu.phases.tls > 0
    assert received.data_sets == {image.sop_instance_uid: image.encoded for image in sent}
    assert scp.failures == []


def test_dcmtk_stores_to_it_over_tls(tmp_path: Path) -> None:
    certificate, sent, received = make_certificate(tmp_path), images(2), Received()
    (tmp_path / "sent").mkdir()
    write(tmp_path / "sent", sent)
    with Scp(received, tls=certificate.server()) as scp:
        options = ["+tla", "+cf", str(certificate.certificate), "-R", "+sd"]
        ran = run_scu("storescu", *options, "127.0.0.1", str(scp.port), str(tmp_path / "sent"))

    assert ran.returncode == 0, ran.stderr
    assert received.data_sets == {image.sop_instance_uid: image.encoded for image in sent}


def test_a_certificate_that_is_not_trusted_ends_the_connection_in_words(tmp_path: Path) -> None:
    for folder in ("ours", "another"):
        (tmp_path / folder).mkdir()
    certificate, another = make_certificate(tmp_path / "ours"), make_certificate(tmp_path / "another")
    with (
        Scp(Received(), tls=certificate.server()) as scp,
        pytest.raises(errors.ConnectError, match="self-signed certificate") as failed,
    ):
        Scu(Target("127.0.0.1", scp.port, "ANY", tls=another.client()), STORE)

    assert failed.value.kind == "no TLS"


class Hash:
    """A sink that hashes."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b()

    def write(self, data: memoryview) -> None:
        self._hash.update(data)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


def test_an_instance_of_more_than_two_gigabytes_needs_no_memory_at_either_end() -> None:
    (image,) = images(1, 10240)
    block = memoryview(bytes(1 << 20))
    buffers = (*image.buffers, *[block] * 2100)  # 2.2 GB, of one megabyte in memory
    expected, size = hashlib.blake2b(), sum(map(len, buffers))
    for buffer in buffers:
        expected.update(buffer)
    digests: list[tuple[int, bytes]] = []

    def on_instance(message: Message, _: str) -> int:
        assert isinstance(message.sink, Hash)
        digests.append((message.size, message.sink.digest))
        return 0

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        Scp(on_instance, open_sink=lambda _, __: Hash()) as scp,
        Scu(Target("127.0.0.1", scp.port, "ANY", answer_timeout=250), STORE) as scu,
    ):
        assert scu.store(CT, image.sop_instance_uid, EXPLICIT, buffers).status == 0
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert size > 1 << 31
    assert digests == [(size, expected.digest())]
    assert grown < 100_000, f"{grown} KB"


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import pathlib, tempfile
import gevent
from loadtests.engine.scp import Scp
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import CT, EXPLICIT, images
from tests.peers.tls import make_certificate

def store(port, tls=None):
    with Scu(Target("127.0.0.1", port, "ANY", tls=tls), [(CT, [EXPLICIT])]) as scu:
        for one in images(5):
            assert scu.store(CT, one.sop_instance_uid, EXPLICIT, one.buffers).status == 0

with tempfile.TemporaryDirectory() as folder:
    certificate, received = make_certificate(pathlib.Path(folder)), []
    for server, client in ((None, None), (certificate.server(), certificate.client())):
        with Scp(lambda message, _: received.append(message.size) or 0, tls=server) as scp:
            gevent.joinall([gevent.spawn(store, scp.port, client) for _ in range(8)], raise_error=True)
            open = Scu(Target("127.0.0.1", scp.port, "ANY", tls=client), [(CT, [EXPLICIT])])
        assert scp.failures == [], scp.failures
        open.abort()
print(len(received))
"""


def test_it_serves_under_gevent_and_over_tls_and_ends_with_an_association_open() -> None:
    command = [sys.executable, "-c", UNDER_GEVENT]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[4], check=False
    )

    assert ran.stdout == "80\n", ran.stderr
