"""node-exporter on every node: processor, memory, disks, clock.

It needs the host's network and, read-only, its root, which pod-security `restricted` forbids: hence a namespace of its
own, with nothing else in it. The process is as confined as all others: not root, no capability, a root it can't write.
"""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.cluster_settings import ClusterMonitoring
from infra.components.component import Component, Environment, labelled
from infra.components.database import field
from infra.components.pods import container, pod_template, selector

APP_NAME = "node-exporter"
PORT = 9100
_NO_DISKS = (
    "autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|mqueue|nsfs|overlay"
)
_NO_DISKS += "|proc|procfs|pstore|securityfs|squashfs|sysfs|tmpfs|tracefs"


def namespace_of(environment_namespace: str) -> str:
    """The namespace of what needs the host."""
    return f"{environment_namespace}-nodes"


def arguments() -> list[str]:
    """The host's files below /host, and neither what is no disk nor pods' cables."""
    return [
        "--path.procfs=/host/proc",
        "--path.sysfs=/host/sys",
        "--path.rootfs=/host",
        "--path.udev.data=/host/run/udev/data",
        f"--web.listen-address=$(NODE_ADDRESS):{PORT}",
        f"--collector.filesystem.fs-types-exclude=^({_NO_DISKS})$",
        # volumes of pods, which kubelet tells of; the disks below them are mounted elsewhere too
        "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run|.*/kubelet/.*|.*/containerd/.*)($|/)",
        "--collector.netdev.device-exclude=^veth.*$",
        "--collector.netclass.ignored-devices=^veth.*$",
        "--no-collector.wifi",
        "--no-collector.thermal_zone",
    ]


class NodeExporter(Component):
    """A DaemonSet that also runs on control-plane nodes."""

    def __init__(
        self, environment: Environment, settings: ClusterMonitoring, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("NodeExporter", APP_NAME, opts)
        levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
        namespace = kubernetes.core.v1.Namespace(
            "nodes",
            metadata={"name": environment.namespace.apply(namespace_of), "labels": levels},
            opts=self.child(),
        )
        template = pod_template(
            APP_NAME,
            [
                container(
                    APP_NAME,
                    environment.images[APP_NAME],
                    cpu="20m",
                    memory="32Mi",
                    memory_limit="128Mi",
                    ports={"metrics": PORT},
                    args=arguments(),
                    env=[{"name": "NODE_ADDRESS", "valueFrom": field("status.hostIP")}],
                )
            ],
            volumes={"host": {"hostPath": {"path": "/", "type": "Directory"}}},
            hostNetwork=True,
            tolerations=[{"operator": "Exists"}],
        )
        (only,) = template["spec"]["containers"]
        only["volumeMounts"] = [self._mount(settings)]
        kubernetes.apps.v1.DaemonSet(
            "node-exporter",
            metadata={"namespace": namespace.metadata["name"], "name": APP_NAME, "labels": labelled(APP_NAME)},
            spec={"selector": selector(APP_NAME), "template": template},
            opts=self.child(),
        )
        self.register_outputs({})

    @staticmethod
    def _mount(settings: ClusterMonitoring) -> dict[str, Any]:
        """Without propagation the pod holds on to what the host unmounts; containerd refuses it where / is private."""
        follow = {"mountPropagation": "HostToContainer"} if settings.shared_mounts else {}
        return {"name": "host", "mountPath": "/host", "readOnly": True, **follow}
