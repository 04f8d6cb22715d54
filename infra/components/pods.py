"""What every pod here has in common, so that pod-security `restricted` holds everywhere by construction."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from infra.components.component import APP, labelled

UID = 10001  # the images' user; also the group that owns mounted volumes


def container(
    name: str,
    image: str,
    *,
    cpu: str,
    memory: str,
    memory_limit: str | None = None,
    ports: Mapping[str, int] = {},
    mounts: Mapping[str, str] = {},
    **more: Any,
) -> dict[str, Any]:
    """A container; `mounts` maps volume names to paths, `ports` names to numbers, `more` is the container's own fields.

    No processor limit on purpose: throttling shows as DICOM latency long before a core is busy.
    """
    return {
        "name": name,
        "image": image,
        "ports": [{"name": port, "containerPort": number} for port, number in ports.items()],
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit or memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
    }


def pod_template(
    app: str,
    containers: Sequence[Mapping[str, Any]],
    *,
    volumes: Mapping[str, Mapping[str, Any]] = {},
    labels: Mapping[str, str] = {},
    service_account: pulumi.Input[str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A pod template; `volumes` maps names to their sources. Only a pod with a service account gets a token."""
    token: dict[str, Any] = {"automountServiceAccountToken": False}
    if service_account is not None:
        token = {"automountServiceAccountToken": True, "serviceAccountName": service_account}
    return {
        "metadata": {"labels": {**labelled(app), **labels}},
        "spec": {
            **token,
            "enableServiceLinks": False,  # else every Service becomes environment variables of every pod
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": UID,
                "runAsGroup": UID,
                "fsGroup": UID,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": list(containers),
            "volumes": [{"name": name, **source} for name, source in volumes.items()],
            **spec,
        },
    }


def http_probe(path: str, port: str, *, period: int = 5, failures: int = 3, timeout: int = 2) -> dict[str, Any]:
    """An HTTP probe by kubelet; seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }


def claim(name: str, size: str, storage_class: str | None) -> dict[str, Any]:
    """A volume claim template of a StatefulSet."""
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            **({"storageClassName": storage_class} if storage_class else {}),
        },
    }


def selector(app: str) -> dict[str, Any]:
    """The label selector of an app's pods."""
    return {"matchLabels": {APP: app}}
