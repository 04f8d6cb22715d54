"""What is written and what is refused: conflicts, previews, patches, imports, clusters out of reach."""

import time
from typing import Any

import pytest

from infra.providers.base.provider import ProviderError
from infra.providers.base.values import Secret, Unknown, plain
from tests.integration.providers.kubernetes.conftest import object_of
from tests.integration.providers.kubernetes.plugin import Plugin, config_map, token_of, workload
from tests.peers.kubernetes_api import KubernetesApi


@pytest.fixture
def plugin(api: KubernetesApi) -> Plugin:
    return Plugin(api)


def secret(namespace: str, data: dict[str, str], **fields: Any) -> dict[str, Any]:
    metadata = {"name": "it", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": Secret(data), **fields}


def test_a_conflict_names_manager_and_field_and_what_can_be_done(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    theirs = config_map(namespace, "contested", {"x": "theirs"})
    api.kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=theirs)
    mine = config_map(namespace, "contested", {"x": "mine"})
    for preview in (True, False):
        with pytest.raises(ProviderError, match=r'conflict with "other": \.data\.x') as refused:
            plugin.create(mine, preview=preview)
        assert 'pulumi.com/patchForce: "true"' in str(refused.value)
    mine["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    plugin.create(mine)
    assert object_of(api, "configmap", "contested", namespace)["data"] == {"x": "mine"}


def test_an_update_removes_what_the_program_dropped_and_leaves_what_others_added(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    old, new = config_map(namespace, "it", {"a": "1", "b": "1"}), config_map(namespace, "it", {"a": "2"})
    created = plugin.create(old)
    api.kubectl("-n", namespace, "patch", "configmap", "it", "--type=merge", "-p", '{"data":{"theirs":"1"}}')
    shown = plugin.update(created, old, new, preview=True)
    assert shown["data"] == {"a": "2", "theirs": "1"}
    assert object_of(api, "configmap", "it", namespace)["data"] == {"a": "1", "b": "1", "theirs": "1"}
    plugin.update(created, old, new)
    assert object_of(api, "configmap", "it", namespace)["data"] == {"a": "2", "theirs": "1"}


def test_a_preview_shows_the_servers_defaults_and_changes_nothing(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    shown = plugin.create(workload(namespace, "Deployment", "runs"), preview=True)
    assert shown.id == ""
    assert shown.properties["spec"]["strategy"]["type"] == "RollingUpdate"
    assert api.kubectl("-n", namespace, "get", "deployments", "-o", "name") == ""


@pytest.mark.parametrize(
    "inputs",
    [
        config_map("not-there-yet", "it", {"a": "1"}),
        {"apiVersion": "not.there/v1", "kind": "Yet", "metadata": {"name": "it", "namespace": "default"}},
        config_map("default", "it", {"a": "unknown"}) | {"data": {"a": Unknown()}},
    ],
)
def test_a_preview_of_what_the_server_can_not_know_echoes_the_inputs(plugin: Plugin, inputs: dict[str, Any]) -> None:
    assert plugin.create(inputs, preview=True).properties == inputs


def test_a_preview_of_a_replacement_keeps_its_name(plugin: Plugin, namespace: str) -> None:
    """Its predecessor has the name until the update."""
    plugin.create(workload(namespace, "Job", "ends", completions=1), timeout=60)
    shown = plugin.create(workload(namespace, "Job", "ends", completions=2), preview=True)
    assert shown.properties["metadata"]["name"] == "it"
    assert shown.properties["spec"]["template"]["metadata"]["labels"]["job-name"] == "it"
    assert shown.properties["spec"]["completions"] == 2


def test_what_the_server_forbids_passes_a_preview_with_a_warning(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"count/secrets": "0"}},
    }
    plugin.create(quota)
    deadline = time.monotonic() + 30  # the quota counts once a controller has seen it
    while "hard" not in object_of(api, "resourcequota", "none", namespace).get("status", {}):
        assert time.monotonic() < deadline
    inputs = secret(namespace, {"a": "MQ=="})
    assert plugin.create(inputs, preview=True).properties == inputs
    assert any("exceeded quota" in one for one in plugin.heard)


def test_an_absent_namespace_is_refused_within_seconds(plugin: Plugin) -> None:
    began = time.monotonic()
    with pytest.raises(ProviderError, match='ConfigMap absent/it was not created: namespaces "absent" not found'):
        plugin.create(config_map("absent", "it", {}))
    assert time.monotonic() - began < 20
    assert any(one.startswith("Retry #1; creation failed: ") for one in plugin.heard)


def test_an_unknown_kind_is_refused_with_what_may_be_missing(plugin: Plugin) -> None:
    inputs = {"apiVersion": "absent.example/v1", "kind": "Absent", "metadata": {"name": "it"}}
    with pytest.raises(
        ProviderError, match=r"knows no kind Absent in absent\.example/v1: is its CustomResourceDefinition there"
    ):
        plugin.create(inputs)


def test_a_patch_of_what_is_not_there_is_refused(plugin: Plugin, namespace: str) -> None:
    with pytest.raises(ProviderError, match=f"ConfigMap {namespace}/absent does not exist: a patch changes what is"):
        plugin.create(config_map(namespace, "absent", {}), token="kubernetes:core/v1:ConfigMapPatch")


def test_secrets_stay_out_of_refusals_and_are_marked_in_the_state(plugin: Plugin, namespace: str) -> None:
    with pytest.raises(ProviderError) as refused:
        plugin.create(secret(namespace, {"k": "hunter2-not-base64!"}))
    assert "hunter2" not in str(refused.value)
    created = plugin.create(secret(namespace, {"k": "aHVudGVyMg=="}))
    assert created.properties["data"] == Secret({"k": "aHVudGVyMg=="})
    assert created.properties["__inputs"]["data"] == Secret({"k": "aHVudGVyMg=="})
    found = plugin.read("kubernetes:core/v1:Secret", created.id, {}, {}, importing=True)
    assert found is not None
    assert found.inputs["data"] == Secret({"k": "aHVudGVyMg=="})


def test_a_name_can_be_left_to_the_server(plugin: Plugin, namespace: str) -> None:
    inputs = config_map(namespace, "", {"a": "1"})
    inputs["metadata"] = {"generateName": "made-", "namespace": namespace}
    assert plugin.check("kubernetes:core/v1:ConfigMap", inputs).inputs["metadata"] == inputs["metadata"]
    created = plugin.create(inputs)
    assert created.id.startswith(f"{namespace}/made-")
    changed = {**inputs, "data": {"a": "2"}}
    assert plugin.update(created, inputs, changed)["data"] == {"a": "2"}
    plugin.delete(created.id, changed)


def test_client_side_apply_changes_and_removes_what_differs(api: KubernetesApi, namespace: str) -> None:
    plugin = Plugin(api, enableServerSideApply="false")
    old = config_map(namespace, "it", {"a": "1", "b": "1"})
    created = plugin.create(old)
    assert created.properties["__fieldManager"] == "pulumi-kubernetes"
    plugin.update(created, old, config_map(namespace, "it", {"a": "2"}))
    assert object_of(api, "configmap", "it", namespace)["data"] == {"a": "2"}


@pytest.mark.parametrize("made_by", ["create", "apply"])
def test_an_imported_deployment_has_the_inputs_that_somebody_wrote(
    plugin: Plugin, api: KubernetesApi, namespace: str, made_by: str
) -> None:
    written = workload(namespace, "Deployment", "runs", replicas=2)
    container = written["spec"]["template"]["spec"]["containers"][0]
    container |= {"imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 80}], "args": ["x"]}
    api.kubectl(made_by, "-f", "-", stdin=written)
    found = plugin.read(token_of(written), f"{namespace}/it", {}, {}, importing=True)
    assert found is not None
    assert found.inputs == written
    assert found.properties["__inputs"] == written


def test_an_imported_service_has_no_addresses_of_the_cluster_in_its_inputs(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    for name, address in (("with", {}), ("without", {"clusterIP": "None"})):
        written = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": 8080}], **address},
        }
        api.kubectl("create", "-f", "-", stdin=written)
        found = plugin.read(token_of(written), f"{namespace}/{name}", {}, {}, importing=True)
        assert found is not None
        assert found.inputs == written


def test_an_object_of_a_version_that_is_no_longer_served_is_found_and_deleted_in_another(
    plugin: Plugin, api: KubernetesApi, namespace: str
) -> None:
    inputs = workload(namespace, "Deployment", "runs")
    created = plugin.create(inputs, timeout=60)
    old = {**inputs, "apiVersion": "apps/v1beta1"}
    found = plugin.read("kubernetes:apps/v1beta1:Deployment", created.id, created.properties, old)
    assert found is not None
    assert found.properties["apiVersion"] == "apps/v1"
    plugin.delete(created.id, old, timeout=30)
    assert api.kubectl("-n", namespace, "get", "deployments", "-o", "name") == ""


def test_what_is_absent_is_read_as_nothing(plugin: Plugin, namespace: str) -> None:
    assert plugin.read("kubernetes:core/v1:ConfigMap", f"{namespace}/absent", {}, {}) is None


def test_a_quantity_that_the_server_spells_otherwise_is_no_drift(plugin: Plugin, namespace: str) -> None:
    inputs = workload(namespace, "Deployment", "runs")
    requests = {"cpu": 0.5, "memory": "1024Mi"}
    inputs["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": requests}
    created = plugin.create(inputs, timeout=60)
    found = plugin.read(token_of(inputs), created.id, created.properties, inputs)
    assert found is not None
    assert found.inputs == inputs


def test_a_cluster_out_of_reach_lets_previews_pass_and_refuses_the_rest(namespace: str) -> None:
    plugin = Plugin(None, kubeconfig=UNREACHABLE)
    inputs = config_map(namespace, "it", {})
    assert plugin.create(inputs, preview=True).properties == inputs
    with pytest.raises(ProviderError, match=r"can't be reached: https://127.0.0.1:1 does not answer"):
        plugin.create(inputs)
    with pytest.raises(ProviderError, match="PULUMI_K8S_DELETE_UNREACHABLE=true removes"):
        plugin.read("kubernetes:core/v1:ConfigMap", f"{namespace}/it", inputs, inputs)
    with pytest.raises(ProviderError, match="can't be reached"):
        plugin.delete(f"{namespace}/it", inputs)


def test_a_cluster_that_is_gone_for_good_can_be_forgotten(namespace: str) -> None:
    plugin = Plugin(None, kubeconfig=UNREACHABLE, deleteUnreachable="true")
    inputs = config_map(namespace, "it", {})
    assert plugin.read("kubernetes:core/v1:ConfigMap", f"{namespace}/it", inputs, inputs) is None
    plugin.delete(f"{namespace}/it", inputs)
    assert len(plugin.heard) == 2


def test_a_kubeconfig_that_is_not_there_is_named() -> None:
    plugin = Plugin(None, kubeconfig="/absent/kubeconfig")
    with pytest.raises(ProviderError, match="kubeconfig /absent/kubeconfig does not exist"):
        plugin.create(config_map("default", "it", {}))


UNREACHABLE = """
current-context: c
contexts: [{name: c, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
"""


def test_the_providers_namespace_is_given_to_what_lives_in_one(api: KubernetesApi) -> None:
    plugin = Plugin(api, namespace="mine")
    inputs: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert plain(plugin.check("kubernetes:core/v1:ConfigMap", inputs).inputs)["metadata"]["namespace"] == "mine"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    checked = plugin.check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", role)
    assert "namespace" not in checked.inputs["metadata"]
