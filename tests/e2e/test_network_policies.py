"""Network policies are measured: a pod without leave knocks at every door, and one with leave is let in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.environment import Deployed

pytestmark = pytest.mark.timeout(1800)
DOORS = {
    "database": 5432,
    "database-members": 8008,
    "object-store": 8333,
    "archive": 4242,
    "archive ": 8042,
    "load-balancer": 11112,
    "prometheus": 9090,
    "page": 8080,
}
KNOCK = """
import json, socket, sys
answers = {}
for name, port in json.loads(sys.argv[1]).items():
    try:
        address = socket.gethostbyname(name.strip())
        socket.create_connection((address, port), 2).close()
        answers[name] = "open"
    except TimeoutError:
        answers[name] = "silent"
    except OSError as error:
        answers[name] = type(error).__name__
print(json.dumps(answers))
"""


def knock(deployed: Deployed, pod: str, doors: dict[str, int]) -> dict[str, str]:
    answers: dict[str, str] = json.loads(deployed.kubectl("exec", pod, "--", "python3", "-c", KNOCK, json.dumps(doors)))
    return answers


@pytest.fixture
def stranger(deployed: Deployed) -> Iterator[str]:
    """A pod in the same namespace whose labels give it no leave."""
    image = deployed.outputs["release"]["images"]["python"]
    container: dict[str, Any] = {
        "name": "stranger",
        "image": image,
        "command": ["python3", "-c", "import time; time.sleep(600)"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": spec}
    deployed.kubectl("delete", "pod", "stranger", "--ignore-not-found", "--wait=true")
    deployed.kubectl("run", "stranger", f"--image={image}", f"--overrides={json.dumps(pod)}")
    try:
        deployed.kubectl("wait", "--for=condition=Ready", "pod/stranger", "--timeout=60s")
        yield "stranger"
    finally:
        deployed.kubectl("delete", "pod", "stranger", "--wait=true")


def test_a_pod_without_leave_reaches_nothing(deployed: Deployed, stranger: str) -> None:
    assert knock(deployed, stranger, DOORS) == dict.fromkeys(DOORS, "silent")


def test_the_prober_reaches_the_front_door_and_nothing_behind_it(deployed: Deployed) -> None:
    answers = knock(deployed, deployed.pods("dicom-exporter")[0], DOORS)
    assert answers == {door: "open" if door == "load-balancer" else "silent" for door in DOORS}


def test_a_privileged_pod_is_not_admitted(deployed: Deployed) -> None:
    image = deployed.outputs["release"]["images"]["python"]
    done = deployed.run(
        "kubectl", "--namespace", deployed.namespace, "run", "root", f"--image={image}", "--privileged", check=False
    )
    assert done.returncode != 0
    assert "violates PodSecurity" in done.stderr
