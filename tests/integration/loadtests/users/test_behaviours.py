"""Behaviours that need more of an archive than a front door: a move's destination, a route that deletes."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.integration.loadtests.conftest import DICOMWEB, outputs
from tests.integration.loadtests.users.campaigns import campaign
from tests.peers import wayward_http, wayward_scp
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.seaweedfs import free_ports
from tests.peers.wayward_http import Exchange

STORES_TWO = "  - {behaviour: modality, users: 1, sessions: 2, profiles: {mr: 1}, instances: 3}\n"
PREFETCHES = "  - {behaviour: prefetch, users: 1, sessions: 4}\n"


def extended(given: Path, **more: Any) -> Path:
    """The outputs with further keys."""
    given.write_text(json.dumps({**json.loads(given.read_text()), **more}))
    return given


def delete(archive: Orthanc, uid: str) -> int:
    """As the archive's own route does; the number of deleted studies."""
    lookup = urllib.request.Request(f"{archive.url}/tools/lookup", data=uid.encode())  # noqa: S310  (loopback)
    with urllib.request.urlopen(lookup) as answer:  # noqa: S310  (loopback)
        found = [one["Path"] for one in json.load(answer) if one["Type"] == "Study"]
    for path in found:
        urllib.request.urlopen(urllib.request.Request(archive.url + path, method="DELETE")).close()  # noqa: S310
    return len(found)


def test_a_prefetch_moves_to_our_own_scp_and_compares(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with orthanc(plugins=[DICOMWEB], modalities={"load": ("VNAOPS_LOAD", "127.0.0.1", port)}) as archive:
        given = outputs(tmp_path, archive)
        destination = {"aeTitle": "VNAOPS_LOAD", "host": "127.0.0.1", "port": port}
        ended = campaign(tmp_path, extended(given, moveDestination=destination), STORES_TWO + PREFETCHES)

    assert ended.failures() == {}, ended.said
    assert ended.operation("C-MOVE")["count"] == 4
    assert ended.operation("C-MOVE")["instances"] == 12
    assert "C-GET" not in ended.report["operations"]


def test_a_prefetch_without_a_destination_gets_and_says_so(archive: Orthanc, tmp_path: Path) -> None:
    ended = campaign(tmp_path, outputs(tmp_path, archive), STORES_TWO + PREFETCHES)

    assert ended.failures() == {}, ended.said
    assert "prefetch: C-GET instead of C-MOVE: the environment's outputs have no moveDestination" in ended.said
    assert ended.operation("C-GET")["instances"] == 12


def test_an_unknown_destination_is_a_failure_by_its_status(archive: Orthanc, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    destination = {"aeTitle": "NOBODY", "host": "127.0.0.1", "port": port}

    ended = campaign(
        tmp_path, extended(outputs(tmp_path, archive), moveDestination=destination), STORES_TWO + PREFETCHES
    )

    (kind,) = ended.failures()["C-MOVE"]
    assert kind.startswith("status 0x"), ended.said
    assert ended.operation("C-MOVE")["failures"] == 4


@pytest.mark.parametrize("really", [False, True])
def test_a_cleaning_deletes_test_patients_only_and_only_when_it_is_told_to(tmp_path: Path, really: bool) -> None:
    deleted: list[str] = []

    with orthanc(plugins=[DICOMWEB]) as archive:

        def behave(exchange: Exchange) -> None:
            if exchange.method != "DELETE":
                wayward_http.passes_on(exchange)
                return
            deleted.append(exchange.path)
            exchange.answer(200 if delete(archive, exchange.path.rpartition("/")[2]) else 404, "text/plain", b"")

        given = outputs(tmp_path, archive)
        assert campaign(tmp_path, given, STORES_TWO).code == 0
        with wayward_http.wayward_http(behave, upstream=archive.http_port) as peer:
            given = outputs(tmp_path, archive, web={"url": f"{peer.origin}/dicom-web"})
            ended = campaign(
                tmp_path,
                extended(given, testDeletion={"url": f"{peer.origin}/test-studies"}),
                "  - {behaviour: cleaning, protocol: dicomweb, users: 1, sessions: 1,"
                f" options: {{really: {str(really).lower()}}}}}\n",
            )
        left = archive.get("/statistics")["CountStudies"]

    assert ended.failures() == {}, ended.said
    said = "2 of them deleted" if really else "none deleted: `options: {really: true}` does it"
    assert f"cleaning: 2 studies of test patients found, {said}" in ended.said
    assert (left, len(deleted)) == ((0, 2) if really else (2, 0))


def test_a_reader_over_dimse_counts_each_misbehaviour_and_lives_on(archive: Orthanc, tmp_path: Path) -> None:
    behaviours = {
        "timed out": wayward_scp.never_answers,
        "connection lost": wayward_scp.closes,
        "answered another message": wayward_scp.answers_another,
        "protocol violated by the peer": wayward_scp.sends_garbage,
        "status 0xA700": wayward_scp.runs_full,
    }
    turns = list(behaviours.values())
    with wayward_scp.wayward_scp(lambda number: turns[number % len(turns)]) as peer:
        ended = campaign(
            tmp_path,
            outputs(tmp_path, archive, dicom_port=peer.port),
            "  - {behaviour: modality, protocol: dicomweb, users: 1, sessions: 5, profiles: {mr: 1}, instances: 1}\n"
            "  - {behaviour: retrieve, users: 1}\n",
            extra="answer_timeout_seconds: 1",
        )

    assert ended.failures() == {"C-FIND": dict.fromkeys(behaviours, 1)}, ended.said
    assert "died" not in ended.said
