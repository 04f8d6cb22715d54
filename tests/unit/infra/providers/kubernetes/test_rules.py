"""Small rules: merge patches, annotations, settings, what to wait for, what an import leaves out."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.providers.base.engine import Call, Engine
from infra.providers.base.provider import CheckRequest, CreateRequest, DiffRequest, ProviderError
from infra.providers.base.values import Unknown
from infra.providers.kubernetes import annotations
from infra.providers.kubernetes.annotations import AnnotationError
from infra.providers.kubernetes.apply import merge_patch
from infra.providers.kubernetes.importing import imported_inputs
from infra.providers.kubernetes.provider import KubernetesProvider
from infra.providers.kubernetes.settings import parse
from infra.providers.kubernetes.waiting.expressions import expression

objects = st.recursive(
    st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(objects, objects)
def test_a_merge_patch_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, merge_patch(old, new)) == new


def test_a_merge_patch_leaves_alone_what_the_program_does_not_name() -> None:
    live = {"a": {"mine": 1, "theirs": 1}}
    assert merged(live, merge_patch({"a": {"mine": 1}}, {"a": {"mine": 2}})) == {"a": {"mine": 2, "theirs": 1}}


def annotated(**named: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {f"pulumi.com/{name}": value for name, value in named.items()}}}


def test_annotations_are_read() -> None:
    assert annotations.flag(annotated(skipAwait="true"), "skipAwait")
    assert annotations.timeout(annotated(timeoutSeconds="30")) == 30
    assert annotations.timeout({}) is None
    assert annotations.propagation(annotated(deletionPropagationPolicy="Orphan")) == "Orphan"
    assert annotations.propagation({}) == "Foreground"
    assert annotations.wait_for(annotated(waitFor='["condition=A", "condition=B"]')) == ["condition=A", "condition=B"]


@pytest.mark.parametrize(
    ("read", "inputs", "message"),
    [
        (annotations.timeout, annotated(timeoutSeconds="soon"), "is 'soon': it must be a number of seconds"),
        (annotations.propagation, annotated(deletionPropagationPolicy="x"), "must be one of foreground, background"),
        (annotations.wait_for, annotated(waitFor="[1]"), "begins like a list but is no JSON list of strings"),
    ],
)
def test_an_annotation_that_means_nothing_is_refused(read: Any, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        read(inputs)


OBJECT = {
    "status": {
        "phase": "Running",
        "ready": True,
        "addresses": [{"type": "A", "ip": "1"}, {"type": "B", "ip": "2"}],
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}],
        "a.b": "c",
    }
}


@pytest.mark.parametrize(
    "text",
    [
        "jsonpath={.status.phase}=Running",
        "jsonpath={.status.phase}",
        "jsonpath={.status.ready}=true",
        "jsonpath={.status.addresses[1].ip}=2",
        "jsonpath={.status.addresses[-1].ip}=2",
        "jsonpath={.status.addresses[*].ip}=1",
        'jsonpath={.status.addresses[?(@.type=="B")].ip}=2',
        "jsonpath={.status['a.b']}=c",
        "condition=Ready",
        "condition=Old=False",
    ],
)
def test_an_expression_holds(text: str) -> None:
    assert expression(text, OBJECT).ready


@pytest.mark.parametrize("text", ["jsonpath={.status.phase}=Gone", "jsonpath={.status.x[3].y}", "condition=Absent"])
def test_an_expression_does_not_hold(text: str) -> None:
    assert not expression(text, OBJECT).ready


@pytest.mark.parametrize("text", ["ready", "jsonpath=.status", "jsonpath={status..x}", "condition="])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(AnnotationError, match=r"annotation pulumi\.com/waitFor: "):
        expression(text, OBJECT)


def test_settings_come_as_strings_or_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse({}).server_side_apply
    assert not parse({"enableServerSideApply": "false"}).server_side_apply
    assert parse({"enableConfigMapMutable": "true"}).mutable == {"ConfigMap"}
    monkeypatch.setenv("PULUMI_K8S_ENABLE_SECRET_MUTABLE", "true")
    assert parse({}).mutable == {"Secret"}
    assert parse({"kubeconfig": Unknown()}).kubeconfig_unknown


def test_an_import_leaves_out_what_a_controller_noted() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "annotations": {"mine": "1"}, "labels": {}},
        "data": {"a": "1"},
        "status": {},
    }
    metadata = {"name": "a", "annotations": {"mine": "1"}}
    assert imported_inputs(obj) == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


CALL = Call(Engine(), "urn", threading.Event())


def test_settings_that_are_not_served_are_refused_by_name() -> None:
    request = CheckRequest("urn", "pulumi:providers:kubernetes", "p", {}, {"renderYamlToDirectory": "out"})
    (failure,) = KubernetesProvider().check_config(request, CALL).failures
    assert failure.property == "renderYamlToDirectory"
    assert "not done by this stand-in" in failure.reason


def test_helm_is_refused_wherever_it_is_asked_for() -> None:
    provider = KubernetesProvider()
    request = CheckRequest("urn", "kubernetes:helm.sh/v3:Release", "r", {}, {})
    assert "Helm can't be used" in provider.check(request, CALL).failures[0].reason
    with pytest.raises(ProviderError, match="Helm can't be used"):
        provider.invoke("kubernetes:helm:template", {}, CALL)
    assert "Helm can't be used" in provider.component_refusal("kubernetes:helm.sh/v4:Chart")


def test_a_patch_without_a_name_is_refused() -> None:
    request = CheckRequest("urn", "kubernetes:core/v1:ConfigMapPatch", "p", {}, {"kind": "ConfigMap"})
    (failure,) = KubernetesProvider().check(request, CALL).failures
    assert (failure.property, failure.reason) == ("metadata.name", "a patch must name the object that it changes")


@pytest.mark.parametrize("metadata", [Unknown("object"), {"name": Unknown()}, {"name": "a", "annotations": Unknown()}])
def test_what_is_not_known_in_a_preview_passes_check_diff_and_create(metadata: Any) -> None:
    provider, token = KubernetesProvider(), "kubernetes:core/v1:ConfigMap"
    checked = provider.check(CheckRequest("urn", token, "a", {}, {"kind": "ConfigMap", "metadata": metadata}), CALL)
    assert not checked.failures
    request = CreateRequest("urn", token, "a", checked.inputs, preview=True)
    assert provider.create(request, CALL).properties == checked.inputs
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert provider.diff(DiffRequest("urn", token, "a", "ns/a", old, old, checked.inputs), CALL).changes


def kubeconfig(server: str) -> str:
    return (
        "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
        f'clusters: [{{name: c, cluster: {{server: "{server}"}}}}]\n'
    )


def test_only_another_cluster_replaces_what_is_in_it() -> None:
    old = {"kubeconfig": kubeconfig("https://a")}
    same = {"kubeconfig": kubeconfig("https://a") + "users: []\n"}
    other = {"kubeconfig": kubeconfig("https://b")}
    provider = KubernetesProvider()

    def replaces(new: dict[str, Any]) -> bool:
        request = DiffRequest("urn", "pulumi:providers:kubernetes", "p", "id", old, old, new)
        return bool(provider.diff_config(request, CALL).replaces)

    assert not replaces(same)
    assert replaces(other)
    assert not replaces({"kubeconfig": Unknown()})
