"""What is waited for, how long, and what the user is told when it does not come."""

import json
import threading
import time
from typing import Any

import pytest

from infra.providers.base.provider import InitializationError, ProviderError
from infra.providers.base.values import Secret
from tests.integration.providers.kubernetes.plugin import Plugin, config_map, workload
from tests.peers.kubernetes_api import KubernetesApi


@pytest.fixture
def plugin(api: KubernetesApi) -> Plugin:
    return Plugin(api)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "Pod"])
def test_what_runs_is_waited_for_and_answered_as_it_is_then(plugin: Plugin, namespace: str, kind: str) -> None:
    created = plugin.create(workload(namespace, kind, "runs"), timeout=60)
    status = created.properties["status"]
    assert status.get("readyReplicas") == 1 or status["phase"] == "Running"


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("absent", 'container c: [ErrImagePull] failed to pull image "absent": not found'),
        ("crashes", "[CrashLoopBackOff] back-off 10s restarting failed container ended with exit code 7 (Error)"),
        ("nowhere", "[Unschedulable] 0/1 nodes are available: 1 Insufficient cpu."),
    ],
)
def test_a_deployment_that_does_not_come_up_says_why_and_is_kept(
    plugin: Plugin, namespace: str, image: str, reason: str
) -> None:
    with pytest.raises(InitializationError, match=f"Deployment {namespace}/it was not ready after 8 s") as failed:
        plugin.create(workload(namespace, "Deployment", image), timeout=8)
    assert failed.value.id == f"{namespace}/it"
    assert failed.value.properties["metadata"]["name"] == "it"
    assert any(reason in one for one in failed.value.reasons), failed.value.reasons
    assert any(one.startswith("[Pod ") for one in failed.value.reasons)
    assert any("Waiting for app ReplicaSet to be available (0/1 Pods available)" in one for one in plugin.heard)


def test_a_time_limit_is_noticed_in_time(plugin: Plugin, namespace: str) -> None:
    began = time.monotonic()
    with pytest.raises(InitializationError):
        plugin.create(workload(namespace, "Pod", "crashes"), timeout=2)
    assert time.monotonic() - began < 10


def test_a_failed_job_is_not_waited_for(plugin: Plugin, namespace: str) -> None:
    with pytest.raises(InitializationError, match=f"Job {namespace}/it failed") as failed:
        plugin.create(workload(namespace, "Job", "fails", backoffLimit=0), timeout=60)
    assert any("[BackoffLimitExceeded]" in one for one in failed.value.reasons)


def test_pods_that_the_namespace_forbids_are_named_with_the_rule(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    api.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(InitializationError) as failed:
        plugin.create(workload(namespace, "StatefulSet", "runs", serviceName="it"), timeout=8)
    assert any("violates PodSecurity" in one for one in failed.value.reasons), failed.value.reasons


def test_a_service_without_pods_passes_after_it_has_settled(plugin: Plugin, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "lonely", "namespace": namespace},
        "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
    }
    began = time.monotonic()
    plugin.create(service, timeout=60)
    assert 8 < time.monotonic() - began < 30
    assert "[1/3] Finding Pods to direct traffic to" in plugin.heard


