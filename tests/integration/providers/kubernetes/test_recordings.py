"""The recorded calls of the official plug-in, asked again: the stand-in answers the same, or better and listed here."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.providers.kubernetes.replay import Hand, Outcome, Replay, calls
from tests.peers.kubernetes_api import KubernetesApi, PlayedKubelet, kubernetes_api

RECORDED = calls()
pytestmark = pytest.mark.timeout(900)  # the first test waits for all steps: 2 minutes on an idle machine


def outcome(pod: dict[str, Any]) -> str:
    """What became of the recorded pods."""
    container = pod["spec"]["containers"][0]
    if container["image"] != "localhost/bb:1":
        return "absent"
    command = container["command"]
    if command == ["false"]:
        return "fails" if pod["spec"].get("restartPolicy") == "Never" else "crashes"
    return "runs" if command == ["sleep", "3600"] else "ends"


@pytest.fixture(scope="module")
def replayed() -> Iterator[dict[str, list[Outcome]]]:
    """All steps, one after the other, in a cluster of their own."""
    with kubernetes_api() as api, PlayedKubelet(api, outcome):
        _furnish(api)
        replay, hand, outcomes = Replay(api), Hand(api), {}
        for step, recorded in RECORDED.items():
            hand.before(step)
            unreachable = step.startswith(("09e", "12"))
            outcomes[step] = replay.step(recorded, "/absent/kubeconfig" if unreachable else str(api.kubeconfig))
        yield outcomes


def _furnish(api: KubernetesApi) -> None:
    """What the recorded cluster had: a node for the DaemonSet's pod, and a storage class."""
    api.client.call(
        "POST",
        "/api/v1/nodes",
        body={"apiVersion": "v1", "kind": "Node", "metadata": {"name": "played"}},
    )
    api.client.call(
        "POST",
        "/apis/storage.k8s.io/v1/storageclasses",
        body={
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "local"},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    )


# Where the stand-in answers otherwise, and why.
_KEEPS_THE_NAME = "a preview of a replacement keeps the name; the official plug-in shows a random one"
_PREVIEWS_IT = "the official plug-in's preview of this replacement fails, though the update works"
_IMPORTS_INPUTS = "an import has inputs; the official plug-in's are bare, so that it differs from every program"
_ANOTHER_CLUSTER = "is of the recorded cluster"
DIFFERENT: dict[tuple[str, str, str], str] = {
    ("03-update.preview", "Create", "plain"): "a preview shows no field manager of the predecessor, which goes first",
    ("04b-replace-job.preview", "Create", "job"): _KEEPS_THE_NAME,
    ("04c-replace-service-name.preview", "Create", "db"): _PREVIEWS_IT,
    ("04d-replace-claim-template.preview", "Create", "db"): _PREVIEWS_IT,
    ("04e-replace-cluster-ip.preview", "Create", "svc"): _PREVIEWS_IT,
    ("04f-replace-claim.preview", "Update", "pvc"): "an unbound claim is refused, and nothing binds one here",
    ("04g-replace-role-ref.preview", "Create", "bind"): _PREVIEWS_IT,
    ("04h-replace-selector.preview", "Create", "web"): _KEEPS_THE_NAME,
    ("06a-import-option-bare.preview", "Read", "found-bare"): _IMPORTS_INPUTS,
    ("06a-import-option-bare.up", "Read", "found-bare"): _IMPORTS_INPUTS,
    ("06b-import-option-applied.preview", "Read", "found-applied"): _IMPORTS_INPUTS,
    ("06b-import-option-applied.up", "Read", "found-applied"): _IMPORTS_INPUTS,
    ("08a-conflict-create.preview", "Create", "contested"): "a conflict shows in the preview, not only in the update",
    ("09a-extras.preview", "Read", "api"): _ANOTHER_CLUSTER,
    ("09a-extras.up", "Read", "api"): _ANOTHER_CLUSTER,
    ("11a-import-option-deployment.preview", "Read", "found-deployment"): _IMPORTS_INPUTS,
    ("11a-import-option-deployment.up", "Read", "found-deployment"): _IMPORTS_INPUTS,
    ("11c-import-command.import", "Read", "dns"): _ANOTHER_CLUSTER,
    ("11c-import-command.import", "Read", "found-bare"): _IMPORTS_INPUTS,
    ("11c-import-command.import", "Read", "kube-dns"): _ANOTHER_CLUSTER,
}


@pytest.mark.parametrize("step", RECORDED)
def test_a_recorded_step_is_answered_alike(replayed: dict[str, list[Outcome]], step: str) -> None:
    unlike = [one for one in replayed[step] if (step, one.method, one.name) not in DIFFERENT]
    assert not unlike, "\n".join(map(str, unlike))


@pytest.mark.parametrize(("step", "method", "name"), DIFFERENT)
def test_a_listed_difference_exists(replayed: dict[str, list[Outcome]], step: str, method: str, name: str) -> None:
    assert (method, name) in {(one.method, one.name) for one in replayed[step]}
