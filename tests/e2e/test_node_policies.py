"""NetworkPolicy on three nodes, measured: pods knock at each other and nobody believes what was applied."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from infra import paths
from infra.node.processes import Daemons
from tests.peers.node import Node, eventually, isolated_node

LABEL = "kubernetes.io/metadata.name"
SERVE = """
import socket, threading
def serve(port):
    server = socket.create_server(("", port))
    while True:
        server.accept()[0].close()
for port in (8000, 8001):
    threading.Thread(target=serve, args=(port,)).start()
"""
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5).close()
except OSError:
    sys.exit(7)
"""
AT_ONCE = """
import socket
for _ in range(20):
    try:
        socket.create_connection(("{}", 8000), 0.2).close()
        print("leaked")
    except OSError:
        pass
print("done")
"""
PODS = {  # namespace/name -> node
    "one/server": "node3",
    "one/neighbour": "node3",
    "one/friend": "node2",
    "one/stranger": "node2",
    "two/friend": "node2",
}


def pod(namespace: str, name: str, where: str, program: str) -> dict[str, Any]:
    """A pod that runs a Python program."""
    image = json.loads(paths.images_file().read_text())["python"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"name": name}},
        "spec": {
            "nodeName": where,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "command": ["python3", "-u", "-c", program],
                    "ports": [{"name": "web", "containerPort": 8000}],
                }
            ],
        },
    }


class Pods:
    """The pods, and what reaches what."""

    def __init__(self, node: Node) -> None:
        self.node = node
        for namespace in ("one", "two"):
            node.kubectl("create", "namespace", namespace)
        node.apply(
            *(pod(key.split("/")[0], key.split("/")[1], where, SERVE) for key, where in PODS.items()),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"namespace": "one", "name": "server"},
                "spec": {
                    "selector": {"name": "server"},
                    "type": "NodePort",
                    "ports": [{"port": 80, "targetPort": "web"}],
                },
            },
        )
        for namespace in ("one", "two"):
            node.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        self.address = self._get("pod", "server", "{.status.podIP}")
        self.service = self._get("service", "server", "{.spec.clusterIP}")
        self.node_port = int(self._get("service", "server", "{.spec.ports[0].nodePort}"))

    def _get(self, kind: str, name: str, path: str) -> str:
        return self.node.kubectl("-n", "one", "get", kind, name, "-o", f"jsonpath={path}")

    def reaches(self, key: str, port: int = 8000, address: str | None = None) -> bool:
        """Whether a pod gets a connection; to the server if no address is given."""
        namespace, name = key.split("/")
        program = str(paths.tools_bin() / "kubectl")
        knock = ("python3", "-c", KNOCK, address or self.address, str(port))
        done = self.node.inside(
            *(program, f"--kubeconfig={self.node.layout.admin}", "-n", namespace, "exec", name, "--", *knock),
            check=False,
        )
        assert done.returncode in (0, 7), done.stderr
        return done.returncode == 0

    def policy(self, name: str, selector: dict[str, Any], **spec: Any) -> None:
        """Applies a policy in the namespace `one`."""
        self.node.apply(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"namespace": "one", "name": name},
                "spec": {"podSelector": selector, **spec},
            }
        )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Pods]:
    """Three nodes with the pods on them."""
    with isolated_node(nodes=3) as node:
        yield Pods(node)


@pytest.fixture
def pods(cluster: Pods) -> Iterator[Pods]:
    """The pods without any policy, where everybody reaches the server: otherwise a denial proves nothing."""
    assert eventually(lambda: all(cluster.reaches(key) for key in PODS))
    yield cluster
    cluster.node.kubectl("-n", "one", "delete", "networkpolicy", "--all")


FRIEND = {"matchLabels": {"name": "friend"}}
SERVER = {"matchLabels": {"name": "server"}}


def test_without_policies_pods_services_node_ports_and_names_are_reached(pods: Pods) -> None:
    assert pods.reaches("two/friend", 8001)
    assert pods.reaches("two/friend", 80, pods.service)
    assert pods.reaches("one/server", 80, pods.service)  # hairpin
    assert pods.reaches("two/friend", 80, "server.one.svc.cluster.local")
    assert pods.reaches("one/friend", 80, "server")
    for number in (1, 2, 3):
        pods.node.inside(sys.executable, "-c", KNOCK, f"10.89.0.{number}", str(pods.node_port))
    pods.node.inside(sys.executable, "-c", KNOCK, pods.address, "8000")
    pods.node.inside(sys.executable, "-c", KNOCK, pods.service, "80")


def test_a_denied_pod_is_reached_by_nobody_not_even_by_its_neighbour_or_by_service(pods: Pods) -> None:
    pods.policy("deny", {}, policyTypes=["Ingress"])
    assert eventually(lambda: not pods.reaches("one/neighbour"))
    assert not any(pods.reaches(key) for key in PODS if key != "one/server")
    assert not pods.reaches("two/friend", 80, pods.service)
    assert pods.reaches("one/server", 80, pods.service)  # itself, by its service


