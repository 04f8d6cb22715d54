"""Options and requirements of behaviours: what the campaign's file and the environment's outputs must have."""

import subprocess
import sys
from typing import Any

import pytest

from loadtests.campaigns import plan as plans
from loadtests.campaigns.plan import Plan, PlanError
from loadtests.environment import Environment
from loadtests.users import BEHAVIOURS, OPTIONS
from loadtests.users.requirements import missing

OUTPUTS: dict[str, Any] = {
    "dicom": {"host": "127.0.0.1", "port": 104, "aeTitle": "ARCHIVE"},
    "dicomWeb": {"url": "http://127.0.0.1/dicom-web"},
}


def plan_of(stream: str) -> Plan:
    return plans.parse(
        f"name: a\ntitle: A\nshape: {{kind: steady, seconds: 9}}\nstreams:\n  - {{users: 1, {stream}}}\n", "a.yaml"
    )


def test_every_behaviour_has_options_and_a_class() -> None:
    assert set(BEHAVIOURS) == set(OPTIONS)


def test_checking_a_campaign_file_imports_neither_locust_nor_gevent() -> None:
    program = (
        "import sys; from loadtests.campaigns import plan; plan.load('first'); "
        "sys.exit(bool({'locust', 'gevent'} & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("stream", "refusal"),
    [
        (
            "behaviour: modality, protocol: dicomweb, profiles: {ct: 1}, options: {instances_per_request: 0}",
            "streams.0.options.instances_per_request: Input should be greater than or equal to 1",
        ),
        (
            "behaviour: reading_room, options: {page: 3}",
            "streams.0.options.page: Extra inputs are not permitted",
        ),
        (
            "behaviour: cleaning, protocol: dicomweb, options: {patient_id: '*'}",
            "streams.0.options.patient_id: String should match pattern",
        ),
        ("behaviour: operating_room, profiles: {video-clip: 1}, options: {playback: 2}", "less than or equal to 1"),
    ],
)
def test_a_wrong_option_is_refused_with_its_field(stream: str, refusal: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan_of(stream)

    assert refusal in str(refused.value)


@pytest.mark.parametrize(
    ("stream", "refusal"),
    [
        (
            "behaviour: modality, profiles: {ct: 1}, options: {tls: true}",
            "stream modality: options.tls cannot be true here: the environment's outputs have no dicomTls",
        ),
        (
            "behaviour: cleaning, protocol: dicomweb, options: {really: true}",
            "stream cleaning: options.really cannot be true here: the environment's outputs have no testDeletion "
            "(its setting archive.testDeletion is off, as it must be in production)",
        ),
    ],
)
def test_what_an_environment_lacks_is_said(stream: str, refusal: str) -> None:
    assert missing(plan_of(stream), Environment.model_validate(OUTPUTS)) == refusal


def test_wado_uri_needs_its_address() -> None:
    plan = plans.load("wado-uri")

    said = missing(plan, Environment.model_validate(OUTPUTS))
    assert said == "stream portal: protocol wado_uri: the environment's outputs have no dicomWeb.wadoUri"
    web = {**OUTPUTS["dicomWeb"], "wadoUri": "http://127.0.0.1/wado"}
    assert missing(plan, Environment.model_validate({**OUTPUTS, "dicomWeb": web})) is None


def test_a_dry_run_needs_no_route() -> None:
    assert missing(plans.load("cleaning"), Environment.model_validate(OUTPUTS)) is None
