"""An archive that freezes for two seconds, seen by campaigns with an open and a closed stream.

Who waits in vain begins nothing meanwhile: a closed stream has one bad request among hundreds, and its 99th percentile
doesn't show that everybody would have waited. An open stream's arrivals go on, and their latency counts from when they
ought to have begun.
"""

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.loadtests.conftest import campaign_file, finish, only, outputs, start
from tests.integration.loadtests.test_campaign import wait_for_acknowledgements
from tests.peers.orthanc import Orthanc

FREEZE_SECONDS = 2.0
SESSIONS = 400
PLAN = """\
name: frozen
title: An archive that freezes
shape: {{kind: steady, seconds: 100}}
streams:
  - {{behaviour: store, sessions: {sessions}, profiles: {{mr: 1}}, instances: 100, {load}}}
"""


def freeze_the_archive() -> None:
    """All of its threads stand still; the kernel goes on taking connections and bytes for it."""
    (process,) = [child for child in psutil.Process().children() if child.name() == "Orthanc"]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        threading.Event().wait(FREEZE_SECONDS)  # the time is what is tried, not a wait for something
    finally:
        os.kill(process.pid, signal.SIGCONT)


def stores(archive: Orthanc, folder: Path, load: str) -> dict[str, Any]:
    """The numbers of C-STORE in a campaign during which the archive freezes once."""
    plan = campaign_file(folder, PLAN.format(load=load, sessions=SESSIONS))
    process = start("--outputs", outputs(folder, archive), "--report-dir", folder / "reports", "--campaign", plan)
    wait_for_acknowledgements(folder, SESSIONS // 4)
    freeze_the_archive()
    code, said = finish(process)

    assert code == 0, said
    found: dict[str, Any] = json.loads(only(folder, "reports/*/report.json").read_text())["operations"]["C-STORE"]
    assert found["count"] == SESSIONS
    assert found["latency_seconds"]["max"] >= FREEZE_SECONDS * 0.9
    return found


def test_the_latency_of_an_open_stream_shows_that_all_waited(archive: Orthanc, tmp_path: Path) -> None:
    found = stores(archive, tmp_path, "per_second: 50, at_most: 2, arrivals: regular")

    # 100 of the 400 ought to have begun in those two seconds; one after the other waited less
    assert found["latency_seconds"]["p99"] >= FREEZE_SECONDS * 0.8
    assert found["latency_seconds"]["p90"] >= FREEZE_SECONDS * 0.3
    # the service times alone would have hidden it: two associations had one bad request each
    assert found["service_seconds"]["p99"] < FREEZE_SECONDS * 0.3


def test_the_latency_of_a_closed_stream_hides_it(archive: Orthanc, tmp_path: Path) -> None:
    found = stores(archive, tmp_path, "users: 2")

    assert found["latency_seconds"]["p99"] < FREEZE_SECONDS * 0.3
    assert found["latency_seconds"]["p99"] == pytest.approx(found["service_seconds"]["p99"], rel=0.5)
