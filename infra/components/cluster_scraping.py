"""What Prometheus asks of the cluster itself (nodes, kubelets, API server, etcd), and the rights it needs for that."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.cluster_settings import ClusterMonitoring
from infra.components import node_exporter
from infra.components.component import Component, Environment
from infra.components.network import Peer

KUBELET_PORT = 10250
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_CONTAINERS = (
    "cpu_usage_seconds_total|cpu_cfs_(periods|throttled_periods)_total|memory_(working_set_bytes|rss)"
    "|spec_memory_limit_bytes|start_time_seconds|oom_events_total|network_(receive|transmit)_bytes_total"
    "|fs_(reads|writes)_bytes_total"
)
_API_SERVER = (
    "apiserver_request_total|apiserver_request_duration_seconds_(bucket|sum|count)|apiserver_current_inflight_requests"
    "|apiserver_storage_objects|etcd_request_duration_seconds_(sum|count)|process_.*|go_goroutines|up"
)
# every second one is enough for a percentile, and they are half of all series
_LES = "0\\.(005|025|15|2|3|35|4|45|6|7|8|9)|1\\.(25|5|75)|[23](\\.0)?|3\\.5|4\\.5|[46789](\\.0)?|(15|20|40|50)(\\.0)?"


def jobs(settings: ClusterMonitoring, namespace: str, api_servers: Sequence[str]) -> list[dict[str, Any]]:
    """The scrape configurations, by the names that the field uses; `api_servers` are HOST:PORT."""
    token = {"authorization": {"credentials_file": f"{_ACCOUNT}/token"}, "scheme": "https"}
    trust = {"ca_file": f"{_ACCOUNT}/ca.crt"}

    def of_nodes(name: str, port: int, **more: Any) -> dict[str, Any]:
        return {
            "job_name": name,
            "kubernetes_sd_configs": [{"role": "node"}],
            "relabel_configs": [
                {"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"},
                {
                    "source_labels": ["__meta_kubernetes_node_address_InternalIP"],
                    "target_label": "__address__",
                    "replacement": f"$1:{port}",
                },
            ],
            **more,
        }

    kubelet = {**token, "tls_config": trust if settings.verify_kubelets else {"insecure_skip_verify": True}}
    own = "|".join((namespace, node_exporter.namespace_of(namespace), "kube-system"))
    etcd = [{"job_name": "etcd", "static_configs": [{"targets": list(settings.etcd)}]}] if settings.etcd else []
    return [
        of_nodes("node", node_exporter.PORT),
        of_nodes("kubelet", KUBELET_PORT, **kubelet),
        of_nodes(
            "cadvisor",
            KUBELET_PORT,
            metrics_path="/metrics/cadvisor",
            metric_relabel_configs=[
                {"source_labels": ["__name__"], "regex": f"container_({_CONTAINERS})|machine_.*", "action": "keep"},
                # an environment's own pods and the cluster's: others of the cluster are others' business
                {
                    "source_labels": ["__name__", "namespace"],
                    "regex": f"container_.*;({own})|machine_.*;",
                    "action": "keep",
                },
            ],
            **kubelet,
        ),
        {
            "job_name": "apiserver",
            **token,
            "tls_config": trust,
            "static_configs": [{"targets": list(api_servers)}],
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": _API_SERVER, "action": "keep"},
                {
                    "source_labels": ["__name__", "le"],
                    "regex": f"apiserver_request_duration_seconds_bucket;({_LES})",
                    "action": "drop",
                },
            ],
        },
        *etcd,
    ]


def peers(settings: ClusterMonitoring) -> list[Peer]:
    """Where Prometheus goes for them, besides the API server."""
    ports = [node_exporter.PORT, KUBELET_PORT]
    return [
        Peer(ports, cidrs=settings.node_cidrs),
        *(Peer([int(port)], cidrs=[f"{host}/32"]) for host, _, port in (one.rpartition(":") for one in settings.etcd)),
    ]


def account(parent: Component, environment: Environment) -> pulumi.Output[str]:
    """The service account with which Prometheus finds the nodes and reads their metrics, and nothing else."""
    made = kubernetes.core.v1.ServiceAccount(
        "prometheus", metadata=environment.metadata("prometheus", "prometheus"), opts=parent.child()
    )
    name = environment.namespace.apply(lambda namespace: f"{namespace}-prometheus")
    role = kubernetes.rbac.v1.ClusterRole(
        "prometheus",
        metadata={"name": name},
        rules=[
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
            {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
        ],
        opts=parent.child(),
    )
    binding = kubernetes.rbac.v1.ClusterRoleBinding(
        "prometheus",
        metadata={"name": name},
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role.metadata["name"]},
        subjects=[{"kind": "ServiceAccount", "name": made.metadata["name"], "namespace": environment.namespace}],
        opts=parent.child(),
    )
    return pulumi.Output.all(made.metadata["name"], binding.id).apply(lambda parts: str(parts[0]))
