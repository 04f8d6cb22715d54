"""Which changes only a replacement can make; the recorded ones are in the replay."""

from typing import Any

import pytest

from infra.providers.base.detailed_diff import differences, path_text
from infra.providers.kubernetes.replacement import replaced_by


def replaced(old: dict[str, Any], new: dict[str, Any], mutable: frozenset[str] = frozenset()) -> list[str]:
    return sorted(path_text(path) for path in replaced_by(differences(old, new), old, new, mutable=mutable))


def obj(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it"}, **fields}


def pod(image: str, **spec: Any) -> dict[str, Any]:
    return obj("v1", "Pod", spec={"containers": [{"name": "c", "image": image}], **spec})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (pod("a"), pod("b"), ["spec.containers[0].image"]),
        (pod("a"), pod("a", activeDeadlineSeconds=5), []),
        (pod("a"), pod("a", nodeName="n"), ["spec.nodeName"]),
        (obj("v1", "Secret", type="a"), obj("v1", "Secret", type="b"), ["type"]),
        (
            obj("apps/v1", "DaemonSet", spec={"selector": {"matchLabels": {"a": "1"}}}),
            obj("apps/v1", "DaemonSet", spec={"selector": {"matchLabels": {"a": "2"}}}),
            ["spec.selector.matchLabels.a"],
        ),
        (obj("apps/v1", "Deployment"), obj("apps/v1", "Deployment", spec={"selector": {}}), ["spec"]),
        (obj("apps/v1", "Deployment"), obj("apps/v1", "Deployment", spec={"replicas": 1}), []),
        (obj("apps/v1beta1", "Deployment"), obj("apps/v1", "Deployment"), []),
        (obj("extensions/v1beta1", "Ingress"), obj("networking.k8s.io/v1", "Ingress"), ["apiVersion"]),
        (
            obj("v1", "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"]}),
            obj("v1", "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteMany"]}),
            ["spec.accessModes[0]"],
        ),
        (
            obj("storage.k8s.io/v1", "StorageClass", parameters={"a": "1"}),
            obj("storage.k8s.io/v1", "StorageClass"),
            ["parameters"],
        ),
        (obj("example.test/v1", "ConfigMap", data={"a": "1"}), obj("example.test/v1", "ConfigMap", data={}), []),
    ],
)
def test_immutable_properties_are_replaced_others_not(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    assert replaced(old, new) == expected


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_data_changes_in_place_only_where_the_provider_allows_it_and_the_object_does_too(kind: str) -> None:
    old, new = obj("v1", kind, data={"a": "1"}), obj("v1", kind, data={"a": "2"})
    assert replaced(old, new) == ["data.a"]
    assert replaced(old, new, frozenset({kind})) == []
    assert replaced(old | {"immutable": True}, new | {"immutable": True}, frozenset({kind})) == ["data.a"]
    assert replaced(old | {"immutable": True}, old, frozenset({kind})) == ["immutable"]


def test_another_name_or_namespace_is_another_object() -> None:
    old, new = obj("v1", "ConfigMap"), obj("v1", "ConfigMap")
    new["metadata"] = {"name": "other", "namespace": "elsewhere"}
    assert replaced(old, new) == ["metadata.name", "metadata.namespace"]
