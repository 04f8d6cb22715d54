"""Lasting faults made on purpose: the right alert fires in time, and its runbook, as it stands, ends the fault."""

import base64
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
import yaml
from botocore.config import Config

from infra import environment, paths
from infra.providers.vnaops.certificates import Authority, Wish, issue
from infra.rules import kebab
from tests.e2e.environment import STACK, Deployed, answered, eventually
from tests.peers import runbook

pytestmark = pytest.mark.timeout(1800)

AFTER_FOR_SECONDS = 120.0
ENDS_SECONDS = 300.0  # histories of 5 min are in no alert of these; a pod may have to start
SILENT_SECONDS = 60
ROOT = Path(__file__).parents[2]


def firing(deployed: Deployed, alert: str) -> list[dict[str, str]]:
    """The label sets with which Prometheus says that it fires."""
    return [one["metric"] for one in deployed.prometheus(f'ALERTS{{alertname="{alert}", alertstate="firing"}}')]


def hold_seconds(deployed: Deployed, alert: str) -> float:
    """The alert's `for`, when Prometheus has it loaded (it starts anew with new rules)."""
    found: list[dict[str, Any]] = []

    def loaded() -> bool:
        groups = answered(f"{deployed.outputs['prometheus']['url']}/api/v1/rules?type=alert")["data"]["groups"]
        found[:] = [rule for group in groups for rule in group["rules"] if rule["name"] == alert]
        return bool(found)

    eventually(loaded, 90, f"Prometheus has the rule {alert}")
    (rule,) = found
    assert rule["annotations"]["runbook_url"].endswith(f"/{kebab(alert)}.md")
    return float(rule["duration"])


def fires(deployed: Deployed, alert: str, more_seconds: float = 0.0) -> None:
    """Waits until it fires, in time. `more_seconds`: how long the fault must last to be one (a sender's silence)."""
    limit = hold_seconds(deployed, alert) + AFTER_FOR_SECONDS + more_seconds
    took = eventually(lambda: bool(firing(deployed, alert)), limit, f"{alert} fires")
    print(f"{alert} fired after {took:.0f} s; limit {limit:.0f} s")
    told = {one["labels"]["alertname"] for one in alerts(deployed)}
    assert alert in told, f"Alertmanager was not told of {alert}: {told}"


def alerts(deployed: Deployed) -> list[dict[str, Any]]:
    """What Alertmanager has."""
    found: list[dict[str, Any]] = answered(f"{deployed.outputs['alertmanager']['url']}/api/v2/alerts")
    return found


def mended(deployed: Deployed, alert: str) -> None:
    """Follows the alert's runbook; the alert ends."""
    print(f"following {kebab(alert)}.md")
    runbook.follow(kebab(alert), STACK)
    took = eventually(lambda: not firing(deployed, alert), ENDS_SECONDS, f"{alert} ends after its runbook")
    print(f"{alert} ended {took:.0f} s after its runbook")


@pytest.fixture(autouse=True)
def healthy(deployed: Deployed) -> Iterator[None]:
    """Nothing critical fires before, and whatever a failed test leaves is brought back."""
    # a budget burns on for minutes after its cause has ended
    critical = 'ALERTS{alertstate="firing", severity="critical", component!~"slo-.*"}'
    eventually(lambda: not deployed.prometheus(critical), 300, "nothing critical fires before the fault is made")
    yield
    try:
        eventually(lambda: not deployed.prometheus(critical), 120, "nothing critical fires afterwards")
    except AssertionError:
        deployed.pulumi("refresh", "--yes", "--skip-preview", timeout=580)
        up(deployed, {})


def test_an_archive_that_is_down_is_told_and_its_runbook_brings_it_back(deployed: Deployed) -> None:
    deployed.kubectl("scale", "statefulset/archive", "--replicas=0")
    fires(deployed, "ArchiveDown")
    states = {one["labels"]["alertname"]: one["status"]["state"] for one in alerts(deployed)}
    assert states["ArchiveDown"] == "active"
    # what follows from it calls nobody
    eventually(lambda: bool(firing(deployed, "StoreProbeFails")), 180, "the prober's stores fail too")
    (follows,) = [one for one in alerts(deployed) if one["labels"]["alertname"] == "StoreProbeFails"]
    assert follows["status"]["state"] == "suppressed"
    mended(deployed, "ArchiveDown")


