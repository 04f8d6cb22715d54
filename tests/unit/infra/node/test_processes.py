"""Daemons: found by their marks, started anew when something changed, ended for good."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.node.errors import NodeError
from infra.node.processes import Daemon, Daemons, until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = "import subprocess, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    """The daemons of an empty state folder; whatever is left is ended."""
    found = Daemons(tmp_path, tmp_path / "log")
    yield found
    found.kill("a", "b")


def pid(daemons: Daemons, name: str = "a") -> int:
    """The daemon's."""
    running = daemons.running(name)
    assert running is not None
    return running.pid


def test_a_running_daemon_is_left_alone(daemons: Daemons) -> None:
    assert daemons.ensure(Daemon("a", SLEEP))
    before = pid(daemons)
    assert not daemons.ensure(Daemon("a", SLEEP))
    assert pid(daemons) == before


def test_a_changed_command_or_file_starts_it_anew(daemons: Daemons, tmp_path: Path) -> None:
    file = tmp_path / "configuration"
    file.write_text("one")
    daemons.ensure(Daemon("a", SLEEP, [file]))
    first = pid(daemons)
    file.write_text("two")
    assert daemons.ensure(Daemon("a", SLEEP, [file]))
    second = pid(daemons)
    assert daemons.ensure(Daemon("a", [*SLEEP, "more"], [file]))
    assert len({first, second, pid(daemons)}) == 3


def test_another_state_folders_daemon_of_the_same_name_is_not_ours(daemons: Daemons, tmp_path: Path) -> None:
    daemons.ensure(Daemon("a", SLEEP))
    other = Daemons(tmp_path / "other", tmp_path / "other" / "log")
    assert other.running("a") is None
    other.kill("a")
    assert daemons.running("a") is not None


def test_what_a_daemon_started_is_killed_with_it(daemons: Daemons) -> None:
    daemons.ensure(Daemon("a", [sys.executable, "-c", PARENT]))
    daemons.wait("a", lambda: len(daemons.processes()) == 2, 20)
    daemons.kill("a")
    assert daemons.processes() == []


def test_a_daemon_that_ignores_the_polite_signal_is_killed(daemons: Daemons) -> None:
    daemons.ensure(Daemon("a", [sys.executable, "-c", STUBBORN]))
    daemons.wait("a", lambda: "deaf" in daemons.log_file("a").read_text(), 20)
    daemons.stop(["a"], patience=0.2)
    assert daemons.processes() == []


def test_one_that_was_killed_is_started_again(daemons: Daemons) -> None:
    daemons.ensure(Daemon("a", SLEEP))
    os.kill(pid(daemons), signal.SIGKILL)
    until(lambda: daemons.running("a") is None, 10.0)  # a signal is sent, not carried out, when kill returns
    assert daemons.ensure(Daemon("a", SLEEP))


def test_one_that_ends_at_once_is_reported_with_its_last_words(daemons: Daemons) -> None:
    daemons.ensure(Daemon("a", [sys.executable, "-c", "raise SystemExit('no such flag')"]))
    with pytest.raises(NodeError, match=r"(?s)a ended as soon as it was started; see .*no such flag"):
        daemons.wait("a", lambda: False, 20)


def test_its_log_is_private_and_it_inherits_no_secret(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    daemons.ensure(Daemon("a", SLEEP))
    assert b"secret" not in Path(f"/proc/{pid(daemons)}/environ").read_bytes()
    assert daemons.log_file("a").stat().st_mode & 0o777 == 0o600
