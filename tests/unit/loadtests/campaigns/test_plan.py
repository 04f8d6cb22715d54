"""Campaign files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.campaigns import plan as plans
from loadtests.campaigns.plan import Operation, Plan, PlanError
from loadtests.main import main

GOOD = """\
name: own
title: A campaign of our own
shape: {kind: spike, seconds: 60, at_seconds: 20, for_seconds: 10}
streams:
  - {behaviour: modality, users: 2, sessions: 4, profiles: {ct: 1}, instances: 10}
  - name: web
    behaviour: modality
    protocol: dicomweb
    per_hour: 60
    profiles: {us: 1}
    options: {instances_per_request: 4}
thresholds:
  C-STORE: {failures: 0}
  web/STOW-RS: {p99_seconds: 5}
"""


def test_the_campaign_that_make_up_runs_is_finite_and_short() -> None:
    first = plans.load("first")

    assert first.name == "first"
    assert first.finite
    assert first.seconds <= 90
    assert {name for stream in first.streams for name in stream.profiles} >= {"ct", "mr", "us"}
    assert set(first.thresholds) == {"C-STORE", "STOW-RS", "C-FIND", "C-GET", "QIDO-RS", "WADO-RS"}


@pytest.mark.parametrize("file", sorted(Path(plans.__file__).parent.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_campaign_that_ships_is_valid_and_named_as_its_file(file: Path) -> None:
    assert plans.load(file.stem).name == file.stem


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)

    plan = plans.load(str(file))
    assert [stream.name for stream in plan.streams] == ["modality", "web"]
    assert plan.stream("web").rate == pytest.approx(1 / 60)
    assert not plan.finite
    assert plan.seconds == 60


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: own", "name: Own!", "line 1: name: String should match pattern"),
        ("kind: spike", "kind: spile", "line 3: shape: Input tag 'spile'"),
        ("seconds: 60,", "seconds: x,", "line 3: shape.seconds: Input should be a valid number"),
        ("at_seconds: 20", "at_seconds: 70", "line 3: shape: at_seconds + for_seconds must be less than seconds"),
        ("users: 2,", "users: 0,", "line 5: streams.0.users: Input should be greater than or equal to 1"),
        ("users: 2,", "users: 2, per_hour: 3,", "line 5: streams.0: exactly one of users, per_hour and per_second"),
        ("users: 2,", "", "line 5: streams.0: one of users (closed), per_hour and per_second (open) must be set"),
        ("users: 2,", "users: 2, at_most: 3,", "line 5: streams.0: at_most and arrivals cannot be set with users"),
        ("    per_hour: 60", "    per_hour: 0", "line 9: streams.1.per_hour: Input should be greater than 0"),
        (
            "behaviour: modality\n",
            "behaviour: mod\n",
            "line 7: streams.1.behaviour: there is no behaviour 'mod'",
        ),
        ("protocol: dicomweb", "protocol: wado_uri", "line 8: streams.1.protocol: modality has no wado_uri"),
        ("{us: 1}", "{xa: 1}", "line 10: streams.1.profiles.xa: there is no such profile: one of ct"),
        ("{us: 1}", "{us: 0}", "line 10: streams.1.profiles.us: Input should be greater than 0"),
        (
            "instances_per_request: 4",
            "instances_per_reqest: 4",
            "line 11: streams.1.options.instances_per_reqest: Extra inputs are not permitted",
        ),
        ("  - name: web\n", "  - name: modality\n", "line 6: streams.1.name: 'modality' is there twice"),
        ("  C-STORE:", "  C-STOR:", "line 13: thresholds.C-STOR: no operation: one of C-ECHO"),
        ("web/STOW", "wob/STOW", "line 14: thresholds.wob/STOW-RS: there is no stream 'wob'"),
        ("{failures: 0}", "{failure: 0}", "line 13: thresholds.C-STORE.failure: Extra inputs are not permitted"),
        ("title: A campaign of our own\n", "", "line 1: title: Field required"),
        ("thresholds:", "thresholds: [", "line 1"),
        (GOOD, "", "line 1: the whole: Input should be a valid dictionary"),
        (GOOD, "name: \x00", "line 1: no YAML"),
    ],
)
def test_a_wrong_field_is_refused_with_file_line_field_and_reason(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "own.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))

    with pytest.raises(PlanError) as refused:
        plans.load(str(file))

    assert str(refused.value).startswith(f"{file}, {said}")
    assert "\n" not in str(refused.value)


def test_a_campaign_that_stores_nothing_and_retrieves_all_is_refused() -> None:
    with pytest.raises(PlanError, match="nothing would be stored"):
        plans.parse(GOOD.split("streams:")[0] + "streams: [{behaviour: retrieve, users: 1}]", "own.yaml")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PlanError, match=r"there is no campaign 'frist': one of .*first.*, or the path of a .yaml file"):
        plans.load("frist")


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(PlanError, match=r"nowhere\.yaml: No such file or directory"):
        plans.load("nowhere.yaml")


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.integers(1, 2000))
def test_another_number_of_sessions_keeps_the_proportions(sessions: list[int], total: int) -> None:
    streams = [{"name": f"s{n}", "behaviour": "modality", "users": 1, "sessions": s} for n, s in enumerate(sessions)]
    changed = [stream.sessions or 0 for stream in _plan(streams).with_sessions(total).streams]

    assert total <= sum(changed) <= total + len(sessions)  # each stream keeps one
    assert all(
        one >= 1 and abs(one - total * before / sum(sessions)) <= len(sessions)
        for one, before in zip(changed, sessions, strict=True)
    )


def test_a_campaign_without_an_end_has_no_number_of_sessions() -> None:
    with pytest.raises(PlanError, match="has no stream with `sessions`"):
        _plan([{"behaviour": "modality", "per_hour": 1}]).with_sessions(3)


def test_the_time_can_be_compressed_and_cut() -> None:
    plan = _plan([{"behaviour": "modality", "per_hour": 1}])

    assert plan.with_seconds(20).seconds == 20
    assert plan.with_limit(5).seconds == 5
    assert plan.with_limit(500).seconds == 60
    assert plan.with_factor(3).factor == 3


def test_what_a_campaign_is_survives_its_way_to_a_worker() -> None:
    plan = plans.parse(GOOD, "own.yaml").with_factor(2).with_limit(7)

    assert Plan.model_validate_json(plan.model_dump_json(exclude_unset=True)) == plan


def test_the_schema_names_every_field_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0

    schema = json.loads(capsys.readouterr().out)
    stream = schema["$defs"]["StreamPlan"]["properties"]
    assert {"behaviour", "users", "per_hour", "profiles", "options"} <= stream.keys()
    assert all(field.get("description") for field in stream.values())
    assert {"steady", "ramp", "steps", "spike", "soak", "day"} == schema["properties"]["shape"]["discriminator"][
        "mapping"
    ].keys()


def test_operations_have_names_of_the_standard() -> None:
    assert {"C-STORE", "C-MOVE", "STOW-RS", "QIDO-RS", "WADO-RS", "WADO-URI"} <= set(Operation)


def _plan(streams: list[dict[str, Any]]) -> Plan:
    shape = {"kind": "steady", "seconds": 60}
    return Plan.model_validate({"name": "own", "title": "Own", "shape": shape, "streams": streams})
