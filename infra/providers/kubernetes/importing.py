"""Inputs for an object that is imported: what somebody wrote, without what the cluster added.

The official plug-in gives apiVersion, kind and name only, so that every import differs from its program.
"""

import json
from collections.abc import Mapping
from typing import Any

from infra.providers.base.values import Properties
from infra.providers.kubernetes.secret_data import LAST_APPLIED

_OF_THE_CLUSTER = frozenset(
    {
        *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields"),
        *("ownerReferences", "resourceVersion", "selfLink", "uid"),
    }
)
_ANNOTATIONS_OF_THE_CLUSTER = frozenset(
    {
        LAST_APPLIED,
        "deployment.kubernetes.io/revision",
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
    }
)

_PROBE = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
_CONTAINER: dict[str, Any] = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "ports": [{"protocol": "TCP"}],
}
_POD: dict[str, Any] = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "volumes": [{"configMap": {"defaultMode": 420}, "secret": {"defaultMode": 420}, "projected": {"defaultMode": 420}}],
}
_TEMPLATE = {"metadata": {"creationTimestamp": None}, "spec": _POD}
_ROLLING = {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"}
# kind -> what the server fills in where a manifest says nothing; a list's entry is meant for each of its places
_DEFAULTS: dict[str, dict[str, Any]] = {
    "CronJob": {
        "spec": {
            "concurrencyPolicy": "Allow",
            "failedJobsHistoryLimit": 1,
            "successfulJobsHistoryLimit": 3,
            "suspend": False,
            "jobTemplate": {"metadata": {"creationTimestamp": None}, "spec": {"template": _TEMPLATE}},
        }
    },
    "DaemonSet": {
        "spec": {
            "revisionHistoryLimit": 10,
            "template": _TEMPLATE,
            "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}, "type": "RollingUpdate"},
        }
    },
    "Deployment": {
        "spec": {
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "strategy": _ROLLING,
            "template": _TEMPLATE,
        }
    },
    "Namespace": {"metadata": {"labels": {"kubernetes.io/metadata.name": ...}}, "spec": {"finalizers": ["kubernetes"]}},
    "PersistentVolumeClaim": {"spec": {"volumeMode": "Filesystem"}},
    "Pod": {"spec": _POD},
    "Secret": {"type": "Opaque"},
    "Service": {
        "spec": {
            "clusterIP": ...,
            "clusterIPs": ...,
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ...,
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "type": "ClusterIP",
            "ports": [{"protocol": "TCP"}],
        }
    },
    "StatefulSet": {
        "spec": {
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "template": _TEMPLATE,
            "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
        }
    },
}


def imported_inputs(obj: Mapping[str, Any]) -> Properties:
    """The manifest that kubectl noted, else the object without status, the cluster's metadata and known defaults."""
    noted = ((obj.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    written = _noted(noted) or {name: value for name, value in obj.items() if name != "status"}
    metadata = {name: value for name, value in written["metadata"].items() if name not in _OF_THE_CLUSTER}
    for name in ("annotations", "labels"):
        kept = {
            key: value
            for key, value in (metadata.pop(name, None) or {}).items()
            if key not in _ANNOTATIONS_OF_THE_CLUSTER
        }
        if kept:
            metadata[name] = kept
    inputs = {**written, "metadata": metadata}
    if noted:
        return inputs
    if obj.get("kind") == "Service" and obj["spec"].get("clusterIP") == "None":  # headless is somebody's decision
        return {**_without(inputs, _DEFAULTS["Service"]), "spec": _headless(inputs)}
    return dict(_without(inputs, _DEFAULTS.get(str(obj.get("kind")), {})))


def _headless(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"clusterIP": "None", **_without(inputs, _DEFAULTS["Service"])["spec"]}


def _noted(text: Any) -> dict[str, Any] | None:
    try:
        written = json.loads(text)
        return written if isinstance(written["metadata"], dict) else None
    except (TypeError, ValueError, KeyError):
        return None


def _without(value: Any, defaults: Any) -> Any:
    """The value without what equals its default; `...` as a default stands for any value."""
    if isinstance(value, Mapping) and isinstance(defaults, Mapping):
        kept = {}
        for name, item in value.items():
            if name in defaults:
                default = defaults[name]
                if default is ... or item == default:
                    continue
                item = _without(item, default)
                if item in ({}, []) and isinstance(default, Mapping) and default:
                    continue
            kept[name] = item
        return kept
    if isinstance(value, list) and isinstance(defaults, list) and len(defaults) == 1:
        return [_without(item, defaults[0]) for item in value]
    return value
