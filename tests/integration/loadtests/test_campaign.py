"""Whole campaigns against a plain Orthanc with DICOMweb, and what becomes of them when something goes wrong."""

import json
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from loadtests import ledger
from loadtests.ledger import State
from tests.integration.loadtests.conftest import SMALL, campaign_file, finish, only, outputs, start
from tests.peers import wayward_scp
from tests.peers.http_front import http_front
from tests.peers.orthanc import Orthanc

INSTANCES = 6 + 4 + 2 * 3  # of SMALL
ALONE = 3 * 6  # of those that only store
HEAD = """\
name: small
title: A small campaign
shape: {kind: steady, seconds: 60}
"""
ONLY_C_STORE = f"""{HEAD}
answer_timeout_seconds: 0.5
streams:
  - {{behaviour: modality, users: 2, sessions: 3, profiles: {{ct: 1}}, instances: 6}}
thresholds:
  C-STORE: {{failures: 0, unknown: 0}}
"""
ONLY_STOW = f"""{HEAD}
streams:
  - name: web
    behaviour: modality
    protocol: dicomweb
    users: 2
    sessions: 3
    profiles: {{ct: 1}}
    instances: 6
    options: {{instances_per_request: 3}}
"""
ENDLESS = SMALL.replace("sessions: 1,", "sessions: 200,").replace("instances: 6", "instances: 100")


def run(tmp_path: Path, given: Path, plan: str = SMALL, *more: str) -> tuple[int, str]:
    """A campaign from its beginning to its end: exit code and output."""
    return finish(
        start(
            "--outputs", given, "--report-dir", tmp_path / "reports", "--campaign", campaign_file(tmp_path, plan), *more
        )
    )


def report_of(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(only(tmp_path, "reports/*/report.json").read_text())
    return found


def verify(tmp_path: Path, given: Path) -> tuple[int, dict[str, Any]]:
    """`vnaops-campaign verify` on the campaign's ledger: exit code and counts."""
    code, said = finish(
        start("verify", "--json", "--outputs", given, "--ledger", only(tmp_path, "reports/*/ledger-0.jsonl"))
    )
    return code, json.loads(said)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test "
        f"-addext subjectAltName=IP:127.0.0.1 -out {files[0]} -keyout {files[1]}".split(),
        check=True,
        capture_output=True,
    )
    return files


def test_a_campaign_stores_retrieves_compares_and_reports(
    archive: Orthanc, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    with http_front(archive.http_port, credentials="viewer:s3cret-value", tls=certificate) as origin:
        web = {
            "url": f"{origin}/dicom-web",
            "username": "viewer",
            "password": "s3cret-value",
            "caCertificate": certificate[0].read_text(),
        }
        given = outputs(tmp_path, archive, web=web)
        code, said = run(tmp_path, given)
        found = report_of(tmp_path)
        verified = verify(tmp_path, given)

    assert code == 0, said
    operations = found["operations"]
    assert operations["C-STORE"]["instances"] + operations["STOW-RS"]["instances"] == INSTANCES
    assert operations["C-GET"]["instances"] == operations["WADO-RS"]["instances"] == INSTANCES
    assert operations["C-FIND"]["count"] == operations["QIDO-RS"]["count"] == 4
    assert all(operation["failures"] == operation["unknown"] == 0 for operation in operations.values())
    assert found["verdict"] == "passed"
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] == INSTANCES
    assert found["release"] == {"commit": "0123abc"}
    assert verified[0] == 0
    assert verified[1]["identical"] == INSTANCES
    for file in (tmp_path / "reports").glob("*/*"):
        assert b"s3cret" not in file.read_bytes()
    assert "s3cret" not in said
    assert finish(start("--print-paths", "--report-dir", tmp_path / "reports")) == (
        0,
        f"{only(tmp_path, 'reports/*/report.json')}\n{only(tmp_path, 'reports/*/report.html')}\n",
    )


def test_the_archive_has_what_the_ledger_says(archive: Orthanc, tmp_path: Path) -> None:
    before = archive.get("/statistics")["CountInstances"]

    assert run(tmp_path, outputs(tmp_path, archive))[0] == 0

    _, entries = ledger.read(only(tmp_path, "reports/*/ledger-0.jsonl"))
    assert archive.get("/statistics")["CountInstances"] == before + INSTANCES
    assert [entry.state for entry in entries] == [State.ACKNOWLEDGED] * INSTANCES
    patients = [archive.get(f"/patients/{one}")["MainDicomTags"]["PatientID"] for one in archive.get("/patients")]
    assert all(patient.startswith("VNAOPS-TEST-") for patient in patients)


