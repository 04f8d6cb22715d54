"""What a user of the CLI meets: imports, failures that are repaired, interruption, explicit providers, refusals."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi import ResourceOptions

from tests.integration.providers.kubernetes.conftest import Engine, object_of
from tests.integration.providers.kubernetes.plugin import workload
from tests.peers.kubernetes_api import KubernetesApi


def spelled_out(namespace: str, image: str) -> dict[str, Any]:
    """With two values that an import can't tell from the server's defaults."""
    wanted = workload(namespace, "Deployment", image, replicas=1)
    wanted["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent"
    return wanted


def deployment(namespace: str, image: str, **options: Any) -> Callable[[], None]:
    def run() -> None:
        wanted = spelled_out(namespace, image)
        k8s.apps.v1.Deployment("it", metadata=wanted["metadata"], spec=wanted["spec"], opts=ResourceOptions(**options))

    return run


SHORT = {"custom_timeouts": pulumi.CustomTimeouts(create="8s", update="60s", delete="60s")}


def test_a_deployment_that_fails_is_kept_explained_and_repaired(
    engine: Engine, api: KubernetesApi, namespace: str
) -> None:
    said = engine.refused(deployment(namespace, "absent", **SHORT))
    assert f"Deployment {namespace}/it was not ready after 8 s" in said
    assert '[ErrImagePull] failed to pull image "absent": not found' in said
    assert engine.resources()["it"]["initErrors"]
    engine.up(deployment(namespace, "runs", **SHORT))
    assert "initErrors" not in engine.resources()["it"]
    assert object_of(api, "deployment", "it", namespace)["status"]["availableReplicas"] == 1


def test_an_interrupt_ends_the_wait_and_keeps_the_object(engine: Engine, namespace: str) -> None:
    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not any("Waiting for app ReplicaSet" in message for _, message in engine.said):
            if time.monotonic() > deadline:
                return
            threading.Event().wait(0.1)
        for child in _children("pulumi"):
            os.kill(child, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    began = time.monotonic()
    said = engine.refused(deployment(namespace, "absent"))
    helper.join()
    assert time.monotonic() - began < 100
    assert "was not ready yet when the wait was interrupted" in said
    assert engine.resources()["it"]["id"] == f"{namespace}/it"


def _children(name: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == name:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found += [int(entry.name)] if parent == os.getpid() else []
        except OSError:
            continue
    return found


@pytest.mark.parametrize("made_by", ["create", "apply"])
def test_what_kubectl_made_can_be_imported_by_the_program_without_a_difference(
    engine: Engine, api: KubernetesApi, namespace: str, made_by: str
) -> None:
    api.kubectl(made_by, "-f", "-", stdin=spelled_out(namespace, "runs"))
    imports = deployment(namespace, "runs", import_=f"{namespace}/it")
    assert [(step["op"], step["diff"]) for step in engine.planned(imports)] == [("import", {})]
    engine.up(imports)
    assert engine.planned(deployment(namespace, "runs")) == []


def test_the_import_command_takes_an_object_over(engine: Engine, api: KubernetesApi, namespace: str) -> None:
    api.kubectl("-n", namespace, "create", "configmap", "found", "--from-literal=x=1")

    def run() -> None:
        k8s.core.v1.ConfigMap("found", metadata={"name": "found", "namespace": namespace}, data={"x": "1"})

    engine.stack(run).import_resources(
        resources=[{"type": "kubernetes:core/v1:ConfigMap", "name": "found", "id": f"{namespace}/found"}],
        protect=False,
        generate_code=False,
    )
    assert engine.resources()["found"]["inputs"]["data"] == {"x": "1"}
    assert engine.planned(run) == []


def test_explicit_providers_patches_and_looks_work(engine: Engine, api: KubernetesApi, namespace: str) -> None:
    api.kubectl("-n", namespace, "create", "configmap", "theirs", "--from-literal=x=1")

    def program(value: str, *, patched: bool = True) -> Callable[[], None]:
        def run() -> None:
            mine = k8s.Provider(
                "explicit",
                kubeconfig=api.kubeconfig.read_text(),
                namespace=namespace,
                enable_config_map_mutable=True,
            )
            k8s.core.v1.ConfigMap(
                "mutable", metadata={"name": "mutable"}, data={"a": value}, opts=ResourceOptions(provider=mine)
            )
            if patched:
                k8s.core.v1.ConfigMapPatch(
                    "patch", metadata={"name": "theirs", "namespace": namespace}, data={"y": "2"}
                )
            pulumi.export("ip", k8s.core.v1.Service.get("api", "default/kubernetes").spec.cluster_ip)

        return run

    assert engine.up(program("1")).outputs["ip"].value == "10.96.0.1"
    assert object_of(api, "configmap", "theirs", namespace)["data"] == {"x": "1", "y": "2"}
    steps = {step["op"]: step["diff"] for step in engine.planned(program("2"))}
    assert steps == {"read": {}, "update": {"data.a": "update"}}
    engine.up(program("2", patched=False))
    assert object_of(api, "configmap", "mutable", namespace)["data"] == {"a": "2"}
    assert object_of(api, "configmap", "theirs", namespace)["data"] == {"x": "1"}
    engine.stack(program("2", patched=False)).destroy()


@pytest.mark.parametrize(
    ("component", "what"),
    [
        (lambda: k8s.helm.v3.Release("r", chart="nginx"), "Helm can't be used"),
        (lambda: k8s.helm.v4.Chart("c", chart="nginx"), "Helm can't be used"),
        (lambda: k8s.yaml.v2.ConfigFile("f", file="x.yaml"), "YAML files (ConfigFile, ConfigGroup) can't be used"),
        (lambda: k8s.kustomize.v2.Directory("d", directory="x"), "Kustomize can't be used"),
        (lambda: k8s.core.v1.ConfigMapList("l", items=[]), "a list is no object"),
    ],
)
def test_what_is_not_served_is_refused_in_words(engine: Engine, component: Callable[[], Any], what: str) -> None:
    def run() -> None:
        component()

    assert what in engine.refused(run)
