"""Each campaign that comes with us, for a short time against a plain Orthanc: every stream works, nothing fails."""

import json
from pathlib import Path

import pytest

from loadtests import raw
from loadtests.campaigns import plan as plans
from loadtests.profiles import catalogue
from tests.integration.loadtests.conftest import finish, outputs, start
from tests.peers.orthanc import Orthanc

FOLDER = Path(plans.__file__).parent
WAYS = {
    "first": ["--studies", "5"],
    "steady": ["--limit", "8", "--factor", "8"],
    "ramp": ["--seconds", "10", "--factor", "0.3"],
    "knee": ["--limit", "6", "--factor", "0.3"],
    "spike": ["--limit", "8", "--factor", "0.5"],
    "soak": ["--seconds", "6", "--factor", "0.3"],
    "migration": ["--seconds", "8", "--factor", "0.5"],
    "catch-up": ["--limit", "8", "--factor", "0.5"],
    "reading-room": ["--limit", "12"],
    "pathology": ["--limit", "12"],
    "operating-room": ["--limit", "8"],
    "hospital-day": ["--seconds", "12", "--factor", "60", "--limit", "12"],
    "wado-uri": ["--studies", "3"],
    "cleaning": [],
    "pixel-data": ["--limit", "8"],
    "smoke": ["--studies", "8"],
}
HEAVY = {"large-video"}  # 6.6 GB
MAY_BE_SILENT = {
    "steady": {"ct", "ultrasound", "workstations", "wards"},
    "catch-up": {"radiographs", "ct", "workstations", "wards"},
    "spike": {"workstations"},
    "reading-room": {"workstations", "viewers", "prefetch"},
    "pathology": {"pathologists"},
    "pixel-data": {"readers", "web-readers", "viewers"},
}
"""Streams of which no session may be due, or nothing may be stored yet, in so short a time."""
SPARSE = {"hospital-day"}  # of its many streams some are due by chance


def test_every_campaign_is_tried_here() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == WAYS.keys() | HEAVY


@pytest.mark.parametrize("name", sorted(WAYS.keys() | HEAVY))
def test_a_campaign_says_what_it_is_for(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()

    assert text.startswith("# ")
    assert plans.load(name).name == name


def test_the_smoke_campaign_has_all_profiles_but_the_ones_that_it_names() -> None:
    plan = plans.load("smoke")
    left_out = {"mg-tomo-native", "us-native", "video", "slide"}

    assert set(plan.stream("web-modalities").profiles) == set(catalogue.names()) - left_out
    without = {name for name in catalogue.names() if name.endswith("-htj2k")}
    assert set(plan.stream("modalities").profiles) == set(catalogue.names()) - left_out - without
    for stream in ("modalities", "web-modalities"):
        assert plan.stream(stream).sessions == len(plan.stream(stream).profiles)


@pytest.mark.parametrize("name", sorted(WAYS))
def test_a_campaign_runs(archive: Orthanc, tmp_path: Path, name: str) -> None:
    given = outputs(tmp_path, archive, web={"wadoUri": f"{archive.url}/wado"})
    folder = tmp_path / "campaign"
    arguments = ["--outputs", given, "--campaign", name, "--folder", folder, "--no-calibration", *WAYS[name]]
    code, said = finish(start(*arguments), timeout=240)

    report = json.loads((folder / "report.json").read_text())
    assert {operation: one["errors"] for operation, one in report["operations"].items() if one["errors"]} == {}, said
    assert report["integrity"]["passed"], said
    assert "died" not in said
    worked = set(raw.read(folder.glob("transactions-*")).stream.present())
    wanted = {stream.name for stream in plans.load(name).streams} - MAY_BE_SILENT.get(name, set())
    assert worked if name in SPARSE else wanted <= worked, said
    assert code in (0, 1), said  # a threshold of time may not be met by a machine that does other things besides