def test_a_lost_instance_is_found_by_verify(archive: Orthanc, tmp_path: Path) -> None:
    given = outputs(tmp_path, archive)
    assert run(tmp_path, given)[0] == 0
    _, entries = ledger.read(only(tmp_path, "reports/*/ledger-0.jsonl"))
    victim = entries[5].sop_instance_uid

    lookup = urllib.request.Request(f"{archive.url}/tools/lookup", data=victim.encode())  # noqa: S310  (loopback)
    with urllib.request.urlopen(lookup) as answer:  # noqa: S310  (loopback)
        path = json.load(answer)[0]["Path"]
    urllib.request.urlopen(urllib.request.Request(archive.url + path, method="DELETE")).close()  # noqa: S310  (loopback)
    code, counts = verify(tmp_path, given)

    assert code == 1
    assert (counts["acknowledged"], counts["identical"], counts["missing"]) == (INSTANCES, INSTANCES - 1, 1)
    assert counts["details"] == {"missing": [victim]}


def test_a_changed_byte_is_found_by_readers_and_by_verify(archive: Orthanc, tmp_path: Path) -> None:
    def alter(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "/series/" not in path:
            return status, body
        at = len(body) - 2000  # in the last instance's pixel data
        return status, body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]

    with http_front(archive.http_port, alter=alter) as origin:
        given = outputs(tmp_path, archive, web={"url": f"{origin}/dicom-web"})
        code, said = run(tmp_path, given)

    found = report_of(tmp_path)
    assert code == 1, said
    assert found["verdict"] == "failed"
    assert found["operations"]["WADO-RS"]["errors"] == {
        "returned other bytes than were stored": found["operations"]["WADO-RS"]["count"]
    }
    assert found["operations"]["WADO-RS"]["count"] >= 4  # studies, by their series
    assert found["operations"]["C-GET"]["failures"] == 0
    assert found["integrity"]["different"] == INSTANCES


def test_an_archive_that_acknowledges_and_loses_is_caught(archive: Orthanc, tmp_path: Path) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.stores) as liar:
        code, said = run(tmp_path, outputs(tmp_path, archive, dicom_port=liar.port), ONLY_C_STORE)

    found = report_of(tmp_path)
    assert code == 1, said
    assert found["operations"]["C-STORE"]["failures"] == 0
    assert (found["integrity"]["acknowledged"], found["integrity"]["missing"]) == (ALONE, ALONE)


def test_a_store_without_an_answer_is_unknown_and_never_failed(archive: Orthanc, tmp_path: Path) -> None:
    ends = {
        2: wayward_scp.never_answers,
        5: wayward_scp.aborts,
        8: wayward_scp.closes,
        11: wayward_scp.sends_garbage,
        14: wayward_scp.answers_another,
    }
    with wayward_scp.wayward_scp(lambda number: ends.get(number, wayward_scp.stores)) as peer:
        code, said = run(tmp_path, outputs(tmp_path, archive, dicom_port=peer.port), ONLY_C_STORE)

    found = report_of(tmp_path)
    store = found["operations"]["C-STORE"]
    assert code == 1, said
    assert (store["count"], store["failures"], store["unknown"]) == (ALONE, 0, 5)
    assert set(store["errors"]) == {
        "timed out",
        "aborted by service-provider: not-specified",
        "connection lost",
        "protocol violated by the peer",
        "answered another message",
    }
    assert len(peer.requests) == ALONE  # the rest was sent over new associations
    assert found["integrity"]["unknown"] == found["integrity"]["unknown_not_stored"] == 5


def test_a_refused_store_is_failed_and_not_looked_for(archive: Orthanc, tmp_path: Path) -> None:
    full = {3: wayward_scp.runs_full}
    with wayward_scp.wayward_scp(lambda number: full.get(number, wayward_scp.stores)) as peer:
        run(tmp_path, outputs(tmp_path, archive, dicom_port=peer.port), ONLY_C_STORE)

    found = report_of(tmp_path)
    assert found["operations"]["C-STORE"]["errors"] == {"status 0xA700": 1}
    assert found["integrity"]["refused"] == 1
    assert found["integrity"]["acknowledged"] == ALONE - 1


