"""The tap between real peers: what they say is counted, what they send arrives."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pydicom.data
import pytest
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, SecondaryCaptureImageStorage, Verification

from exporters.dimse_tap.proxy_protocol import SIGNATURE_2
from tests.integration.exporters import tap_fuzz
from tests.peers.dcmtk import BIN, storescp
from tests.peers.orthanc import orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp
from tests.peers.tap import Tap, tap
from tests.peers.tls import make_certificate

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm")))


def storescu(port: int, *options: str) -> None:
    command: list[str | Path] = [
        BIN / "storescu",
        "-aet",
        "CT1",
        "-aec",
        "STORESCP",
        *options,
        "127.0.0.1",
        str(port),
        CT,
    ]
    subprocess.run(command, check=True, timeout=60)


def settled(through: Tap, name: str, value: float, **labels: str) -> None:
    """The relay's thread sees the last bytes a moment after the peers do."""
    end = threading.Event()
    for _ in range(500):
        if through.total(name, **labels) == value:
            return
        end.wait(0.01)
    assert through.total(name, **labels) == value


def test_a_store_by_dcmtk_arrives_identical_and_is_counted_with_its_labels() -> None:
    with storescp() as archive, tap(archive.port, known=["CT1"]) as through:
        storescu(through.port)
        assert pydicom.dcmread(archive.files()[0]).PixelData == pydicom.dcmread(CT).PixelData
        settled(through, "associations_total", 1, called="STORESCP", calling="CT1", end="released")
        labels = {"called": "STORESCP", "calling": "CT1"}
        store = {"operation": "C-STORE", "sop_class_group": "ct", "transfer_syntax": "explicit-le"}
        count = through.total("operation_duration_seconds_count", **labels, **store, status_class="success")
        assert count == 1
        assert through.total("association_setup_seconds_count", **labels, result="accepted") == 1
        assert through.value("instances_total", direction="to_archive", calling="CT1") == 1
        assert through.value("last_heard_timestamp_seconds", calling="CT1") > 0
        assert through.total("associations_open") == 0
        assert through.value("bytes_total", direction="to_archive") > CT.stat().st_size
        assert through.total("unparsed_total") == 0


def test_finds_of_a_real_archive_are_counted_by_their_responses() -> None:
    with orthanc() as archive, tap(archive.dicom_port) as through:
        storescu(through.port, "-aec", "ORTHANC")
        command: list[str | Path] = [
            BIN / "findscu",
            "-S",
            "-aet",
            "VIEWER",
            "-k",
            "QueryRetrieveLevel=STUDY",
            "-k",
            "StudyInstanceUID",
        ]
        subprocess.run([*command, "127.0.0.1", str(through.port)], check=True, timeout=60, capture_output=True)
        settled(through, "associations_total", 1, calling="VIEWER", end="released")
        find = {"operation": "C-FIND", "calling": "VIEWER"}
        assert through.total("first_response_seconds_count", **find) == 1
        assert through.total("operation_duration_seconds_count", **find, sop_class_group="query") == 1


def test_a_rejection_is_counted_with_its_reason_and_reaches_the_sender() -> None:
    with pynetdicom_scp(require_called_ae_title=True) as archive, tap(archive.port) as through:
        entity = AE(ae_title="CT1")
        entity.add_requested_context(Verification)
        association = entity.associate("127.0.0.1", through.port, ae_title="WRONG")
        assert association.is_rejected
        settled(through, "rejections_total", 1, source="service-user", reason="called-AE-title-not-recognized")
        settled(through, "associations_total", 1, called="other", calling="other", end="rejected")


def test_an_abort_is_counted_with_who_aborted() -> None:
    with pynetdicom_scp() as archive, tap(archive.port) as through:
        entity = AE(ae_title="CT1")
        entity.add_requested_context(SecondaryCaptureImageStorage)
        association = entity.associate("127.0.0.1", through.port, ae_title="PYNETDICOM")
        association.abort()
        settled(through, "aborts_total", 1, source="service-user")
        settled(through, "associations_total", 1, calling="CT1", end="aborted-by-service-user")


def test_an_archive_that_is_away_resets_the_sender_and_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tap(port) as through:
        with (
            pytest.raises(ConnectionResetError),  # on a busy machine the reset is there before connect() returns
            socket.create_connection(("127.0.0.1", through.port), timeout=10) as sender,
        ):
            sender.recv(1)
        settled(through, "connect_failures_total", 1)


def _congestion_control_towards(address: tuple[str, int]) -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError), socket.socket(fileno=os.dup(int(entry.name))) as end:
            if end.family == socket.AF_INET and end.getpeername() == address:
                found.append(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode())
    return found


def test_connections_to_the_archive_have_the_congestion_control_that_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as archive:
        address = archive.getsockname()
        with (
            tap(address[1], congestion_control="reno") as through,
            socket.create_connection(("127.0.0.1", through.port), timeout=10),
            archive.accept()[0],
        ):
            assert _congestion_control_towards(address) == ["reno"]


def test_a_congestion_control_that_the_kernel_has_not_is_refused_at_the_start() -> None:
    with (
        pytest.raises(OSError, match="the kernel has no congestion control 'nagle'"),
        tap(4242, congestion_control="nagle"),
    ):
        pass


