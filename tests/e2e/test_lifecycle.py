"""A whole life of an environment beside the running one: up, data under object lock, destroy, nothing left."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra import paths
from infra.up import ensure_stack
from tests.e2e.environment import Deployed

pytestmark = pytest.mark.timeout(1800)
STACK = "lifecycle"


@pytest.fixture
def second(deployed: Deployed, tmp_path: Path) -> Iterator[Deployed]:
    """The settings of `dev` on other ports, as a stack of its own."""
    settings = yaml.safe_load((Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml").read_text())
    settings["config"] |= {
        # two whole environments ask for more than two cores
        "vnaops:archive": {"replicas": 1, "cpu": "100m"},
        "vnaops:database": {"cpu": "100m"},
        "vnaops:loadBalancer": {"dicomPort": 31113, "dicomTlsPort": 32763, "httpsPort": 30444},
        "vnaops:monitoring": {"nodePort": 30091, "alertmanagerNodePort": None, "pageNodePort": None},
    }
    file = tmp_path / f"Pulumi.{STACK}.yaml"
    file.write_text(yaml.safe_dump(settings))
    ensure_stack(STACK)
    beside = Deployed({**deployed.outputs, "namespace": f"vnaops-{STACK}"}, tmp_path)
    beside.env |= {"PULUMI_OPTION_CONFIG_FILE": str(file)}
    yield beside
    stack = ("--yes", "--non-interactive", "--stack", STACK)
    beside.run("pulumi", "destroy", *stack, timeout=600)
    beside.run("pulumi", "stack", "rm", "--yes", "--stack", STACK, "--preserve-config")


def test_destroy_ends_although_the_data_is_under_object_lock(second: Deployed, tmp_path: Path) -> None:
    stack = ("--yes", "--non-interactive", "--stack", STACK)
    second.run("pulumi", "up", *stack, timeout=600)
    outputs = second.run("pulumi", "stack", "output", "--json", "--show-secrets", "--stack", STACK).stdout
    (tmp_path / "outputs.json").write_text(outputs)
    assert json.loads(outputs)["dicom"]["port"] == 31113
    campaign = ("vnaops-campaign", "--studies", "4", "--outputs", str(tmp_path / "outputs.json"))
    done = second.run(*campaign, "--report-dir", str(tmp_path / "campaigns"), check=False)
    # not the exit code: thresholds ask for both ways of storing, and with so few studies it is chance who gets one
    (report,) = (tmp_path / "campaigns").glob("*/report.json")
    integrity = json.loads(report.read_text())["integrity"]
    assert integrity["acknowledged"] == integrity["identical"] > 0, done.stdout[-3000:] + done.stderr[-3000:]

    second.run("pulumi", "destroy", *stack, timeout=600)
    assert second.run("kubectl", "get", "namespace", second.namespace, check=False).returncode != 0
    volumes = json.loads(second.run("kubectl", "get", "persistentvolumes", "--output=json").stdout)["items"]
    assert not [v for v in volumes if v["spec"]["claimRef"]["namespace"] == second.namespace]
    assert f"[vnaops-{STACK}]" not in paths.credentials_file().read_text()
