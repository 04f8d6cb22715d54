"""Campaigns by several processes: started here, or masters and workers as on a cluster; and some of them die."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from loadtests import ledger, raw
from loadtests.ledger import State
from tests.integration.loadtests.conftest import SMALL, campaign_file, finish, only, outputs, start
from tests.integration.loadtests.test_campaign import ENDLESS, INSTANCES, report_of, wait_for_acknowledgements
from tests.peers.orthanc import Orthanc

TWO_OF_EACH = SMALL.replace("users: 1", "users: 2").replace("sessions: 1", "sessions: 4")


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Its worker processes, once they are there."""
    found = psutil.Process(process.pid).children()
    return [child for child in found if "--worker" in child.cmdline()]


def begin(folder: Path, given: Path, plan: str, *more: str) -> "subprocess.Popen[str]":
    return start(
        "--outputs", given, "--report-dir", folder / "reports", "--campaign", campaign_file(folder, plan), *more
    )


@pytest.fixture
def given(archive: Orthanc, tmp_path: Path) -> Path:
    return outputs(tmp_path, archive)


@pytest.fixture
def address() -> str:
    """Of a master, free when it was looked for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "{}:{}".format(*probe.getsockname())


def test_several_processes_do_one_campaign(given: Path, tmp_path: Path) -> None:
    code, said = finish(begin(tmp_path, given, TWO_OF_EACH, "--processes", "2"))

    found, folder = report_of(tmp_path), only(tmp_path, "reports/*")
    stored = 4 * 6 + 4 * 4 + 2 * 3
    entries = [ledger.read(folder / f"ledger-{worker}.jsonl")[1] for worker in range(2)]
    assert code == 0, said
    assert all(entries)  # both have stored
    assert len({one.sop_instance_uid for some in entries for one in some}) == stored
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] == stored
    # each study was retrieved once by each kind of reader, whichever process had stored it
    assert found["operations"]["C-GET"]["instances"] == found["operations"]["WADO-RS"]["instances"] == stored
    rows = raw.read(sorted(folder.glob("transactions-*.csv.zst")))
    assert set(rows.worker.present()) == {"0", "1"}
    assert float(rows.started.min()) >= 0


def test_a_worker_process_that_dies_fails_the_campaign_in_words(given: Path, tmp_path: Path) -> None:
    process = begin(tmp_path, given, ENDLESS, "--processes", "2")
    wait_for_acknowledgements(tmp_path, 10, file="ledger-*.jsonl")
    victim = workers_of(process)[0].pid
    os.kill(victim, signal.SIGKILL)
    code, said = finish(process)

    found = report_of(tmp_path)
    assert code == 1, said
    assert f"failed: worker process {victim} has ended too early (signal 9)" in said
    assert found["verdict"] == "failed"
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] >= 10
    assert "Traceback" not in said


def test_workers_end_with_the_process_that_has_started_them(given: Path, tmp_path: Path) -> None:
    process = begin(tmp_path, given, ENDLESS, "--processes", "2")
    wait_for_acknowledgements(tmp_path, 10, file="ledger-*.jsonl")
    workers = workers_of(process)
    process.kill()
    finish(process)

    _, alive = psutil.wait_procs(workers, timeout=20)
    assert len(workers) == 2
    assert not alive


def test_ctrl_c_ends_all_processes_and_reports(given: Path, tmp_path: Path) -> None:
    process = begin(tmp_path, given, ENDLESS, "--processes", "2")
    wait_for_acknowledgements(tmp_path, 10, file="ledger-*.jsonl")
    process.send_signal(signal.SIGINT)
    code, said = finish(process)

    found = report_of(tmp_path)
    assert code == 130, said
    assert found["verdict"] == "interrupted"
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] >= 10
    assert found["integrity"]["unknown"] == 0
    assert "Traceback" not in said


def test_a_master_gets_all_files_of_workers_elsewhere(given: Path, tmp_path: Path, address: str) -> None:
    master = begin(tmp_path, given, SMALL, "--master", address, "--workers", "2")
    workers = [start("run", "--worker", address, "--outputs", given) for _ in range(2)]
    code, said = finish(master)
    ended = [finish(worker) for worker in workers]

    found, folder = report_of(tmp_path), only(tmp_path, "reports/*")
    assert code == 0, said
    assert [code for code, _ in ended] == [0, 0], ended
    assert sorted(file.name for file in folder.glob("ledger-*")) == ["ledger-0.jsonl", "ledger-1.jsonl"]
    states = [one.state for one in ledger.read(folder)[1]]
    assert states == [State.ACKNOWLEDGED] * INSTANCES
    assert found["integrity"]["identical"] == INSTANCES
    assert "instances/s" in said or found["duration_seconds"] < 2


def test_a_worker_elsewhere_that_vanishes_fails_the_campaign_in_words(
    given: Path, tmp_path: Path, address: str
) -> None:
    master = begin(tmp_path, given, ENDLESS, "--master", address, "--workers", "2")
    workers = [start("run", "--worker", address, "--outputs", given) for _ in range(2)]
    wait_for_acknowledgements(tmp_path, 10, file="ledger-*.jsonl")
    workers[0].send_signal(signal.SIGSTOP)  # a node that hangs: no connection is closed
    try:
        code, said = finish(master)
    finally:
        workers[0].kill()
    ended = [finish(worker) for worker in workers]

    found = report_of(tmp_path)
    assert code == 1, said
    assert "has vanished: no sign of life for 10 s" in said
    assert found["verdict"] == "failed"
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] >= 10
    assert ended[1][0] == 0


def test_a_master_waits_for_all_workers_and_says_so(given: Path, tmp_path: Path, address: str) -> None:
    master = begin(tmp_path, given, SMALL, "--master", address, "--workers", "2")
    worker = start("run", "--worker", address, "--outputs", given)
    assert master.stdout is not None
    deadline = time.monotonic() + 60
    for line in master.stdout:
        if "waiting for workers: 1 of 2 are here" in line or time.monotonic() > deadline:
            break
    master.send_signal(signal.SIGINT)
    code, said = finish(master)
    finish(worker)

    assert "waiting for workers: 1 of 2" in line
    assert code == 130, said
    assert "Traceback" not in said
