"""A campaign from pods of the cluster: its results come here, whole, and nothing of it stays there."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.environment import STACK, Deployed

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]


def command(reports: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "infra.campaign", "--stack", STACK, "--report-dir", str(reports), *options]


def acknowledged(folder: Path) -> dict[str, int]:
    """Ledger -> instances that the archive has acknowledged."""
    return {file.name: file.read_text().count('"acknowledged"') for file in sorted(folder.glob("ledger-*.jsonl"))}


def left(deployed: Deployed) -> list[str]:
    """What is still there of a campaign."""
    kinds = "jobs,pods,services,secrets,configmaps,networkpolicies"
    names = deployed.kubectl("get", kinds, "--output=name").split()
    return [name for name in names if "campaign" in name]


def test_two_workers_store_and_every_instance_of_both_ledgers_is_found_again(
    deployed: Deployed, tmp_path: Path
) -> None:
    plan = tmp_path / "mine.yaml"
    plan.write_text((ROOT / "loadtests/campaigns/first.yaml").read_text().replace("name: first", "name: mine"))
    done = deployed.run(*command(tmp_path, "--campaign", str(plan), "--studies", "4"), check=False, timeout=600)
    # not the exit code: with so few studies it is chance which worker's thresholds are met
    (folder,) = tmp_path.glob("*-mine")
    ledgers, report = acknowledged(folder), json.loads((folder / "report.json").read_text())
    assert set(ledgers) == {"ledger-0.jsonl", "ledger-1.jsonl"}, done.stdout[-3000:] + done.stderr[-3000:]
    assert all(ledgers.values())
    integrity = report["integrity"]
    assert integrity["acknowledged"] == integrity["identical"] == sum(ledgers.values())
    assert json.loads((folder / "environment.json").read_text())["release"] == deployed.outputs["release"]
    assert left(deployed) == []
    assert deployed.outputs["dicomWeb"]["password"] not in done.stdout + done.stderr
    deployed.pulumi("preview", "--expect-no-changes")


def test_an_interrupted_campaign_ends_in_good_order_and_is_taken_away(deployed: Deployed, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(tmp_path, "--campaign", "first"),
        env=deployed.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as campaign:
        assert campaign.stdout is not None
        seen = []
        for line in campaign.stdout:
            seen.append(line)
            if " offered " in line:  # the master's first line of progress
                campaign.send_signal(signal.SIGINT)
                break
        output = "".join(seen) + campaign.stdout.read()
    assert campaign.returncode == 130, output
    (folder,) = tmp_path.glob("*-first")
    assert json.loads((folder / "report.json").read_text())["verdict"] == "interrupted"
    assert left(deployed) == []


def test_a_campaign_s_file_that_is_wrong_is_refused_with_its_line(deployed: Deployed, tmp_path: Path) -> None:
    plan = tmp_path / "wrong.yaml"
    plan.write_text(
        (ROOT / "loadtests/campaigns/first.yaml").read_text().replace("protocol: dimse", "protocol: pigeon")
    )
    done = deployed.run(*command(tmp_path, "--campaign", str(plan)), check=False, timeout=300)
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(r"plan\.yaml, line \d+: streams\.\d\.protocol: ", done.stdout), done.stdout
    assert left(deployed) == []