def test_a_claim_of_a_class_that_never_binds_is_not_ready(plugin: Plugin, namespace: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "it", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    with pytest.raises(InitializationError, match=r"PersistentVolumeClaim .* was not ready") as failed:
        plugin.create(claim, timeout=3)
    assert "Waiting for the PersistentVolumeClaim to be bound (Pending)" in failed.value.reasons


def test_a_wait_ends_when_the_user_interrupts_and_the_object_is_kept(plugin: Plugin, namespace: str) -> None:
    began = time.monotonic()
    threading.Timer(1, plugin.cancelled.set).start()
    with pytest.raises(InitializationError, match="not ready yet when the wait was interrupted"):
        plugin.create(workload(namespace, "Deployment", "absent"), timeout=120)
    assert time.monotonic() - began < 15


def annotated(inputs: dict[str, Any], **annotations: str) -> dict[str, Any]:
    named = {f"pulumi.com/{name}": value for name, value in annotations.items()}
    return {**inputs, "metadata": {**inputs["metadata"], "annotations": named}}


def test_an_annotation_skips_the_wait(plugin: Plugin, namespace: str) -> None:
    plugin.create(annotated(workload(namespace, "Deployment", "absent"), skipAwait="true"))
    assert "Skipping await logic" in plugin.heard


def test_an_annotation_names_what_to_wait_for(plugin: Plugin, namespace: str) -> None:
    waits = json.dumps(["jsonpath={.status.phase}=Running", "condition=Ready", "jsonpath={.spec.containers[*].name}"])
    plugin.create(annotated(workload(namespace, "Pod", "runs"), waitFor=waits), timeout=30)


def test_an_annotation_limits_the_time(plugin: Plugin, namespace: str) -> None:
    inputs = annotated(workload(namespace, "Pod", "runs"), waitFor="jsonpath={.status.phase}=Gone", timeoutSeconds="3")
    with pytest.raises(InitializationError, match="not ready after 3 s") as failed:
        plugin.create(inputs)
    assert 'Waiting for {.status.phase}=Gone (found "Running")' in failed.value.reasons


def test_a_wait_that_means_nothing_is_refused_in_words(plugin: Plugin, namespace: str) -> None:
    inputs = annotated(config_map(namespace, "a", {}), waitFor="ready please")
    (failure,) = plugin.check("kubernetes:core/v1:ConfigMap", inputs).failures
    assert failure.property == "metadata.annotations"
    assert "'ready please' is neither jsonpath={.field}[=value] nor condition=Type[=status]" in failure.reason


def test_a_refresh_of_what_is_not_ready_says_so_and_renews_the_state(plugin: Plugin, namespace: str) -> None:
    inputs = workload(namespace, "Deployment", "absent")
    with pytest.raises(InitializationError) as failed:
        plugin.create(inputs, timeout=8)
    with pytest.raises(InitializationError, match="is not ready") as unhealthy:
        plugin.read("kubernetes:apps/v1:Deployment", failed.value.id, failed.value.properties, inputs)
    assert unhealthy.value.inputs == inputs
    assert any("ErrImagePull" in one for one in unhealthy.value.reasons)


def test_a_deletion_that_something_holds_names_it(plugin: Plugin, api: KubernetesApi, namespace: str) -> None:
    inputs = config_map(namespace, "held", {}, finalizers=["example.test/never"])
    created = plugin.create(inputs)
    with pytest.raises(ProviderError, match=r"timed out .* \(finalizers: example.test/never\)"):
        plugin.delete(created.id, inputs, timeout=2)
    api.kubectl("-n", namespace, "patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    plugin.delete(created.id, inputs, timeout=10)  # gone already: a success


def test_a_namespace_is_gone_with_what_is_in_it(plugin: Plugin, api: KubernetesApi) -> None:
    inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "goes-away"}}
    created = plugin.create(inputs)
    plugin.create(workload("goes-away", "Deployment", "runs"), timeout=60)
    plugin.delete(created.id, inputs, timeout=120)
    assert "goes-away" not in api.kubectl("get", "namespaces", "-o", "name")


def test_no_reason_shows_a_secret(plugin: Plugin, namespace: str) -> None:
    inputs = workload(namespace, "Pod", "absent")
    inputs["spec"]["containers"][0]["env"] = [{"name": "PASSWORD", "value": Secret("not found")}]
    with pytest.raises(InitializationError) as failed:
        plugin.create(inputs, timeout=5)
    assert any('failed to pull image "absent": [secret]' in one for one in failed.value.reasons)
    environment = failed.value.properties["spec"]["containers"][0]["env"]
    assert environment == [{"name": "PASSWORD", "value": Secret("not found")}]