def test_garbage_is_relayed_both_ways_and_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as archive, tap(archive.getsockname()[1]) as through:
        with socket.create_connection(("127.0.0.1", through.port), timeout=10) as sender:
            served = archive.accept()[0]
            with served:
                sender.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert served.recv(100) == b"GET / HTTP/1.0\r\n\r\n"
                served.sendall(b"HTTP/1.0 400\r\n\r\n")
                assert sender.recv(100) == b"HTTP/1.0 400\r\n\r\n"
                sender.shutdown(socket.SHUT_WR)
                assert served.recv(1) == b""  # the half-close is passed on
                served.sendall(b"more")
                assert sender.recv(100) == b"more"
        settled(through, "unparsed_total", 1, reason="protocol")


@pytest.mark.parametrize("version", [1, 2])
def test_the_proxy_protocols_head_is_taken_off_and_nothing_else(version: int) -> None:
    head = b"PROXY TCP4 10.1.2.3 10.9.9.9 41000 104\r\n"
    if version == 2:
        head = SIGNATURE_2 + bytes((0x21, 0x11, 0, 12, 10, 1, 2, 3, 10, 9, 9, 9, 1, 2, 0, 104))
    with (
        socket.create_server(("127.0.0.1", 0)) as archive,
        tap(archive.getsockname()[1], proxy=True) as through,
        socket.create_connection(("127.0.0.1", through.port), timeout=10) as sender,
    ):
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(head)):
            sender.sendall(head[number : number + 1])
        sender.sendall(b"payload")
        with archive.accept()[0] as served:
            assert served.recv(100) == b"payload"


def test_tls_is_ended_in_the_tap_and_large_data_pass_whole(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    data = bytes(range(256)) * 20000
    with (
        socket.create_server(("127.0.0.1", 0)) as archive,
        tap(archive.getsockname()[1], tls=certificate.server) as through,
        socket.create_connection(("127.0.0.1", through.port), timeout=30) as plain,
    ):
        served: list[bytes] = []

        def serve() -> None:
            with archive.accept()[0] as end:
                got = b""
                while len(got) < len(data) and (piece := end.recv(1 << 16)):
                    got += piece
                served.append(got)
                end.sendall(got)

        thread = threading.Thread(target=serve)
        thread.start()
        with certificate.client().wrap_socket(plain, server_hostname="127.0.0.1") as sender:
            sender.sendall(data)
            back = b""
            while len(back) < len(data) and (piece := sender.recv(1 << 16)):
                back += piece
        thread.join(30)
        assert served == [data]
        assert back == data


def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)

    def context() -> ssl.SSLContext:
        made = certificate.server()
        made.load_verify_locations(certificate.certificate)
        made.verify_mode = ssl.CERT_REQUIRED
        return made

    with (
        socket.create_server(("127.0.0.1", 0)) as archive,
        tap(archive.getsockname()[1], tls=context) as through,
        socket.create_connection(("127.0.0.1", through.port), timeout=10) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
        certificate.client().wrap_socket(plain, server_hostname="127.0.0.1") as sender,
    ):
        sender.recv(1)  # with TLS 1.3 the refusal comes after the handshake


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """What fails within must not wait for a process that goes on."""
    try:
        yield
    finally:
        process.kill()


def test_the_command_drains_on_sigterm_and_serves_its_metrics() -> None:
    with pynetdicom_scp(sop_classes=[Verification, CTImageStorage]) as archive:
        command = [sys.executable, "-m", "exporters.dimse_tap.main", "--listen", "127.0.0.1:0"]
        command += ["--web.listen-address", "127.0.0.1:0", "--to", f"127.0.0.1:{archive.port}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, ended(process):
            assert process.stderr is not None
            said = json.loads(process.stderr.readline())
            entity = AE(ae_title="CT1")
            entity.add_requested_context(Verification)
            association = entity.associate(*said["listen"], ae_title="PYNETDICOM")
            assert association.send_c_echo().Status == 0
            url = "http://{}:{}".format(*said["web"])
            page = urllib.request.urlopen(url + "/metrics", timeout=10).read().decode()  # noqa: S310
            assert 'dimse_tap_associations_open{called="PYNETDICOM",calling="CT1"} 1.0' in page
            lint = subprocess.run(
                ["promtool", "check", "metrics"], input=page, text=True, capture_output=True, check=False
            )
            assert lint.returncode == 0, lint.stdout + lint.stderr
            process.terminate()
            assert json.loads(process.stderr.readline())["event"] == "draining"
            assert association.send_c_echo().Status == 0  # what was open goes on
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(tuple(said["listen"]), timeout=10)
            association.release()
            assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tls.certificate", "/nowhere.pem"], "--tls.certificate /nowhere.pem: there is no such file"),
        (["--listen", "nohost"], "'nohost' is not [HOST]:PORT"),
    ],
)
def test_bad_options_get_one_clear_line(options: list[str], words: str) -> None:
    command = [sys.executable, "-m", "exporters.dimse_tap.main", "--to", "127.0.0.1:1", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (1, 2)
    assert words in ended.stderr


def test_ten_thousand_mutated_streams_arrive_byte_for_byte() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, tap(listener.getsockname()[1]) as through:
        tap_fuzz.run(10_000, 6, through, listener)
        assert through.total("unparsed_total") > 1000  # the mutations do reach what they are meant to confuse
        assert through.value("unparsed_total", reason="defect") == 0
