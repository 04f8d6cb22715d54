"""Where the embedded Kubernetes lies: its addresses on this machine and its files in the state folder.

Addresses and interface names are fixed, so that two of them on one machine collide; `network.claim` refuses the second.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from infra import paths

BRIDGE = "vnaops"
ADDRESS = "10.89.0.1"
NETWORK = "10.89.0.0/24"
PODS = "10.244.0.0/16"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
CLUSTER_DNS = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"
API_PORT = 6443
ETCD_METRICS_PORT = 2381
REGISTRY_PORT = 5000
KUBELET_PORT = 10250
PROXY_HEALTH_PORT = 10256
NODES = (1, 3)
"""How many nodes there can be."""


@dataclass(frozen=True)
class Layout:
    """The folders below one state folder (mode 0700)."""

    root: Path

    @property
    def tag(self) -> str:
        """Tells its cgroups and left-overs from another state folder's, in another network namespace."""
        return f"vnaops-{hashlib.sha256(str(self.root).encode()).hexdigest()[:8]}"

    @property
    def pki(self) -> Path:
        """Certificates, keys, kubeconfigs of the daemons, the key of the secrets at rest."""
        return self.root / "pki"

    @property
    def run(self) -> Path:
        """Sockets."""
        return self.root / "run"

    @property
    def log(self) -> Path:
        """One file per daemon."""
        return self.root / "log"

    @property
    def etcd(self) -> Path:
        """etcd's data."""
        return self.root / "etcd"

    @property
    def volumes(self) -> Path:
        """Persistent volumes: a folder per node, in it one per volume."""
        return self.root / "volumes"

    @property
    def admin(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / paths.node_kubeconfig().name

    def kubeconfig(self, user: str) -> Path:
        """A daemon's kubeconfig."""
        return self.pki / f"{user}.kubeconfig"

    def machine(self, number: int) -> "Machine":
        """Node 1, 2 or 3."""
        return Machine(self, number)

    def known(self) -> list["Machine"]:
        """The nodes that have a folder here."""
        return [self.machine(n) for n in range(1, max(NODES) + 1) if self.machine(n).folder.is_dir()]


@dataclass(frozen=True)
class Machine:
    """One Kubernetes node. Node 1 is this machine's own network namespace, the others have one each."""

    layout: Layout
    number: int

    @property
    def name(self) -> str:
        """Its name in Kubernetes."""
        return f"node{self.number}"

    @property
    def address(self) -> str:
        """Its address on the bridge."""
        return f"10.89.0.{self.number}"

    @property
    def daemons(self) -> list[str]:
        """The names of its daemons, in the order in which they are ended."""
        return [f"{self.name}.{part}" for part in ("kube-proxy", "kubelet", "policy-agent", "containerd")]

    @property
    def pods(self) -> str:
        """The network of its pods."""
        return f"10.244.{self.number}.0/24"

    @property
    def folder(self) -> Path:
        """containerd, kubelet and CNI of this node."""
        return self.layout.root / "nodes" / self.name

    @property
    def volumes(self) -> Path:
        """Its persistent volumes."""
        return self.layout.volumes / self.name

    @property
    def socket(self) -> Path:
        """containerd's socket."""
        return self.folder / "containerd.sock"

    @property
    def policy_socket(self) -> Path:
        """Where the CNI plug-in asks the policy agent."""
        return self.folder / "policy.sock"

    @property
    def cgroup(self) -> str:
        """The name of its pods' cgroup in every hierarchy."""
        return f"{self.layout.tag}-{self.name}"

    @property
    def cni_name(self) -> str:
        """The name of its CNI configuration, with which the plug-ins' left-overs begin."""
        return self.cgroup

    @property
    def namespace(self) -> str | None:
        """Its network namespace's name, None for this machine's own."""
        return None if self.number == 1 else f"vnaops-{self.name}"

    @property
    def link(self) -> str:
        """The end of its cable at the bridge."""
        return f"vnaops{self.number}"

    @property
    def prefix(self) -> list[str]:
        """What a command that is to run on the node begins with.

        Not `ip netns exec`: that mounts a new /sys, without the cgroups.
        """
        return [] if self.namespace is None else ["nsenter", f"--net=/run/netns/{self.namespace}"]
