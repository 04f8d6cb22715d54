"""The table of policies: read by a small interpreter of its own, and accepted by nft."""

import ipaddress
import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.node.policy_agent.render import Cluster, addresses, render
from infra.node.policy_agent.selectors import networks, selects

NODE, NETWORK = "node1", "10.244.1.0/24"
Object = dict[str, Any]


def pod(number: int, namespace: str = "a", node: str = NODE, phase: str = "Running", **labels: str) -> Object:
    """A pod with the address 10.244.1.NUMBER and a named port."""
    return {
        "metadata": {
            "uid": f"uid-{number}",
            "name": f"pod-{number}",
            "namespace": namespace,
            "labels": labels,
            "creationTimestamp": f"2026-01-01T00:00:{number % 60:02}Z",
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "ports": [{"name": "web", "containerPort": 8000 + number}]}],
        },
        "status": {"phase": phase, "podIP": f"10.244.1.{number}"},
    }


def namespace(name: str, **labels: str) -> Object:
    """A namespace."""
    return {"metadata": {"name": name, "labels": labels}}


def policy(spec: Object, space: str = "a") -> Object:
    """A policy; it selects every pod of its namespace unless it says otherwise."""
    return {"metadata": {"namespace": space}, "spec": {"podSelector": {}, **spec}}


class Table:
    """What a rendered table does with a new connection, after its own reading of the text."""

    def __init__(self, text: str) -> None:
        self.sets = {
            name: [self.span(part) for part in elements.split(", ")]
            for name, elements in re.findall(r"set (s\w+) \{.*?elements = \{ (.*?) \};", text)
        }
        self.known = set(re.findall(r"[\d.]+", re.search(r"set known \{ type ipv4_addr;(.*?)\}", text)[1]))  # type: ignore[index] # there always is one
        self.maps = {
            way: dict(re.findall(r"([\d.]+) : jump (\w+)", re.search(rf"map {way} \{{(.*)\}}", text)[1]))  # type: ignore[index] # there always is one
            for way in ("in", "out")
        }
        self.chains = {
            name: body.strip().splitlines() for name, body in re.findall(r" chain (c\w+) \{\n(.*?)\n \}", text, re.S)
        }

    @staticmethod
    def span(text: str) -> tuple[int, int]:
        """First and last address of a set's element."""
        if "-" in text:
            first, last = (int(ipaddress.ip_address(part)) for part in text.split("-"))
            return first, last
        block = ipaddress.ip_network(text)
        return int(block[0]), int(block[-1])

    def line(self, line: str, source: str, target: str, port: int) -> bool:
        """Whether a line of a chain returns for a TCP connection."""
        if match := re.search(r"ip (saddr|daddr) @(\w+) ", line):
            address = int(ipaddress.ip_address(source if match[1] == "saddr" else target))
            if not any(first <= address <= last for first, last in self.sets[match[2]]):
                return False
        if match := re.search(r"ip daddr \. tcp dport \{ (.*) \}", line):
            return f"{target} . {port}" in match[1].split(", ")
        if match := re.search(r"(tcp|udp) dport \{ (.*) \}", line):
            spans = [[int(n) for n in part.split("-")] for part in match[2].split(", ")]
            return match[1] == "tcp" and any(span[0] <= port <= span[-1] for span in spans)
        if match := re.search(r"meta l4proto (\w+)", line):
            return match[1] == "tcp"
        return True

    def forwards(self, source: str, target: str, port: int) -> bool:
        """Whether a packet from one address to another, at a port, passes."""
        for address in (source, target):
            if ipaddress.ip_address(address) in ipaddress.ip_network(NETWORK) and address not in self.known:
                return False
        if source == target:
            return True
        chains = [self.maps["out"].get(source), self.maps["in"].get(target)]
        return all(
            chain is None or any(self.line(text, source, target, port) for text in self.chains[chain][:-1])
            for chain in chains
        )


def table(cluster: Cluster) -> Table:
    """The rendered table."""
    return Table(render(cluster, NODE, NETWORK))


SPACES = [namespace("a", team="x"), namespace("b", team="y")]
ONE, TWO, OTHER = "10.244.1.1", "10.244.1.2", "10.244.1.3"
PODS = [pod(1, app="web"), pod(2, app="db"), pod(3, "b", app="web")]


def test_without_policies_everything_passes() -> None:
    assert table(Cluster(PODS, SPACES, [])).forwards(OTHER, ONE, 80)


def test_an_empty_ingress_denies_everybody_but_the_pod_itself() -> None:
    got = table(Cluster(PODS, SPACES, [policy({"policyTypes": ["Ingress"]})]))
    assert not got.forwards(TWO, ONE, 80)
    assert got.forwards(ONE, ONE, 80)
    assert got.forwards(ONE, OTHER, 80)