def test_a_stow_answer_that_is_lost_is_unknown(archive: Orthanc, tmp_path: Path) -> None:
    def lose(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (502, b"") if body.startswith(b"{") else (status, body)

    with http_front(archive.http_port, alter=lose) as origin:
        run(tmp_path, outputs(tmp_path, archive, web={"url": f"{origin}/dicom-web"}), ONLY_STOW)

    found = report_of(tmp_path)
    assert found["operations"]["STOW-RS"]["errors"] == {"HTTP 502": found["operations"]["STOW-RS"]["count"]}
    assert found["operations"]["STOW-RS"]["failures"] == 0
    assert found["integrity"]["unknown_stored"] == ALONE


def test_what_nobody_took_is_sent_again(archive: Orthanc, tmp_path: Path) -> None:
    seen: list[str] = []

    def without_a_server_at_first(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if "?" in path or "/series/" in path:
            return status, body
        seen.append(path)
        return (503, b"") if len(seen) <= 2 else (status, body)

    with http_front(archive.http_port, alter=without_a_server_at_first) as origin:
        run(tmp_path, outputs(tmp_path, archive, web={"url": f"{origin}/dicom-web"}), ONLY_STOW)

    found = report_of(tmp_path)
    assert found["operations"]["STOW-RS"]["errors"] == {"HTTP 503": 2}
    assert found["operations"]["STOW-RS"]["instances"] == ALONE
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] == ALONE
    assert found["integrity"]["unknown"] == found["integrity"]["refused"] == 0


def wait_for_acknowledgements(folder: Path, count: int, seconds: float = 60, file: str = "ledger-0.jsonl") -> None:
    """Until each of the campaign's ledgers, of which there must be one, has that many."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while time.monotonic() < deadline:
        ledgers = list(folder.glob(f"reports/*/{file}"))
        if ledgers and all(one.read_bytes().count(b'"acknowledged"') >= count for one in ledgers):
            return
        pause.wait(0.02)
    raise AssertionError(f"there were no {count} acknowledgements within {seconds:g} s")


def begin_endless(tmp_path: Path, given: Path) -> "subprocess.Popen[str]":
    return start(
        "--outputs", given, "--report-dir", tmp_path / "reports", "--campaign", campaign_file(tmp_path, ENDLESS)
    )


def test_after_the_generator_was_killed_the_ledger_still_tells_the_truth(archive: Orthanc, tmp_path: Path) -> None:
    given = outputs(tmp_path, archive)
    process = begin_endless(tmp_path, given)
    wait_for_acknowledgements(tmp_path, 60)
    process.kill()
    finish(process)

    code, counts = verify(tmp_path, given)

    assert code == 0
    assert counts["acknowledged"] == counts["identical"] >= 60
    assert 1 <= counts["unknown"] == counts["unknown_stored"] + counts["unknown_not_stored"] <= 2 + 3


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_reports_what_there_is(archive: Orthanc, tmp_path: Path, sign: signal.Signals) -> None:
    process = begin_endless(tmp_path, outputs(tmp_path, archive))
    wait_for_acknowledgements(tmp_path, 20)
    process.send_signal(sign)
    code, said = finish(process)

    found = report_of(tmp_path)
    assert code == 130, said
    assert found["verdict"] == "interrupted"
    assert found["integrity"]["acknowledged"] == found["integrity"]["identical"] >= 20
    assert found["integrity"]["unknown"] == 0  # what was under way was let finish
    assert "Traceback" not in said


def test_the_limit_of_time_ends_the_load(archive: Orthanc, tmp_path: Path) -> None:
    plan = campaign_file(tmp_path, ENDLESS)
    given = outputs(tmp_path, archive)

    code, said = finish(
        start("--outputs", given, "--report-dir", tmp_path / "reports", "--campaign", plan, "--limit", "2")
    )

    found = report_of(tmp_path)
    assert "the limit of 2 s is reached" in said
    assert code == 0, said
    assert 2 <= found["duration_seconds"] < 20
    assert found["integrity"]["passed"]