def test_a_policy_lets_in_one_peer_on_one_port(pods: Pods) -> None:
    rule = {"from": [{"podSelector": FRIEND}], "ports": [{"port": "web"}]}
    pods.policy("allow", SERVER, policyTypes=["Ingress"], ingress=[rule])
    assert eventually(lambda: not pods.reaches("one/stranger"))
    assert pods.reaches("one/friend")
    assert pods.reaches("one/friend", 80, pods.service)
    assert not pods.reaches("one/friend", 8001)
    assert not pods.reaches("two/friend")  # the same label in another namespace
    assert not pods.reaches("one/neighbour")


def test_a_policy_lets_in_another_namespace(pods: Pods) -> None:
    peer = {"namespaceSelector": {"matchLabels": {LABEL: "two"}}, "podSelector": FRIEND}
    pods.policy("allow", SERVER, policyTypes=["Ingress"], ingress=[{"from": [peer]}])
    assert eventually(lambda: not pods.reaches("one/friend"))
    assert pods.reaches("two/friend")


def test_a_pod_that_may_go_nowhere_does_not_reach_its_own_node_either(pods: Pods) -> None:
    api = (6443, "10.89.0.1")
    own = (10250, "10.89.0.3")
    assert pods.reaches("one/neighbour", *own)
    assert pods.reaches("one/neighbour", *api)
    pods.policy("out", {"matchLabels": {"name": "neighbour"}}, policyTypes=["Egress"])
    assert eventually(lambda: not pods.reaches("one/neighbour"))
    assert not pods.reaches("one/neighbour", *own)
    assert not pods.reaches("one/neighbour", *api)
    block = {"ipBlock": {"cidr": "10.89.0.0/24", "except": ["10.89.0.3/32"]}}
    out = [{"to": [block], "ports": [{"port": 6443}]}]
    pods.policy("out", {"matchLabels": {"name": "neighbour"}}, policyTypes=["Egress"], egress=out)
    assert eventually(lambda: pods.reaches("one/neighbour", *api))
    assert pods.reaches("one/neighbour", 443, "10.96.0.1")  # judged by where the service leads
    assert not pods.reaches("one/neighbour", *own)


def test_a_pod_is_guarded_from_its_first_packet_on(pods: Pods) -> None:
    pods.policy("deny", SERVER, policyTypes=["Ingress"])
    assert eventually(lambda: not pods.reaches("one/friend"))
    pods.policy("out", {"matchLabels": {"name": "early"}}, policyTypes=["Egress"])
    target = pods.node.kubectl("-n", "two", "get", "pod", "friend", "-o", "jsonpath={.status.podIP}")
    pods.node.apply(pod("one", "early", "node2", AT_ONCE.format(target)))
    try:
        pods.node.kubectl("-n", "one", "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/early", "--timeout=60s")
        assert pods.node.kubectl("-n", "one", "logs", "early") == "done\n"
    finally:
        pods.node.kubectl("-n", "one", "delete", "pod", "early")


def test_pods_have_no_ipv6_way_around_the_policies(pods: Pods) -> None:
    machine = pods.node.layout.machine(3)
    links = json.loads(pods.node.inside(*machine.prefix, "ip", "-json", "-6", "address", "show").stdout)
    assert [link["ifname"] for link in links if link.get("ifname", "").startswith("veth") and link["addr_info"]] == []


def test_a_policy_holds_while_the_agent_is_dead_and_a_new_pod_waits_for_it(pods: Pods) -> None:
    """The agent is ended on node 3; the table stays in the kernel."""
    pods.policy("deny", SERVER, policyTypes=["Ingress"])
    assert eventually(lambda: not pods.reaches("one/friend"))
    Daemons(pods.node.layout.root, pods.node.layout.log).kill("node3.policy-agent")
    assert not pods.reaches("one/friend")
    pods.node.apply(pod("one", "late", "node3", SERVE))
    event = (
        "-n",
        "one",
        "get",
        "events",
        "--field-selector=involvedObject.name=late,reason=FailedCreatePodSandBox",
        "-o",
    )
    assert eventually(
        lambda: "the policy agent doesn't answer" in pods.node.kubectl(*event, "jsonpath={.items[*].message}")
    )
    pods.node.node("up")
    pods.node.kubectl("-n", "one", "wait", "--for=condition=Ready", "pod/late", "--timeout=60s")
    assert not pods.reaches("one/friend")
    pods.node.kubectl("-n", "one", "delete", "pod", "late")


def test_a_killed_node_is_noticed_and_comes_back(pods: Pods) -> None:
    pods.node.node("kill", "2")
    ready = ("get", "node", "node2", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")
    assert eventually(lambda: pods.node.kubectl(*ready) == "Unknown", 60)
    pods.node.node("start", "2")
    assert pods.node.kubectl(*ready) == "True"
    assert eventually(lambda: pods.node.status()["up"])
