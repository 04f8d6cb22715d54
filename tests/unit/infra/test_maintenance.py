"""What a maintenance keeps quiet, by its matchers."""

import re

import yaml

from infra import maintenance, rules
from infra.settings import parse

STACK = "dev"
ALERTS = {
    rule["alert"]: rule["labels"]
    for text in rules.files(parse({}, STACK), STACK).values()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


def silenced(name: str, environment: str) -> bool:
    labels = {**ALERTS[name], "environment": environment, "alertname": name}
    return all(
        bool(re.fullmatch(one.value, labels[one.name]) if one.regex else labels[one.name] == one.value) is one.equal
        for one in maintenance.matchers(STACK)
    )


def test_critical_alerts_of_the_monitoring_itself_are_told_and_its_warnings_are_not() -> None:
    monitoring = {name: labels["severity"] for name, labels in ALERTS.items() if labels["component"] == "monitoring"}
    for name, severity in monitoring.items():
        assert silenced(name, STACK) is (severity in ("warning", "info"))
    assert {"critical", "warning", "none"} <= set(monitoring.values())


def test_what_no_work_explains_is_told() -> None:
    assert not silenced("ObjectLockDrift", STACK)


def test_all_else_is_quiet_in_this_environment_and_in_no_other() -> None:
    quiet = [name for name, labels in ALERTS.items() if labels["component"] not in ("monitoring", "object-store")]
    assert quiet
    assert all(silenced(name, STACK) for name in quiet)
    assert not any(silenced(name, "another") for name in quiet)
