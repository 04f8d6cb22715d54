"""What is deployed: images by digest, confined pods, secrets as files, a second `pulumi up` that changes nothing."""

import json

import pytest

from infra import paths
from tests.e2e.environment import STACK, Deployed

pytestmark = pytest.mark.timeout(1800)
APPS = (
    "archive",
    "database",
    "object-store",
    "load-balancer",
    "dicom-exporter",
    "s3-exporter",
    "prometheus",
    "alertmanager",
    "postgres-exporter",
)


def test_every_pod_runs_an_image_by_digest(deployed: Deployed) -> None:
    images = [c["image"] for p in deployed.objects("pods") for c in p["spec"]["containers"]]
    assert len(images) >= len(APPS)
    assert all("@sha256:" in image for image in images)


@pytest.mark.parametrize("app", APPS)
def test_a_container_is_not_root_and_cannot_write_to_its_root(deployed: Deployed, app: str) -> None:
    pod = deployed.inside(deployed.pods(app)[0])
    assert pod.check_output("id -u") == "10001"
    assert pod.run("touch /written").rc != 0
    assert pod.check_output("grep ^CapEff /proc/self/status").split()[1].strip("0") == ""


def test_two_archive_replicas_are_ready(deployed: Deployed) -> None:
    (archive,) = deployed.objects("statefulsets", "--selector=app.kubernetes.io/name=archive")
    assert archive["status"]["readyReplicas"] == 2


def test_no_secret_is_an_environment_variable_of_a_pod(deployed: Deployed) -> None:
    for pod in deployed.objects("pods"):
        for container in pod["spec"]["containers"]:
            assert "envFrom" not in container
            for variable in container.get("env", []):
                assert "secretKeyRef" not in variable.get("valueFrom", {})


def test_no_secret_is_in_the_state_in_plain_text(deployed: Deployed) -> None:
    password = deployed.outputs["dicomWeb"]["password"]
    assert len(password) >= 32
    states = list((paths.pulumi_state_dir() / ".pulumi" / "stacks").rglob(f"{STACK}.json"))
    assert states
    for state in states:
        assert password not in state.read_text()
        assert "PRIVATE KEY" not in state.read_text()


def test_a_second_pulumi_up_changes_nothing(deployed: Deployed) -> None:
    done = deployed.pulumi("up", "--yes", "--expect-no-changes")
    assert "unchanged" in done.stdout


def test_a_preview_with_diff_shows_no_change(deployed: Deployed) -> None:
    deployed.pulumi("preview", "--diff", "--expect-no-changes")


def test_drift_is_found_by_refresh_and_repaired_by_up(deployed: Deployed) -> None:
    deployed.kubectl("delete", "networkpolicy", "archive")
    try:
        found = deployed.pulumi("refresh", "--yes")
        assert "archive-traffic" in found.stdout
    finally:
        deployed.pulumi("up", "--yes")
    assert [p["metadata"]["name"] for p in deployed.objects("networkpolicies")].count("archive") == 1
    deployed.pulumi("up", "--yes", "--expect-no-changes")


def test_the_committed_stack_file_is_left_alone(deployed: Deployed) -> None:
    assert deployed.run("git", "status", "--porcelain", "stacks").stdout == ""


def test_a_wrong_setting_stops_before_anything_is_provisioned(deployed: Deployed) -> None:
    done = deployed.pulumi("preview", "--config", 'vnaops:database={"members": 0}', check=False)
    assert done.returncode != 0
    assert "vnaops:database.members: Input should be greater than or equal to 1 (it is 0)" in done.stdout + done.stderr


def test_the_outputs_name_the_release(deployed: Deployed) -> None:
    release = deployed.outputs["release"]
    built = json.loads(paths.images_file().read_text())
    assert release["images"]["archive"] == built["archive"]
    assert len(release["settings"]) == 64


def test_a_second_make_up_changes_nothing_and_runs_no_second_campaign(deployed: Deployed) -> None:
    done = deployed.run("make", "--silent", "up", timeout=600)
    assert "this release has its campaign" in done.stdout
    assert "0 built" in done.stdout
    assert "created" not in done.stdout
    assert "updated" not in done.stdout
