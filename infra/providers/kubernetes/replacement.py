"""Which changes only a replacement can make. The properties are those of the official plug-in, so that both plan alike;
they follow what the API server calls immutable."""

from collections.abc import Mapping
from typing import Any

from infra.providers.base.detailed_diff import Change, Path


def _under(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names.split())


_SELECTOR = ("spec.selector",)
_CONTAINER = """
    args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext
    stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir
"""
_POD = """
    affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork
    hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName
    readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName
    shareProcessNamespace subdomain terminationGracePeriodSeconds volumes
"""
_VOLUME = """
    awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs
    hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume
"""

# (group, kind) -> properties; a star stands for every place of a list
_IMMUTABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "PersistentVolume"): _under("spec", _VOLUME),
    ("", "PersistentVolumeClaim"): ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ("", "Pod"): (
        *_under("spec", _POD),
        *_under("spec.containers.*", _CONTAINER),
        *_under("spec.initContainers.*", _CONTAINER),
    ),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP",),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
_ALWAYS = ("apiVersion", "kind", "metadata.name", "metadata.namespace")


def replaced_by(
    changes: Mapping[Path, Change], old: Mapping[str, Any], new: Mapping[str, Any], *, mutable: frozenset[str]
) -> frozenset[Path]:
    """Those of the changes that only a replacement can make.

    Args:
        changes: what differs between the inputs.
        old: the old inputs.
        new: the new inputs.
        mutable: the kinds (ConfigMap, Secret) whose data the provider's settings let change in place.
    """
    rules = [tuple(rule.split(".")) for rule in _rules(old, new, mutable)]
    return frozenset(path for path in changes if any(_touches(path, rule, old, new) for rule in rules))


def _rules(old: Mapping[str, Any], new: Mapping[str, Any], mutable: frozenset[str]) -> tuple[str, ...]:
    api_version, kind = str(new.get("apiVersion", "")), str(new.get("kind", ""))
    group = api_version.rpartition("/")[0]
    rules: tuple[str, ...] = _ALWAYS[2:] if _same_group(old, new) else _ALWAYS
    rules += _IMMUTABLE.get((group, kind), ())
    if group == "" and kind in ("ConfigMap", "Secret") and (kind not in mutable or old.get("immutable") is True):
        rules += ("data", "binaryData") if kind == "ConfigMap" else ("data", "stringData")
        if old.get("immutable") is True:
            rules += ("immutable",)
    return rules


def _same_group(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Another version of the same kind is the same object."""
    groups = [str(one.get("apiVersion", "")).rpartition("/")[0] for one in (old, new)]
    return groups[0] == groups[1] and old.get("kind") == new.get("kind")


def _touches(path: Path, rule: tuple[str, ...], old: Any, new: Any) -> bool:
    """Whether the changed part is the rule's property, inside it, or around it with the property in it."""
    for part, wanted in zip(path, rule, strict=False):
        if part != wanted and not (wanted == "*" and isinstance(part, int)):
            return False
    if len(path) >= len(rule):
        return True
    return any(_has(_at(value, path), rule[len(path) :]) for value in (old, new))


def _at(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def _has(value: Any, rule: tuple[str, ...]) -> bool:
    if not rule:
        return value is not None
    if isinstance(value, list) and rule[0] == "*":
        return any(_has(item, rule[1:]) for item in value)
    return isinstance(value, Mapping) and _has(value.get(rule[0]), rule[1:])
