"""The maintenance silence, in a real Alertmanager: what it keeps quiet, what it does not, and that it ends."""

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra import maintenance
from infra.silences import AlertmanagerError, Silences
from tests.integration.alerting.system import STACK, Told, alert


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "infra.maintenance", "--stack", STACK, *arguments]
    return subprocess.run(whole, capture_output=True, text=True, check=False, env=environment or None)


def silences(system: Told) -> Silences:
    return Silences(system.alertmanager.url)


def test_a_maintenance_keeps_quiet_what_it_explains_and_nothing_else(system: Told) -> None:
    made = maintenance.start(silences(system), STACK, 60, "a new disk")
    system.alertmanager.fire(
        alert("ArchiveDown"),
        alert("TargetDown", "warning", "monitoring"),
        alert("ArchiveDown", environment="another"),
        alert("ProbeBlind", component="monitoring"),
        alert("ObjectLockDrift", component="object-store"),
        alert("Watchdog", "none", "monitoring"),
    )
    system.switch.wait_for(lambda names: names.count("Watchdog") > 1)
    told = system.team.wait_for(lambda names: {"ProbeBlind", "ObjectLockDrift"} <= set(names))
    assert set(told) == {"ProbeBlind", "ObjectLockDrift"}
    states = {
        (one["labels"]["alertname"], one["labels"]["environment"]): one["status"]["silencedBy"]
        for name in ("ArchiveDown", "TargetDown")
        for one in system.alertmanager.alerts(name)
    }
    assert states["ArchiveDown", STACK] == states["TargetDown", STACK] == [made.id]
    assert states["ArchiveDown", "another"] == []


def test_at_its_end_what_is_still_wrong_is_told(system: Told) -> None:
    maintenance.start(silences(system), STACK, 60, "a new disk")
    system.alertmanager.fire(alert("ArchiveDown"), alert("ObjectLockDrift", component="object-store"))
    system.team.wait_for(lambda names: "ObjectLockDrift" in names)
    assert [one.comment for one in maintenance.end(silences(system), STACK)] == ["a new disk"]
    system.team.wait_for(lambda names: "ArchiveDown" in names)
    assert maintenance.current(silences(system), STACK) == []


def test_a_second_start_extends_the_first_and_never_shortens_it(system: Told) -> None:
    first = maintenance.start(silences(system), STACK, 60, "a new disk")
    longer = maintenance.start(silences(system), STACK, 120, "and a new fan")
    shorter = maintenance.start(silences(system), STACK, 5, "nearly done")
    assert first.id == longer.id == shorter.id
    (there,) = maintenance.current(silences(system), STACK)
    assert there.comment == "nearly done"
    assert abs(there.ends - first.starts - timedelta(minutes=120)) < timedelta(minutes=1)


def test_an_end_without_a_start_is_no_error(system: Told) -> None:
    assert maintenance.end(silences(system), STACK) == []


def test_maintenances_of_other_environments_and_silences_of_others_stay(system: Told) -> None:
    other = maintenance.start(silences(system), "cert", 60, "theirs")
    by_someone = ["amtool", f"--alertmanager.url={system.alertmanager.url}", "silence", "add", "--author=somebody"]
    subprocess.run([*by_someone, "--comment=mine", f"environment={STACK}"], check=True, capture_output=True)
    maintenance.start(silences(system), STACK, 60, "ours")
    assert [one.comment for one in maintenance.end(silences(system), STACK)] == ["ours"]
    assert {one.comment for one in silences(system).living()} == {other.comment, "mine"}


def test_an_operation_is_quiet_as_long_as_it_lasts_also_when_it_fails(system: Told) -> None:
    def fails() -> None:
        with maintenance.maintenance(silences(system), STACK, 60, "migration"):
            (there,) = maintenance.current(silences(system), STACK)
            assert there.comment == "migration"
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        fails()
    assert maintenance.current(silences(system), STACK) == []


def test_an_operation_leaves_a_maintenance_by_hand_as_it_was(system: Told) -> None:
    by_hand = maintenance.start(silences(system), STACK, 60, "by hand")
    with maintenance.maintenance(silences(system), STACK, 5, "migration"):
        assert len(maintenance.current(silences(system), STACK)) == 2
        maintenance.start(silences(system), STACK, 90, "by hand, longer")
    (left,) = maintenance.current(silences(system), STACK)
    assert left.id == by_hand.id


def test_an_operation_whose_silence_was_ended_by_hand_ends_well(system: Told) -> None:
    with maintenance.maintenance(silences(system), STACK, 5, "migration"):
        maintenance.end(silences(system), STACK)


def test_the_command_starts_lists_and_ends(system: Told) -> None:
    url = f"--url={system.alertmanager.url}"
    started = command(url, "start", "--minutes=30", "--comment=a new disk")
    assert started.returncode == 0, started.stderr
    assert f"still told: {', '.join(maintenance.audible(STACK))}" in started.stdout
    (made,) = maintenance.current(silences(system), STACK)
    assert timedelta(minutes=29) < made.ends - datetime.now(UTC) < timedelta(minutes=30)
    assert f"{made.id}  until {made.ends:%Y-%m-%d %H:%M:%S} UTC  vnaops maintenance: a new disk (" in started.stdout
    assert command(url, "list").stdout in started.stdout
    assert command(url, "end").stdout.startswith(f"ended  {made.id}")
    assert command(url, "list").stdout == "dev: no maintenance\n"


def test_an_alertmanager_that_is_not_there_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and doesn't listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = command(f"--url={url}", "list")
    assert done.returncode == 1
    assert done.stderr == f"error: Alertmanager at {url} is not reached: [Errno 111] Connection refused\n"


def test_what_alertmanager_refuses_is_said_with_its_words(system: Told) -> None:
    with pytest.raises(AlertmanagerError, match=r"^Alertmanager at http://127\.0\.0\.1:\d+ refuses \(404\)"):
        silences(system).expire("0b8b4d0a-0000-0000-0000-000000000000")


def test_an_environment_that_was_never_deployed_is_one_line(tmp_path: Path) -> None:
    done = command("list", VNAOPS_STATE=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: dev: {tmp_path}/outputs/dev.json does not exist: run `make deploy ENV=dev`, or give --url\n"
    )


def test_an_alertmanager_that_is_not_published_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "dev.json").write_text(json.dumps({"namespace": "vnaops-dev"}))
    done = command("list", VNAOPS_STATE=str(tmp_path))
    assert done.stderr == (
        "error: dev: its Alertmanager is not published (monitoring.alertmanagerNodePort is null): run "
        "`kubectl -n vnaops-dev port-forward service/alertmanager 9093` and give --url\n"
    )


@pytest.mark.parametrize("minutes", ["0", "-5", "1441", "nan", "soon"])
def test_minutes_that_make_no_sense_are_refused(minutes: str) -> None:
    done = command("--url=http://127.0.0.1:9", "start", f"--minutes={minutes}", "--comment=x")
    assert done.returncode == 2
    assert "argument --minutes:" in done.stderr


def test_a_maintenance_says_why() -> None:
    done = command("--url=http://127.0.0.1:9", "start", "--comment=")
    assert done.returncode == 2
    assert "argument --comment: says why: whoever misses an alert looks there" in done.stderr
