"""The round trip: a real archive by each way back, and archives that lose, mix up or alter what they were given."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import (
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from tests.integration.exporters.probing import probed, reason
from tests.peers import wayward_http as wayward
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp
from tests.peers.wayward_http import Exchange, wayward_http

DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")  # Debian's orthanc-dicomweb
ROUND_TRIP = {"prober": "round-trip", "called_ae_title": "ORTHANC"}


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc(plugins=[DICOMWEB]) as server:
        yield server


def by_each_way(archive: Orthanc, way: str) -> Probe:
    async def register(port: int) -> None:
        body = json.dumps(["PROBE_SCP", "127.0.0.1", port]).encode()
        request = urllib.request.Request(f"{archive.url}/modalities/prober", data=body, method="PUT")  # noqa: S310
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  (http by construction)

    module: dict[str, Any] = ROUND_TRIP | {"retrieve": way}
    if way == "wado-rs":
        module["wado_rs"] = {"target": f"127.0.0.1:{archive.http_port}"}
    return probed(archive.dicom_port, module, listening=register)


@pytest.mark.parametrize("way", ["get", "move", "wado-rs"])
def test_what_orthanc_has_taken_is_found_and_comes_back_as_it_was(archive: Orthanc, way: str) -> None:
    before = len(archive.get("/instances"))

    done = by_each_way(archive, way)

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["store", "find", "retrieve", "compare"]
    assert all(seconds > 0 for seconds in done.phases.values())
    assert done.results == 1
    assert len(archive.get("/instances")) == before + 1


def archived(
    found: int = 1, *, alter: bool = False, mix_up: bool = False, late: int = 0, more: dict[str, Any] | None = None
) -> Probe:
    """A round trip with pynetdicom, which finds so many, the first times none, and gives back what it likes."""
    kept: list[Dataset] = []
    asked = 0

    def store(event: Any) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        kept.append(dataset)
        return 0x0000

    def find(event: Any) -> Iterator[tuple[int, Dataset]]:
        nonlocal asked
        asked += 1
        assert event.identifier.SOPInstanceUID == kept[-1].SOPInstanceUID
        assert event.identifier.QueryRetrieveLevel == "IMAGE"
        for _ in range(found if asked > late else 0):
            identifier = Dataset()
            identifier.SOPInstanceUID = kept[-1].SOPInstanceUID
            yield 0xFF00, identifier

    def give(event: Any) -> Iterator[Any]:
        dataset = kept[-1]
        if alter:
            dataset.PixelData = bytes((dataset.PixelData[0] ^ 1,)) + dataset.PixelData[1:]
        if mix_up:
            dataset.SOPInstanceUID = "1.2.3.4"
        yield 1
        yield 0xFF00, dataset

    with pynetdicom_scp(
        sop_classes=[
            SecondaryCaptureImageStorage,
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
        ],
        roles=[SecondaryCaptureImageStorage],
        handlers={evt.EVT_C_STORE: store, evt.EVT_C_FIND: find, evt.EVT_C_GET: give},
    ) as server:
        return probed(server.port, ROUND_TRIP | (more or {}))


def test_pynetdicom_brings_it_back_as_it_was() -> None:
    done = archived()

    assert done.outcome is Outcome.ACCEPTED, done.log


def test_a_bit_of_the_pixel_data_that_has_tipped_over_is_seen() -> None:
    done = archived(alter=True)

    assert done.outcome is Outcome.UNEXPECTED_CONTENT
    assert str(reason(done)).startswith("the pixel data that came back has SHA-256 ")
    assert done.phases["compare"] > 0


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"found": 0}, "the instance that was stored is not found"),
        ({"found": 2}, "the instance that was stored is found more than once"),
        ({"mix_up": True}, "what came back is another instance than the one asked for"),
    ],
)
def test_what_is_lost_or_mixed_up_is_a_failure(how: dict[str, Any], words: str) -> None:
    done = archived(**how)

    assert (done.outcome, reason(done)) == (Outcome.UNEXPECTED_CONTENT, words)


def test_an_archive_may_take_its_time_to_find_where_that_is_allowed() -> None:
    assert archived(late=2, more={"find_within_seconds": 20}).outcome is Outcome.ACCEPTED
    assert archived(late=2).outcome is Outcome.UNEXPECTED_CONTENT


def test_a_bit_that_tips_over_on_the_way_back_by_wado_rs_is_seen(archive: Orthanc) -> None:
    def behave(exchange: Exchange) -> None:
        wayward.other_bytes(exchange)

    with wayward_http(behave, upstream=archive.http_port) as server:
        web = {"target": f"127.0.0.1:{server.port}"}
        done = probed(archive.dicom_port, ROUND_TRIP | {"retrieve": "wado-rs", "wado_rs": web})

    assert done.outcome is Outcome.UNEXPECTED_CONTENT
    assert str(reason(done)).startswith("the pixel data that came back has SHA-256 ")
