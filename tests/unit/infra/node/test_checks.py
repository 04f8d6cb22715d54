"""What stops the node before anything is started: each with the words that say what to do."""

import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.node import checks, network
from infra.node.errors import NodeError
from infra.node.layout import Layout


def test_without_root_it_says_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NodeError, match=r"needs root .* repeat with sudo, or set KUBECONFIG"):
        checks.check_root()


def test_a_full_disk_is_named_with_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=3 * 2**30))
    with pytest.raises(
        NodeError, match=r"3\.0 GiB free, the embedded node needs 15 to start; make room, or set VNAOPS_STATE"
    ):
        checks.check_disk(Layout(tmp_path / "not" / "yet"))


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="too long for the sockets in it; set VNAOPS_STATE"):
        checks.check_path(Layout(tmp_path / ("x" * 100)))


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VNAOPS_CACHE", str(tmp_path))
    with pytest.raises(NodeError, match=r"etcd, kube-apiserver, .* missing; make them: python -m infra\.node\.tools"):
        checks.check_programs()


def test_a_port_of_somebody_else_is_refused_and_our_own_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ports = {"node1.kubelet": ("127.0.0.1", port)}
        with pytest.raises(NodeError, match=rf"port {port} on 127\.0\.0\.1, for kubelet, is in use by somebody else"):
            checks.check_ports(set(), ports)
        checks.check_ports({"node1.kubelet"}, ports)


def test_another_clusters_bridge_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(network, "owner", lambda: "/elsewhere/node")
    with pytest.raises(NodeError, match=r"another embedded node, of /elsewhere/node, .*VNAOPS_STATE=/elsewhere python"):
        network.check_free(Layout(tmp_path))


@pytest.mark.parametrize("target", ["10.89.0.0/16", "10.244.7.0/24", "10.96.0.10"])
def test_a_route_in_the_way_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: str) -> None:
    monkeypatch.setattr(network, "owner", lambda: None)
    monkeypatch.setattr(
        network, "ip_json", lambda *_: [{"dst": "default", "dev": "eth0"}, {"dst": target, "dev": "tun0"}]
    )
    with pytest.raises(NodeError, match=f"this machine has a route to {target} by tun0"):
        network.check_free(Layout(tmp_path))
