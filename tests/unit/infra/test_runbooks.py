"""Every alert has a runbook that can be followed, and no runbook is left without its alert."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from infra import rules, settings

FOLDER = Path(__file__).parents[3] / "runbooks"
OPERATIONS = {"README", "deploy", "campaigns", "maintenance"}
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
SENDER = {"aeTitle": "CT1", "host": "10.0.0.1", "rights": ["store"], "silentAfterSeconds": 3600}
ALERTS = [
    rule
    for text in rules.files(settings.parse({"modalities": [SENDER]}, "dev"), "dev").values()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
RUNBOOKS = sorted(path for path in FOLDER.glob("*.md") if path.stem not in OPERATIONS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_links_to_its_runbook_and_says_what_and_how_bad(alert: dict[str, dict[str, str]]) -> None:
    file = FOLDER / Path(alert["annotations"]["runbook_url"]).name
    assert file.exists()
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["description"].endswith(".")
    assert alert["labels"]["severity"] in ("critical", "warning", "info", "none")
    assert set(alert["labels"]) - {"sloth_severity"} == {"severity", "component", "environment"}


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_a_runbook_has_its_name_and_its_four_sections_none_empty(file: Path) -> None:
    text = file.read_text()
    assert text.splitlines()[0] == f"# {file.stem}"
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    assert parts[1::2] == SECTIONS
    assert all(part.strip() for part in parts[2::2])


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_its_commands_are_the_shells_and_name_no_pod(file: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", file.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        subprocess.run(["bash", "-n", "-c", block], check=True)
        assert not re.search(r"\b(archive|database|store|prometheus|alertmanager)-\d", block)


def test_every_runbook_is_of_an_alert_and_in_the_index() -> None:
    assert {file.stem for file in RUNBOOKS} == {rules.kebab(alert["alert"]) for alert in ALERTS}
    index = (FOLDER / "README.md").read_text()
    for name in [*(file.stem for file in RUNBOOKS), "deploy", "campaigns", "maintenance"]:
        assert f"({name}.md)" in index
