"""Network policies are measured: a pod without leave knocks at every door, and one with leave is let in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.environment import Deployed, eventually

pytestmark = pytest.mark.timeout(1800)
DOORS = {
    "database": 5432,
    "database-members": 8008,
    "object-store": 8333,
    "archive": 4242,
    "archive ": 8042,
    "load-balancer": 11112,
    "dicom-exporter": 11112,
    "prometheus": 9090,
    "page": 8080,
    "http-log-exporter": 9883,
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
SEND = """
import socket
log = (socket.gethostbyname("http-log-exporter"), 9514)
for _ in range(20):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"no line", log)
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


def test_a_pod_without_leave_can_not_send_lines_of_a_log(deployed: Deployed, stranger: str) -> None:
    malformed, taken = deployed.log_lines("malformed"), deployed.log_lines("transaction")
    deployed.kubectl("exec", stranger, "--", "python3", "-c", SEND)
    # later than those: when it has come, they would have
    deployed.https("/dicom-web/studies?limit=1")
    eventually(lambda: deployed.log_lines("transaction") > taken, 30, "the balancer's line has come")
    assert deployed.log_lines("malformed") == malformed


def test_the_prober_reaches_the_front_door_and_nothing_behind_it(deployed: Deployed) -> None:
    doors = {door: port for door, port in DOORS.items() if door != "dicom-exporter"}  # its own
    answers = knock(deployed, deployed.pods("dicom-exporter")[0], doors)
    assert answers == {door: "open" if door == "load-balancer" else "silent" for door in doors}


def test_a_privileged_pod_is_not_admitted(deployed: Deployed) -> None:
    image = deployed.outputs["release"]["images"]["python"]
    done = deployed.run(
        "kubectl", "--namespace", deployed.namespace, "run", "root", f"--image={image}", "--privileged", check=False
    )
    assert done.returncode != 0
    assert "violates PodSecurity" in done.stderr