def test_a_rule_without_peers_allows_all_and_one_whose_peers_are_nobody_allows_none() -> None:
    assert table(Cluster(PODS, SPACES, [policy({"policyTypes": ["Ingress"], "ingress": [{}]})])).forwards(TWO, ONE, 1)
    nobody = {"from": [{"podSelector": {"matchLabels": {"app": "none"}}}]}
    got = table(Cluster(PODS, SPACES, [policy({"policyTypes": ["Ingress"], "ingress": [nobody]})]))
    assert not got.forwards(TWO, ONE, 1)


def test_a_pod_selector_means_the_policys_own_namespace() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    got = table(Cluster(PODS, SPACES, [policy({"policyTypes": ["Ingress"], "ingress": [rule]})]))
    assert got.forwards(ONE, TWO, 80)
    assert not got.forwards(OTHER, TWO, 80)


def test_a_named_port_is_the_receivers_number() -> None:
    named = {"ports": [{"port": "web"}]}
    into = table(Cluster(PODS, SPACES, [policy({"policyTypes": ["Ingress"], "ingress": [named]})]))
    assert into.forwards(TWO, ONE, 8001)
    assert not into.forwards(TWO, ONE, 8002)
    out = table(Cluster(PODS, SPACES, [policy({"policyTypes": ["Egress"], "egress": [named]})]))
    assert out.forwards(ONE, OTHER, 8003)
    assert not out.forwards(ONE, OTHER, 8001)


def test_a_protocol_without_a_port_means_all_its_ports() -> None:
    spec = {"policyTypes": ["Ingress"], "ingress": [{"ports": [{"protocol": "TCP"}, {"protocol": "UDP", "port": 53}]}]}
    assert table(Cluster(PODS, SPACES, [policy(spec)])).forwards(TWO, ONE, 65000)


def test_overlapping_ports_are_merged_since_nft_refuses_them() -> None:
    ports = [{"port": 80}, {"port": 70, "endPort": 90}, {"port": 91}, {"port": 443}]
    text = render(
        Cluster(PODS, SPACES, [policy({"policyTypes": ["Ingress"], "ingress": [{"ports": ports}]})]), NODE, NETWORK
    )
    assert "tcp dport { 70-91, 443 } return" in text


def test_an_address_of_no_known_pod_is_denied() -> None:
    got = table(Cluster(PODS, SPACES, []))
    assert not got.forwards("10.244.1.77", ONE, 80)
    assert not got.forwards(ONE, "10.244.1.77", 80)
    assert got.forwards(ONE, "10.244.2.77", 80)


def test_an_ended_pods_address_belongs_to_its_next_owner() -> None:
    ended, new = pod(9, phase="Succeeded"), pod(8, app="new")
    new["status"] = {}
    found = addresses(Cluster([ended, new], SPACES, [], {"uid-8": "10.244.1.9"}))
    assert found == {"10.244.1.9": new}


def test_what_the_plugin_told_wins_over_an_older_status() -> None:
    stale, new = pod(9), pod(8)
    new["status"] = {"phase": "Pending"}
    assert addresses(Cluster([new, stale], SPACES, [], {"uid-8": "10.244.1.9"}))["10.244.1.9"] is new


def test_a_host_network_pod_has_no_rules() -> None:
    host = pod(1)
    host["spec"]["hostNetwork"] = True
    assert addresses(Cluster([host], SPACES, [])) == {}


def test_pods_of_other_nodes_are_peers_but_not_judged_here() -> None:
    far = pod(50, node="node2", app="web")
    far["status"]["podIP"] = "10.244.2.50"
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    got = table(Cluster([*PODS, far], SPACES, [policy({"policyTypes": ["Ingress"], "ingress": [rule]})]))
    assert got.forwards("10.244.2.50", TWO, 80)
    assert got.maps["in"].keys() == {ONE, TWO}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "db"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "app", "operator": "DoesNotExist"}, False),
    ],
)
def test_selectors_follow_kubernetes(expression: Object, holds: bool) -> None:
    assert selects({"matchExpressions": [expression]}, {"app": "web"}) is holds


def test_exceptions_are_taken_out_of_a_block() -> None:
    left = networks({"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32", "192.168.0.0/16"]})
    assert sorted(str(address) for block in left for address in block) == ["10.0.0.0", "10.0.0.2", "10.0.0.3"]
    assert networks({"cidr": "fd00::/8"}) == []


