"""The 44 ms stall of real peers is a finding, for small and large instances alike; without Nagle there is none."""

import time

import pytest

from exporters.dimse import uids
from loadtests.analysis.columns import Columns
from loadtests.analysis.findings import Finding, stalls
from loadtests.engine.scu import Scu, Target
from loadtests.transactions import Outcome, Transaction
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import orthanc

SIZES = (4_000, 400_000)
STORES = 80
TRIES = 6  # a busy machine adds its own waiting to some answers; one of the runs will be quiet enough
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def stored(port: int, ae_title: str) -> Columns:
    """Small and large instances by turns over one association, as the campaigns' modalities send them."""
    found, begun = [], time.monotonic()
    with Scu(Target("127.0.0.1", port, ae_title), [(SECONDARY_CAPTURE, [uids.EXPLICIT_VR_LITTLE_ENDIAN])]) as scu:
        for number in range(STORES):
            size, uid = SIZES[number % 2], uids.new_uid()
            started = time.monotonic() - begun
            scu.store(SECONDARY_CAPTURE, uid, uids.EXPLICIT_VR_LITTLE_ENDIAN, [data_set(uid, size)])
            ended = time.monotonic() - begun
            found.append(Transaction("scanners", "C-STORE", started, started, ended, 1, size, Outcome.OK))
    return Columns.of(found)


def data_set(uid: str, size: int) -> bytes:
    """The elements that Orthanc asks for, and pixel data of this size."""
    elements = [
        (0x00080016, b"UI", SECONDARY_CAPTURE.encode()),
        (0x00080018, b"UI", uid.encode()),
        (0x00100020, b"LO", b"VNAOPS-TEST-1"),
        (0x0020000D, b"UI", b"2.25.1"),
        (0x0020000E, b"UI", b"2.25.2"),
    ]
    head = b""
    for tag, kind, value in elements:
        value += b"\0" * (len(value) % 2) if kind == b"UI" else b" " * (len(value) % 2)
        head += (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        head += kind + len(value).to_bytes(2, "little") + value
    pixels = (0x7FE0).to_bytes(2, "little") + (0x0010).to_bytes(2, "little") + b"OW\0\0" + size.to_bytes(4, "little")
    return head + pixels + bytes(size)


def first_found(port: int, ae_title: str) -> Finding:
    """The finding of the first run that has one."""
    for _ in range(TRIES):
        for finding in stalls({"C-STORE": stored(port, ae_title)}):
            return finding
    raise AssertionError(f"{TRIES} runs of {STORES} stores saw no stall")


def test_dcmtk_with_nagle_stalls_and_the_finding_names_the_cure() -> None:
    with storescp(no_delay=False) as server:
        finding = first_found(server.port, server.ae_title)

    assert finding.kind == "nagle-stall"
    assert "whether they are small or large" in finding.text
    assert "TCP_NODELAY=1" in finding.cure


def test_orthanc_with_nagle_stalls() -> None:
    with orthanc(environment={"TCP_NODELAY": "0"}) as archive:
        finding = first_found(archive.dicom_port, archive.ae_title)

    assert finding.kind == "nagle-stall"


@pytest.mark.parametrize("peer", ["storescp", "orthanc"])
def test_the_same_peers_without_nagle_do_not(peer: str) -> None:
    if peer == "storescp":
        with storescp() as server:
            rows = stored(server.port, server.ae_title)
    else:
        with orthanc() as archive:
            rows = stored(archive.dicom_port, archive.ae_title)

    assert stalls({"C-STORE": rows}) == []
