"""Locust's own command line and web interface with the same campaign files."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.loadtests.conftest import SMALL, campaign_file, only, outputs
from tests.integration.loadtests.test_campaign import INSTANCES, report_of
from tests.peers.orthanc import Orthanc
from tests.peers.seaweedfs import free_ports

LOCUSTFILE = Path(__file__).parents[3] / "loadtests" / "locustfile.py"
LOCUST = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]


def options(folder: Path, archive: Orthanc, plan: str = SMALL) -> list[str]:
    named = {
        "--outputs": outputs(folder, archive),
        "--campaign": campaign_file(folder, plan),
        "--report-dir": folder / "reports",
    }
    return [*(str(word) for pair in named.items() for word in pair), "--no-calibration", "--no-pdf"]


def locust(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*LOCUST, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_locusts_own_command_line_runs_the_same_campaign_and_ends_with_it(archive: Orthanc, tmp_path: Path) -> None:
    ended = locust("--headless", *options(tmp_path, archive))

    found = report_of(tmp_path)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert found["verdict"] == "passed"
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] == INSTANCES
    row = next(line for line in said.splitlines() if line.startswith("DIMSE    C-STORE"))
    assert int(row.split()[2]) == found["operations"]["C-STORE"]["count"]  # Locust's own statistics agree


def test_locusts_own_processes_share_the_campaign(archive: Orthanc, tmp_path: Path) -> None:
    ended = locust("--headless", "--processes", "2", *options(tmp_path, archive))

    found = report_of(tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert found["integrity"]["identical"] == found["integrity"]["acknowledged"] == INSTANCES
    assert len(list(tmp_path.glob("reports/*/ledger-*.jsonl"))) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--outputs is missing"),
        (["--outputs", "nowhere.json"], "nowhere.json: No such file or directory"),
    ],
)
def test_locusts_own_command_line_refuses_bad_input_in_words(arguments: list[str], said: str) -> None:
    ended = locust("--headless", "-t", "1s", *arguments)

    assert ended.returncode != 0
    assert said in ended.stdout + ended.stderr


class WebInterface:
    """Locust's HTTP API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, form: dict[str, str] | None = None) -> Any:
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(self._url + path, data=data, timeout=60) as answer:  # noqa: S310  (loopback)
            return json.load(answer)

    def wait_for(self, state: str, seconds: float = 90) -> dict[str, Any]:
        """The statistics, once Locust is in this state."""
        deadline, pause = time.monotonic() + seconds, threading.Event()
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # not there yet
                found = self.ask("/stats/requests")
                if found["state"] == state:
                    return found
            pause.wait(0.2)
        raise AssertionError(f"Locust's state was not {state} within {seconds:g} s: {found.get('state')}")


def wait_for_files(folder: Path, pattern: str, count: int, seconds: float = 90) -> None:
    """Until there are so many."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < deadline, f"there were no {count} of {pattern} within {seconds:g} s"
        pause.wait(0.2)


@contextmanager
def web_interface(*arguments: str) -> "Iterator[WebInterface]":
    (port,) = free_ports(1)
    command = [*LOCUST, "--web-host", "127.0.0.1", "--web-port", str(port), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    reader = threading.Thread(target=lambda: process.stdout and process.stdout.read())
    reader.start()
    try:
        yield WebInterface(port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            reader.join()
            if process.stdout:
                process.stdout.close()


def test_the_web_interface_starts_campaigns_one_after_the_other_and_each_is_reported(
    archive: Orthanc, tmp_path: Path
) -> None:
    with web_interface(*options(tmp_path, archive)) as web:
        web.wait_for("ready")
        for number in (1, 2):
            assert web.ask("/swarm", {"user_count": "1", "spawn_rate": "1"})["success"]
            wait_for_files(tmp_path, "reports/*/report.json", number)
            stopped = web.wait_for("stopped")

    reports = [json.loads(file.read_text()) for file in tmp_path.glob("reports/*/report.json")]
    assert [one["verdict"] for one in reports] == ["passed", "passed"]
    assert [one["integrity"]["identical"] for one in reports] == [INSTANCES, INSTANCES]
    counts = {one["name"]: one["num_requests"] for one in stopped["stats"]}
    assert counts["C-STORE"] == reports[0]["operations"]["C-STORE"]["count"]


def test_the_web_interface_stops_a_campaign_and_it_is_reported(archive: Orthanc, tmp_path: Path) -> None:
    endless = SMALL.replace("sessions: 1,", "sessions: 500,")
    with web_interface(*options(tmp_path, archive, endless)) as web:
        web.wait_for("ready")
        assert web.ask("/swarm", {"user_count": "1", "spawn_rate": "1"})["success"]
        while not any(one["name"] == "C-GET" for one in web.wait_for("running")["stats"]):
            pass
        assert web.ask("/stop", {"stop": "1"})["success"]
        web.wait_for("stopped")
        report = json.loads(only(tmp_path, "reports/*/report.json").read_text())

    assert report["integrity"]["identical"] == report["integrity"]["acknowledged"] > 0
    assert report["integrity"]["unknown"] == 0
