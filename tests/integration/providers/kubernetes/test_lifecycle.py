"""A program's life with the real engine: made, unchanged, changed, drifted, replaced, destroyed."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from tests.integration.providers.kubernetes.conftest import Engine, object_of
from tests.peers.kubernetes_api import KubernetesApi

LABELS = {"app": "web"}


def pod(image: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


def program(namespace: str, *on: str) -> Callable[[], None]:
    """One of each kind that is waited for, and some that are not; `on` throws switches."""

    def run() -> None:
        inside = {"namespace": namespace}
        claims = [
            {
                "metadata": {"name": "d"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ]
        k8s.core.v1.ConfigMap("auto", metadata=inside, data={"a": "2" if "data" in on else "1"})
        k8s.core.v1.ConfigMap("named", metadata={**inside, "name": "named"}, data={"a": "2" if "data" in on else "1"})
        secret = k8s.core.v1.Secret(
            "secret", metadata={**inside, "name": "secret"}, string_data={"password": pulumi.Output.secret("hunter2!")}
        )
        k8s.core.v1.Service(
            "svc",
            metadata={**inside, "name": "svc"},
            spec={"selector": LABELS, "ports": [{"port": 81 if "port" in on else 80}]},
        )
        container = {
            "name": "c",
            "image": "runs:2" if "image" in on else "runs:1",
            "env": [{"name": "PASSWORD", "value": pulumi.Output.secret("swordfish")}],
        }
        k8s.apps.v1.Deployment(
            "web",
            metadata={
                **inside,
                "name": "web",
                "labels": {} if "no-label" in on else {"tier": "front"},
                "annotations": {"pulumi.com/patchForce": "true"} if "force" in on else {},
            },
            spec={
                "replicas": 2,
                "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
            },
        )
        k8s.apps.v1.StatefulSet(
            "db",
            metadata={**inside, "name": "db"},
            spec={
                "serviceName": "db2" if "service-name" in on else "db",
                "replicas": 2,
                "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": pod("runs:1")["spec"]},
                "volumeClaimTemplates": claims,
            },
        )
        k8s.apps.v1.DaemonSet(
            "each",
            metadata={**inside, "name": "each"},
            spec={
                "selector": {"matchLabels": {"app": "each"}},
                "template": {"metadata": {"labels": {"app": "each"}}, "spec": pod("runs:1")["spec"]},
            },
        )
        k8s.batch.v1.Job(
            "job", metadata={**inside, "name": "job"}, spec={"template": pod("ends:1", restartPolicy="Never")}
        )
        k8s.core.v1.Pod("alone", metadata={**inside, "name": "alone"}, spec=pod("runs:1")["spec"])
        k8s.rbac.v1.Role(
            "role",
            metadata={**inside, "name": "role"},
            rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        )
        k8s.networking.v1.NetworkPolicy(
            "deny", metadata={**inside, "name": "deny"}, spec={"podSelector": {}, "policyTypes": ["Ingress"]}
        )
        fresh = k8s.core.v1.Namespace("fresh")
        k8s.core.v1.ConfigMap("in-fresh", metadata={"namespace": fresh.metadata["name"]}, data={"a": "1"})
        definition = k8s.apiextensions.v1.CustomResourceDefinition(
            "crd",
            metadata={"name": f"things.{namespace}.example.test"},
            spec={
                "group": f"{namespace}.example.test",
                "scope": "Namespaced",
                "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                ],
            },
        )
        k8s.apiextensions.CustomResource(
            "thing",
            api_version=f"{namespace}.example.test/v1",
            kind="Thing",
            metadata={**inside, "name": "thing"},
            spec={"size": 1},
            opts=ResourceOptions(depends_on=[definition]),
        )
        pulumi.export("secret", secret.metadata["name"])

    return run


def test_a_program_is_made_kept_changed_drifts_is_repaired_and_destroyed(
    engine: Engine, api: KubernetesApi, namespace: str
) -> None:
    first = program(namespace)
    assert {step["op"] for step in engine.planned(first)} == {"create"}

    engine.up(first)
    resources = engine.resources()
    assert resources["named"]["id"] == f"{namespace}/named"
    assert resources["fresh"]["id"] == resources["in-fresh"]["inputs"]["metadata"]["namespace"]
    assert resources["web"]["outputs"]["status"]["availableReplicas"] == 2
    assert resources["db"]["outputs"]["status"]["readyReplicas"] == 2
    assert resources["job"]["outputs"]["status"]["succeeded"] == 1
    said = {message for _, message in engine.said}
    assert "Deployment initialization complete" in said
    assert "StatefulSet initialization complete" in said
    for value in ("hunter2!", "swordfish", "aHVudGVyMiE="):
        assert value not in engine.state_text()
        assert value not in "\n".join(engine.printed)

    assert engine.planned(first) == []
    assert set(engine.up(first).summary.resource_changes or {}) == {"same"}

    second = program(namespace, "data", "port", "image", "no-label", "service-name")
    steps = {(step["type"].rpartition(":")[2], step["op"]): step["diff"] for step in engine.planned(second)}
    assert steps["ConfigMap", "replace"] == {"data.a": "update-replace"}
    assert steps["Service", "update"] == {"spec.ports[0].port": "update"}
    assert steps["StatefulSet", "replace"] == {"spec.serviceName": "update-replace"}
    assert steps["Deployment", "update"] == {
        "metadata.labels": "delete",
        "spec.template.spec.containers[0].image": "update",
    }
    before = engine.resources()
    engine.up(second)
    after = engine.resources()
    assert after["auto"]["id"] != before["auto"]["id"]
    assert after["named"]["id"] == before["named"]["id"]
    assert object_of(api, "deployment", "web", namespace)["metadata"].get("labels") is None
    assert after["web"]["outputs"]["__fieldManager"] == before["web"]["outputs"]["__fieldManager"]

    api.kubectl("-n", namespace, "delete", "configmap", "named")
    api.kubectl("-n", namespace, "scale", "deployment", "web", "--replicas=1")
    assert engine.planned(second) == []  # nobody looked
    engine.stack(second).refresh()
    assert engine.resources()["web"]["inputs"]["spec"]["replicas"] == 1
    refusal = engine.refused(second)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refusal
    assert "pulumi.com/patchForce" in refusal

    third = program(namespace, "data", "port", "image", "no-label", "service-name", "force")
    steps = {(step["type"].rpartition(":")[2], step["op"]): step["diff"] for step in engine.planned(third)}
    assert steps["Deployment", "update"] == {"metadata.annotations": "add", "spec.replicas": "update"}
    engine.up(third)
    assert object_of(api, "deployment", "web", namespace)["spec"]["replicas"] == 2

    engine.stack(third).destroy()
    assert engine.resources() == {}
    assert api.kubectl("-n", namespace, "get", "deployments,statefulsets,services,jobs", "-o", "name") == ""
