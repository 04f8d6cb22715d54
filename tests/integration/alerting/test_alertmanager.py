"""A real Alertmanager with the deployed configuration: who is told, what keeps quiet. Its minutes are seconds here."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra import settings
from infra.rules.alertmanager import configuration
from tests.integration.alerting.system import MONITORING, STACK, Told, alert
from tests.peers.alertmanager import Labels

SETTINGS: dict[str, dict[str, Any]] = {
    "nobody is told": {},
    "receivers": {"receivers": MONITORING["receivers"]},
    "a switch": {"deadMansSwitch": MONITORING["deadMansSwitch"]},
    "both": MONITORING,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_amtool_accepts_the_configuration(name: str, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yaml"
    file.write_text(configuration(settings.parse({"monitoring": SETTINGS[name]}, STACK), STACK))
    ran = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_everybody_is_told_of_the_severities_that_are_theirs(system: Told) -> None:
    system.alertmanager.fire(
        alert("ObjectStoreFull", "warning", "object-store"),
        alert("IncompleteUploads", "info", "object-store"),
        alert("ArchiveDown", environment="another"),
        alert("ArchiveDown"),
    )
    assert system.on_call.wait_for(lambda names: "ArchiveDown" in names) == ["ArchiveDown"]
    assert sorted(system.team.wait_for(lambda names: len(names) > 1)) == ["ArchiveDown", "ObjectStoreFull"]
    assert {one["alerts"][0]["labels"]["environment"] for one in system.on_call.told} == {STACK}


QUIET = [
    (alert("ArchiveDown"), alert("StoreSlow", "warning")),
    (alert("ArchiveDown"), alert("SenderSilent", "warning", "sender")),
    (alert("FrontDoorDown", component="front-door"), alert("StoreProbeFails", component="front-door")),
    (alert("BucketUnreachable", component="object-store"), alert("ArchiveDown")),
    (alert("DatabaseDown", component="database"), alert("StoreFailures")),
    (alert("ArchiveDown"), alert("SloStoreSuccess", component="slo-store-success")),
    (alert("FrontDoorDown", component="front-door"), alert("SloFrontDoor", "warning", "slo-front-door")),
    (alert("StoreFailures"), alert("SloStoreSuccess", component="slo-store-success")),
    (alert("SloQuery", component="slo-query"), alert("SloQuery", "warning", "slo-query")),
]


@pytest.mark.parametrize(("cause", "effect"), QUIET, ids=lambda labels: f"{labels['alertname']}-{labels['severity']}")
def test_what_something_greater_explains_keeps_quiet_while_it_lasts(
    cause: Labels, effect: Labels, system: Told
) -> None:
    elsewhere = {**effect, "environment": "another"}
    system.alertmanager.fire(cause, effect, elsewhere, alert("ObjectLockDrift", component="object-store"))
    told = system.team.wait_for(lambda names: {cause["alertname"], "ObjectLockDrift"} <= set(names))
    assert [name for name in told if name == effect["alertname"]] == [cause["alertname"]] * (
        cause["alertname"] == effect["alertname"]
    )
    states = {
        (one["labels"]["environment"], one["labels"]["severity"]): one["status"]
        for one in system.alertmanager.alerts(effect["alertname"])
    }
    assert states[STACK, effect["severity"]]["state"] == "suppressed"
    assert states[STACK, effect["severity"]]["inhibitedBy"]
    assert states["another", effect["severity"]]["state"] == "active"


def test_what_an_outage_does_not_explain_is_told_beside_it(system: Told) -> None:
    beside = [alert("ObjectLockDrift", component="object-store"), alert("TargetDown", "warning", "monitoring")]
    system.alertmanager.fire(alert("ArchiveDown"), *beside)
    told = system.team.wait_for(lambda names: len(names) >= 3)
    assert sorted(told) == ["ArchiveDown", "ObjectLockDrift", "TargetDown"]


def test_the_dead_mans_switch_hears_the_watchdog_every_minute_and_nobody_else_does(system: Told) -> None:
    system.alertmanager.fire(alert("Watchdog", "none", "monitoring"), alert("ArchiveDown"))
    system.switch.wait_for(lambda names: len(names) >= 4)
    assert set(system.switch.alerts()) == {"Watchdog"}
    pauses = [after - before for before, after in zip(system.switch.at, system.switch.at[1:], strict=False)]
    assert min(pauses) < 1.5  # never every two minutes
    assert system.on_call.alerts() == ["ArchiveDown"]
    assert "Watchdog" not in system.team.alerts()
