"""Objectives become a specification for sloth; a stack gets the rules that were made of its own."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import rules
from infra.rules import generate, slo
from infra.settings import Settings, SettingsError, parse

NONE = dict.fromkeys(("storeSuccess", "storeLatency", "retrieveDimse", "retrieveWado", "query", "frontDoor"))


def names(settings: Settings) -> list[str]:
    return [one["name"] for one in slo.spec(settings)["slos"]]


def query(settings: Settings, name: str) -> dict[str, str]:
    (events,) = (one["sli"]["events"] for one in slo.spec(settings)["slos"] if one["name"] == name)
    return dict(events)


def test_an_objective_that_was_taken_away_is_in_no_specification() -> None:
    everything = names(parse({}, "dev"))
    assert names(parse({"slos": {"query": None}}, "dev")) == [name for name in everything if name != "query"]


@pytest.mark.parametrize(
    ("seconds", "bound"), [(10, 'le=~"10([.]0)?"'), (2.5, 'le="2.5"'), (0.001, 'le="0.001"'), (300, 'le=~"300([.]0)?"')]
)
def test_a_latency_is_counted_at_its_bucket_however_it_is_written(seconds: float, bound: str) -> None:
    settings = parse({"slos": {"query": {"objective": 95, "seconds": seconds}}}, "dev")
    assert bound in query(settings, "query")["error_query"]


def test_a_front_door_is_judged_by_the_probes_that_a_window_has_room_for() -> None:
    settings = parse({"monitoring": {"scrapeSeconds": 30}}, "dev")
    began = "last_over_time(vector(time())[1s:1s] offset {{.window}})"
    assert query(settings, "front-door")["total_query"] == f"(time() - {began}) / 30"


def test_the_committed_specifications_are_those_of_the_stacks_settings() -> None:
    committed = {folder.name: yaml.safe_load((folder / slo.SPEC).read_text()) for folder in slo.GENERATED.glob("*/")}
    assert committed == generate.wanted(), "the settings and infra/rules/generated/ differ: run make rules"


def test_a_stack_with_the_usual_objectives_shares_the_default_rules() -> None:
    made = slo.rules(parse({}, "somewhere"), "somewhere")
    assert made == yaml.safe_load((slo.GENERATED / slo.DEFAULT / slo.RULES).read_text())


def test_a_stack_whose_objectives_nobody_generated_is_refused() -> None:
    with pytest.raises(SettingsError) as error:
        slo.rules(parse({"slos": {"query": None}}, "cert"), "cert")
    words = "infra/rules/generated/ has no rules of stack cert's objectives: run make rules"
    assert str(error.value) == f"vnaops:slos: {words}"


def test_a_stack_gets_the_rules_of_its_own_objectives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slo, "GENERATED", tmp_path)
    settings = parse({"slos": {"query": None}}, "cert")
    (tmp_path / "cert").mkdir()
    (tmp_path / "cert" / slo.SPEC).write_text(slo.text(slo.spec(settings)))
    (tmp_path / "cert" / slo.RULES).write_text("groups: []\n")
    assert slo.rules(settings, "cert") == {"groups": []}


def test_without_objectives_there_are_no_rules_of_them() -> None:
    assert slo.RULES not in rules.files(parse({"slos": NONE}, "dev"), "dev")


def alerts(stack: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(rules.files(parse({}, stack), stack)[slo.RULES])["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_every_objective_pages_and_makes_tickets_in_the_stack_that_it_is_deployed_to() -> None:
    made = alerts("cert")
    assert {rule["labels"]["environment"] for rule in made} == {"cert"}
    assert [(rule["labels"]["component"], rule["labels"]["severity"]) for rule in made] == [
        (f"slo-{indicator.name}", severity) for indicator in slo.INDICATORS for severity in ("critical", "warning")
    ]


def test_an_alerts_component_and_runbook_have_its_name() -> None:
    for rule in alerts("dev"):
        assert rules.kebab(rule["alert"]) == rule["labels"]["component"]
        assert rule["annotations"]["runbook_url"] == f"runbooks/{rule['labels']['component']}.md"


def test_a_committed_stack_with_objectives_of_its_own_has_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "STACKS", tmp_path)
    (tmp_path / "Pulumi.usual.yaml").write_text("config: {}\n")
    (tmp_path / "Pulumi.none.yaml").write_text(yaml.safe_dump({"config": {"vnaops:slos": NONE}}))
    own = {"frontDoor": {"objective": 99.5}}
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": {"vnaops:slos": own, "other:x": 1}}))
    assert sorted(generate.wanted()) == ["default", "prod"]


def test_without_sloth_make_rules_says_so_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slo, "GENERATED", tmp_path / "generated")
    assert generate.main() == 1
    assert capsys.readouterr().err == "error: sloth: not found on PATH: run `make tools`\n"
    assert not (tmp_path / "generated").exists()


def test_what_sloth_says_is_passed_on_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sloth").write_text("#!/bin/sh\necho 'invalid spec:' >&2\necho '  no service' >&2\nexit 1\n")
    (tmp_path / "sloth").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert generate.main() == 1
    assert capsys.readouterr().err == "error: sloth: invalid spec: no service\n"
