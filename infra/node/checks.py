"""What must hold before anything is started: one line each that says what to do."""

import os
import shutil
import socket
from pathlib import Path

from infra import paths
from infra.node import network, runtime
from infra.node.errors import NodeError
from infra.node.layout import (
    ADDRESS,
    API_PORT,
    ETCD_METRICS_PORT,
    KUBELET_PORT,
    PROXY_HEALTH_PORT,
    REGISTRY_PORT,
    Layout,
)

FREE_GIB = 15
_BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
_PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "docker-registry": "docker-registry",
}
REGISTRY_PORTS = {"registry": (ADDRESS, REGISTRY_PORT)}
PORTS = {
    **REGISTRY_PORTS,
    "etcd": (ADDRESS, ETCD_METRICS_PORT),
    "kube-apiserver": (ADDRESS, API_PORT),
    "kube-controller-manager": ("127.0.0.1", 10257),
    "kube-scheduler": ("127.0.0.1", 10259),
    "node1.kubelet": (ADDRESS, KUBELET_PORT),
    "node1.kube-proxy": (ADDRESS, PROXY_HEALTH_PORT),
}
"""Daemon -> where it listens."""


def check_root() -> None:
    """Raises NodeError unless we are root."""
    if os.geteuid() != 0:
        raise NodeError(
            "the embedded node needs root (containers, network, mounts): repeat with sudo, "
            "or set KUBECONFIG to another cluster"
        )


def check_path(layout: Layout) -> None:
    """Raises NodeError if the state folder's path is too long for the sockets in it (107 bytes, unix(7))."""
    longest = 107 - len("/nodes/node1/kubelet/pod-resources/kubelet.sock")
    if len(os.fsencode(layout.root)) > longest:
        raise NodeError(
            f"{layout.root}: the path is longer than {longest} bytes, too long for the sockets in it; "
            "set VNAOPS_STATE to a shorter one"
        )


def check_disk(layout: Layout) -> None:
    """Raises NodeError if the disk of the state folder is nearly full."""
    place = next(parent for parent in (layout.root, *layout.root.parents) if parent.is_dir())
    free = shutil.disk_usage(place).free / 2**30
    if free < FREE_GIB:
        raise NodeError(
            f"{layout.root}: {free:.1f} GiB free, the embedded node needs {FREE_GIB} to start; "
            "make room, or set VNAOPS_STATE to another disk"
        )


def check_programs() -> None:
    """Raises NodeError if a program is missing."""
    if missing := [name for name in _BINARIES if not (paths.tools_bin() / name).exists()]:
        raise NodeError(f"{paths.tools_bin()}: {', '.join(missing)} missing; make them: python -m infra.node.tools")
    missing = sorted({package for name, package in _PROGRAMS.items() if shutil.which(name) is None})
    if not all((runtime.CNI_BINARIES / name).exists() for name in runtime.CNI_PLUGINS):
        missing.append("containernetworking-plugins")
    if missing:
        raise NodeError(f"not installed: {', '.join(missing)}; apt-get install them, or python -m infra.node.tools")


def check_kernel() -> None:
    """Raises NodeError if the kernel lacks something. Modules are loaded on use."""
    if "overlay" not in Path("/proc/filesystems").read_text() and not Path("/sys/module/overlay").exists():
        raise NodeError("the kernel has no overlay file system: modprobe overlay")
    hierarchies = {line.split("\t")[0] for line in Path("/proc/cgroups").read_text().splitlines()[1:]}
    if missing := {"cpu", "memory", "pids"} - hierarchies:
        raise NodeError(f"the kernel has no cgroup controller for {', '.join(sorted(missing))}; boot with it enabled")


def check_ports(running: set[str], ports: dict[str, tuple[str, int]]) -> None:
    """Raises NodeError if somebody else listens where a daemon that doesn't run yet is to."""
    for name, (address, port) in ports.items():
        if name in running:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND: the bridge may not be there yet
            try:
                probe.bind((address, port))
            except OSError as error:
                raise NodeError(
                    f"port {port} on {address}, for {name.rpartition('.')[2]}, "
                    f"is in use by somebody else ({error.strerror}); "
                    f"see who: ss -ltnp 'sport = :{port}'"
                ) from error


def check_address(layout: Layout) -> None:
    """Raises NodeError if another cluster, or another network, has the addresses."""
    network.check_free(layout)
