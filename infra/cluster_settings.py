"""The settings of what is watched of the cluster itself, where it is ours to watch."""

from pydantic import Field

from infra.setting_types import Cidr, HostPort, Section


class ClusterMonitoring(Section):
    """Nodes, kubelets, API server, etcd. One environment of a cluster does it: node-exporter takes a node port."""

    node_cidrs: tuple[Cidr, ...] = Field(min_length=1, description="the nodes' addresses, for the network policies")
    etcd: tuple[HostPort, ...] = Field(
        default=(), description="HOST:PORT of etcd's metrics (--listen-metrics-urls, http); none: not watched"
    )
    verify_kubelets: bool = Field(
        default=True, description="kubelets' certificates are of the cluster's authority; false: not verified"
    )
    shared_mounts: bool = Field(
        default=True, description="the nodes' mounts are shared, as systemd makes them: node-exporter follows unmounts"
    )
