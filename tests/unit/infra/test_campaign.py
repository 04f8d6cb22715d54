"""The command that runs a campaign on the cluster: what it makes of its options, and what it refuses."""

import json
from pathlib import Path

import pytest

from infra import campaign, environment, paths
from infra.campaign_settings import CampaignSettings

TESTED = {"commit": "c"}


def settings(*arguments: str) -> dict[str, object]:
    return campaign.settings_of(campaign.parser().parse_args(arguments), TESTED)


def test_a_name_is_looked_up_in_the_image() -> None:
    assert settings("--campaign", "first") == {"name": "first", "workers": 2, "release": TESTED}


def test_a_file_travels_as_its_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\n")
    assert settings("--campaign", str(file))["plan"] == "name: mine\n"
    assert "name" not in settings("--campaign", str(file))


def test_every_option_is_a_setting_of_the_stack() -> None:
    options = ("--workers=3", "--factor=2", "--seconds=60", "--limit=90", "--studies=4", "--run=r1", "--cpu=200m")
    given = CampaignSettings.model_validate(settings(*options, "--memory=2Gi"))
    assert given == CampaignSettings(
        name="first",
        workers=3,
        factor=2,
        seconds=60,
        limit_seconds=90,
        studies=4,
        run="r1",
        cpu="200m",
        memory="2Gi",
        release=TESTED,
    )


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path))
    return tmp_path


def test_an_environment_that_is_not_up_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign.main(["--stack", "dev"]) == 2
    assert capsys.readouterr().err == "campaign: the environment dev isn't up: `make up ENV=dev`\n"


def test_a_file_that_does_not_exist_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths.outputs_dir().mkdir()
    paths.outputs_file("dev").write_text(json.dumps({"release": TESTED, "namespace": "vnaops-dev"}))
    assert campaign.main(["--campaign", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == (
        "campaign: nowhere.yaml: No such file or directory: name a campaign, or the path of a campaign's file\n"
    )


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--workers=0", "campaign: vnaops:campaign.workers: Input should be greater than or equal to 1 (it is 0)\n"),
        (
            "--cpu=0.5",
            'campaign: vnaops:campaign.cpu: processor is written like "200m" (thousandths of a core) or "2" ',
        ),
    ],
)
def test_an_option_that_the_settings_refuse_is_refused_before_anything_is_done(
    state: Path, capsys: pytest.CaptureFixture[str], option: str, words: str
) -> None:
    paths.outputs_dir().mkdir()
    paths.outputs_file("dev").write_text(json.dumps({"release": TESTED, "namespace": "vnaops-dev"}))
    assert campaign.main([option]) == 2
    assert capsys.readouterr().err.startswith(words)


def test_a_stack_s_file_stays_as_it_is_beside_a_campaign(state: Path) -> None:
    copies = {
        name: Path(environment.stack_variables("dev", more)["PULUMI_OPTION_CONFIG_FILE"])
        for name, more in (("plain", None), ("loaded", {"campaign": {"name": "first"}}))
    }
    committed = environment.STACKS / "Pulumi.dev.yaml"
    assert copies["plain"].read_text() == committed.read_text()
    assert "vnaops:campaign:\n    name: first\n" in copies["loaded"].read_text()
    assert "vnaops:modalities:" in copies["loaded"].read_text()