LABELS = st.fixed_dictionaries({"app": st.sampled_from(["web", "db", "x"])})
SELECTOR = st.one_of(st.just({}), st.builds(lambda labels: {"matchLabels": labels}, LABELS))
PEER = st.one_of(
    st.builds(lambda s: {"podSelector": s}, SELECTOR),
    st.builds(
        lambda team, s: {"namespaceSelector": {"matchLabels": {"team": team}}, "podSelector": s},
        st.sampled_from(["x", "y"]),
        SELECTOR,
    ),
    st.sampled_from(
        [
            {"ipBlock": {"cidr": "0.0.0.0/0"}},
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.1.0/30"]}},
            {"ipBlock": {"cidr": "10.244.1.2/31"}},
            {"ipBlock": {"cidr": "::/0"}},
        ]
    ),
)
PORT = st.sampled_from(
    [
        {"port": 80},
        {"port": 80, "endPort": 90},
        {"port": 85, "endPort": 95},
        {"port": "web"},
        {"port": 53, "protocol": "UDP"},
    ]
)


def rules(side: str) -> st.SearchStrategy[list[Object]]:
    """The rules of one direction."""
    rule = st.fixed_dictionaries({}, optional={side: st.lists(PEER, max_size=3), "ports": st.lists(PORT, max_size=3)})
    return st.lists(rule, max_size=3)


POLICY = st.builds(
    lambda types, into, out, selector, space: policy(
        {"policyTypes": types, "ingress": into, "egress": out, "podSelector": selector}, space
    ),
    st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
    rules("from"),
    rules("to"),
    SELECTOR,
    st.sampled_from(["a", "b"]),
)
MANY = [pod(n, "a" if n % 3 else "b", app=("web", "db", "x")[n % 3 if n < 6 else 0]) for n in range(1, 8)]


def meant(policies: list[Object], source: Object, target: Object, port: int) -> bool:
    """What Kubernetes' documentation says of a TCP connection, pod by pod and without any table."""
    if source is target:
        return True
    spaces = {n["metadata"]["name"]: n["metadata"]["labels"] for n in SPACES}

    def peer(item: Object, other: Object, space: str) -> bool:
        theirs = other["metadata"]["namespace"]
        if "ipBlock" in item:
            block = ipaddress.ip_network(item["ipBlock"]["cidr"])
            address = ipaddress.ip_address(other["status"]["podIP"])
            out = any(address in ipaddress.ip_network(e) for e in item["ipBlock"].get("except", []))
            return address in block and not out
        if "namespaceSelector" in item and not selects(item["namespaceSelector"], spaces[theirs]):
            return False
        if "namespaceSelector" not in item and theirs != space:
            return False
        return selects(item["podSelector"], other["metadata"]["labels"])

    def open_port(wanted: Object) -> bool:
        if wanted.get("protocol", "TCP") != "TCP":
            return False
        if wanted["port"] == "web":
            return bool(target["spec"]["containers"][0]["ports"][0]["containerPort"] == port)
        first: int = wanted["port"]
        last: int = wanted.get("endPort", first)
        return first <= port <= last

    for way, mine, other, side in (("Egress", source, target, "to"), ("Ingress", target, source, "from")):
        hit = [
            p["spec"]
            for p in policies
            if way in p["spec"]["policyTypes"]
            and p["metadata"]["namespace"] == mine["metadata"]["namespace"]
            and selects(p["spec"]["podSelector"], mine["metadata"]["labels"])
        ]
        allowed = any(
            (not rule.get(side) or any(peer(item, other, mine["metadata"]["namespace"]) for item in rule[side]))
            and (not rule.get("ports") or any(map(open_port, rule["ports"])))
            for spec in hit
            for rule in spec[way.lower()]
        )
        if hit and not allowed:
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(st.lists(POLICY, max_size=4))
def test_the_table_does_what_the_policies_mean(policies: list[Object]) -> None:
    got = table(Cluster(MANY, SPACES, policies))
    for source in MANY:
        for target in MANY:
            for port in (80, 88, 93, 8001, 8004):
                expected = meant(policies, source, target, port)
                assert got.forwards(source["status"]["podIP"], target["status"]["podIP"], port) is expected


@settings(max_examples=100, deadline=None)
@given(st.lists(POLICY, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_what_the_api_says_does_not_matter(policies: list[Object], random: Any) -> None:
    pods = list(MANY)
    before = render(Cluster(pods, SPACES, policies), NODE, NETWORK)
    random.shuffle(pods)
    assert render(Cluster(pods, SPACES[::-1], policies[::-1]), NODE, NETWORK) == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(POLICY, max_size=4))
def test_nft_accepts_the_table(policies: list[Object]) -> None:
    assert shutil.which("nft"), "apt-get install nftables"
    text = render(Cluster(MANY, SPACES, policies), NODE, NETWORK)
    done = subprocess.run(["nft", "--check", "-f", "-"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, json.dumps(policies) + done.stderr