def test_a_bucket_that_can_not_be_reached_is_told_and_its_runbook_brings_it_back(deployed: Deployed) -> None:
    (store,) = [
        one["metadata"]["name"]
        for one in deployed.objects("statefulsets")
        if one["metadata"]["labels"]["app.kubernetes.io/name"] == "object-store"
    ]
    deployed.kubectl("scale", f"statefulset/{store}", "--replicas=0")
    fires(deployed, "BucketUnreachable")
    mended(deployed, "BucketUnreachable")


def test_a_sender_that_is_silent_is_told_and_its_runbook_hears_it_again(deployed: Deployed) -> None:
    whole = yaml.safe_load((environment.STACKS / f"Pulumi.{STACK}.yaml").read_text())["config"]
    watched = [
        one | ({"silentAfterSeconds": SILENT_SECONDS} if one["aeTitle"] == "VNAOPS_LOAD" else {})
        for one in whole["vnaops:modalities"]
    ]
    try:
        up(deployed, {"modalities": watched})
        fires(deployed, "SenderSilent", SILENT_SECONDS)
        mended(deployed, "SenderSilent")
    finally:
        up(deployed, {})


def test_a_certificate_near_its_end_is_told_and_its_runbook_renews_it(deployed: Deployed) -> None:
    shorten_certificate(deployed, days=5)
    fires(deployed, "CertificateNearItsEnd")
    mended(deployed, "CertificateNearItsEnd")


def test_a_lock_that_drifted_is_told_and_its_runbook_brings_it_back(deployed: Deployed) -> None:
    store = deployed.outputs["objectStore"]
    session = botocore.session.Session(profile=store["profile"])
    session.set_config_variable("credentials_file", str(paths.credentials_file()))
    client = boto3.Session(botocore_session=session, region_name="us-east-1").client(
        "s3", endpoint_url=store["adminEndpoint"], config=Config(s3={"addressing_style": "path"})
    )
    before = client.get_object_lock_configuration(Bucket=store["bucket"])["ObjectLockConfiguration"]
    changed = json.loads(json.dumps(before))
    changed["Rule"]["DefaultRetention"]["Days"] += 1
    client.put_object_lock_configuration(Bucket=store["bucket"], ObjectLockConfiguration=changed)
    fires(deployed, "ObjectLockDrift")
    mended(deployed, "ObjectLockDrift")
    assert client.get_object_lock_configuration(Bucket=store["bucket"])["ObjectLockConfiguration"] == before


def up(deployed: Deployed, more: dict[str, Any]) -> None:
    """Deploys with settings on top of the stack's own."""
    env = {**deployed.env, **environment.stack_variables(STACK, more)}
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK]
    subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=580)


def shorten_certificate(deployed: Deployed, days: int) -> None:
    """Gives the front door a certificate of its own authority that ends in so many days."""
    exported = json.loads(
        deployed.run("pulumi", "stack", "export", "--show-secrets", "--stack", STACK, timeout=120).stdout
    )
    (door,) = [
        one["inputs"]
        for one in exported["deployment"]["resources"]
        if one["type"] == "vnaops:index:Certificate" and one["urn"].endswith("::front-door-tls")
    ]
    authority = Authority(_plain(door["caCertificate"]), _plain(door["caPrivateKey"]))
    wish = Wish("vnaops front door", door["dnsNames"], door["ipAddresses"], validity_days=days)
    made = issue(wish, authority, datetime.now(UTC))
    (name,) = [
        one["metadata"]["name"]
        for one in deployed.objects("secrets")
        if one["metadata"]["name"].startswith("haproxy-certificate")
    ]
    data = base64.b64encode(f"{made.certificate}{made.private_key}".encode()).decode()
    patch = json.dumps({"data": {"tls.pem": data}})
    deployed.kubectl("patch", "secret", name, "--type=merge", f"--patch={patch}")
    deployed.kubectl("rollout", "restart", "deployment/load-balancer")
    deployed.kubectl("rollout", "status", "deployment/load-balancer", "--timeout=180s")


def _plain(value: Any) -> str:
    """An input as it is, or as `--show-secrets` writes one that is secret."""
    return str(json.loads(value["plaintext"])) if isinstance(value, dict) else str(value)
