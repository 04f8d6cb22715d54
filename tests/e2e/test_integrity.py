"""Nothing acknowledged is ever lost: a replica dies under load, all restart, and every byte is asked for again."""

import json
import subprocess
from pathlib import Path

import pytest

from infra import paths
from tests.e2e.environment import STACK, Deployed, eventually

pytestmark = pytest.mark.timeout(1800)


def test_no_acknowledged_instance_is_missing_after_a_replica_died_under_load(
    deployed: Deployed, tmp_path: Path
) -> None:
    command = ["vnaops-campaign", "--outputs", str(paths.outputs_file(STACK)), "--report-dir", str(tmp_path)]
    with subprocess.Popen(
        command, env=deployed.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as campaign:

        def acknowledged() -> int:
            return sum(ledger.read_text().count('"acknowledged"') for ledger in tmp_path.glob("*/ledger-0.jsonl"))

        eventually(lambda: acknowledged() > 20, 120, "the campaign stores")
        writer = next(n for n, s in sorted(deployed.balancer_status("dicom_writers").items()) if s == "UP")
        deployed.kubectl("delete", "pod", writer, "--grace-period=0", "--force")
        output, _ = campaign.communicate(timeout=600)
    (ledger,) = tmp_path.glob("*/ledger-0.jsonl")
    assert acknowledged() > 100, output[-3000:]

    deployed.kubectl("rollout", "restart", "statefulset/archive")
    deployed.kubectl("rollout", "status", "statefulset/archive", "--timeout=180s")
    deployed.kubectl(
        "wait", "--for=condition=Ready", "pod", "--selector=app.kubernetes.io/name=archive", "--timeout=120s"
    )
    eventually(lambda: "UP" in deployed.balancer_status("dicom_writers").values(), 60, "a replica serves again")
    done = deployed.run(
        "vnaops-campaign", "verify", "--outputs", str(paths.outputs_file(STACK)), "--ledger", str(ledger), check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_first_campaigns_report_has_every_operation(deployed: Deployed) -> None:
    done = deployed.run("make", "--silent", "report-paths")
    report_json, report_html = (Path(line) for line in done.stdout.splitlines())
    report = json.loads(report_json.read_text())
    operations = report["operations"]
    assert {"C-STORE", "STOW-RS", "WADO-RS"} <= set(operations)
    for figures in operations.values():
        assert {"count", "failures", "instances_per_second", "bytes_per_second"} <= set(figures)
    assert "<html" in report_html.read_text()[:1000].lower()
