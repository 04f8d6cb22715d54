"""From pods, namespaces and policies to one nftables table: a pure function, replaced in one transaction.

The table hooks `forward`, which every packet between pods passes since each pod has a veth of its own, after kube-proxy
has put a pod's address for a service's. A pod that a policy selects has an entry in the map `in` or `out`, which jumps
to a chain of what is allowed (`return`) and ends in `drop`. A packet between two pods has to pass the sender's and the
receiver's chain.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.node.policy_agent.selectors import Network, networks, selects

Object = Mapping[str, Any]
TABLE = "vnaops_policy"
_WAYS = {"Ingress": ("ingress", "from", "saddr", "in"), "Egress": ("egress", "to", "daddr", "out")}


@dataclass(frozen=True)
class Cluster:
    """What is rendered: the API's objects, and the addresses that the CNI plug-in told (pod's uid -> address)."""

    pods: Sequence[Object]
    namespaces: Sequence[Object]
    policies: Sequence[Object]
    told: Mapping[str, str] = field(default_factory=dict)


def addresses(cluster: Cluster) -> dict[str, Object]:
    """Address -> its pod. An ended pod's status.podIP may be another's by now; what was told wins over status."""
    found: dict[str, Object] = {}
    order = sorted(
        cluster.pods,
        key=lambda p: (p["metadata"]["uid"] in cluster.told, p["metadata"]["creationTimestamp"], p["metadata"]["uid"]),
    )
    for pod in order:
        status = pod.get("status") or {}
        address = cluster.told.get(pod["metadata"]["uid"]) or status.get("podIP")
        ended = status.get("phase") in ("Succeeded", "Failed")
        if address and ":" not in address and not pod["spec"].get("hostNetwork") and not ended:
            found[address] = pod
    return found


def render(cluster: Cluster, node: str, pod_network: str, guard_node: bool = True) -> str:
    """The table of one node, as text for `nft -f`.

    An address of the node's pod network that belongs to no known pod is denied everything, so that an agent which has
    just been started opens nothing. With `guard_node`, egress policies also hold for what goes to the pod's own node.
    """
    return _Table(cluster, node).text(pod_network, guard_node)


def _name(kind: str, content: str) -> str:
    return kind + hashlib.sha256(content.encode()).hexdigest()[:16]


def _labels(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _joined(elements: Iterable[str]) -> str:
    """An `elements` clause; nft refuses an empty one."""
    text = ", ".join(elements)
    return f" elements = {{ {text} }};" if text else ""


class _Table:
    def __init__(self, cluster: Cluster, node: str) -> None:
        self._policies = cluster.policies
        self._by_address = addresses(cluster)
        self._mine = {a: p for a, p in self._by_address.items() if p["spec"].get("nodeName") == node}
        self._namespaces = {n["metadata"]["name"]: _labels(n) for n in cluster.namespaces}
        self._sets: dict[str, str] = {}
        self._chains: dict[str, list[str]] = {}
        self._peers: dict[int, tuple[dict[str, Object], str | None]] = {}

    def text(self, pod_network: str, guard_node: bool) -> str:
        maps = {way: self._verdicts(way) for way in _WAYS}
        lines = [f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
        for name, elements in sorted(self._sets.items()):
            lines.append(f" set {name} {{ type ipv4_addr; flags interval; elements = {{ {elements} }}; }}")
        for name, body in sorted(self._chains.items()):
            lines.append(f" chain {name} {{\n  " + "\n  ".join([*body, "counter drop"]) + "\n }")
        for way, (_, _, _, name) in _WAYS.items():
            lines.append(f" map {name} {{ type ipv4_addr : verdict;{_joined(maps[way])} }}")
        mine = sorted(self._mine)
        lines.append(f" set known {{ type ipv4_addr;{_joined(mine)} }}")
        lines.append(f" set itself {{ type ipv4_addr . ipv4_addr;{_joined(f'{a} . {a}' for a in mine)} }}")
        # by direction, not "ct state established": a tightened policy cuts connections that are open
        head = "ct direction reply accept; ct state related accept;"
        unknown = " ".join(f"ip {s} {pod_network} ip {s} != @known counter drop;" for s in ("saddr", "daddr"))
        lines.append(
            f" chain forward {{ type filter hook forward priority filter; {head} {unknown}"
            " ip saddr . ip daddr @itself accept; ip saddr vmap @out; ip daddr vmap @in; }"
        )
        if guard_node:
            unknown = f'iif != "lo" ip saddr {pod_network} ip saddr != @known counter drop;'
            lines.append(
                f" chain input {{ type filter hook input priority filter; {head} {unknown} ip saddr vmap @out; }}"
            )
        return "\n".join([*lines, "}", ""])

    def _verdicts(self, way: str) -> list[str]:
        """`ADDRESS : jump CHAIN` for each of the node's pods that a policy of this direction selects."""
        rules, *_ = _WAYS[way]
        found = []
        for address, pod in sorted(self._mine.items()):
            namespace = pod["metadata"]["namespace"]
            hit = [
                policy
                for policy in self._policies
                if policy["metadata"]["namespace"] == namespace
                and way in policy["spec"].get("policyTypes", ["Ingress"])
                and selects(policy["spec"].get("podSelector") or {}, _labels(pod))
            ]
            if not hit:
                continue
            allowed = (rule for policy in hit for rule in policy["spec"].get(rules) or [])
            body = sorted({line for rule in allowed for line in self._rule(way, namespace, rule, pod)})
            name = _name("c", "\n".join(body))
            self._chains[name] = body
            found.append(f"{address} : jump {name}")
        return found

    def _rule(self, way: str, namespace: str, rule: Object, pod: Object) -> list[str]:
        """The lines that let through what one rule allows a pod; a rule that names peers and finds none has no line."""
        _, key, side, _ = _WAYS[way]
        if id(rule) not in self._peers:  # the same for every pod of the policy
            self._peers[id(rule)] = self._peers_of(side, namespace, rule.get(key) or [])
        peers, address = self._peers[id(rule)]
        if address is None:
            return []
        if not rule.get("ports"):
            return [f"{address}return"]
        lines: list[str] = []
        plain: dict[str, set[str]] = {}
        for wanted in rule["ports"]:
            protocol, port = wanted.get("protocol", "TCP").lower(), wanted.get("port")
            if port is None:
                lines.append(f"{address}meta l4proto {protocol} return")
            elif isinstance(port, int):
                end = wanted.get("endPort", port)
                plain.setdefault(protocol, set()).add(f"{port}-{end}" if end != port else str(port))
            elif way == "Ingress":
                plain.setdefault(protocol, set()).update(map(str, _named(pod, port, protocol)))
            else:
                pairs = sorted(f"{a} . {n}" for a, peer in peers.items() for n in _named(peer, port, protocol))
                if pairs:
                    lines.append(f"ip daddr . {protocol} dport {{ {', '.join(pairs)} }} return")
        lines += [f"{address}{p} dport {{ {_ports(ports)} }} return" for p, ports in sorted(plain.items()) if ports]
        return lines

    def _peers_of(self, side: str, namespace: str, peers: Sequence[Object]) -> tuple[dict[str, Object], str | None]:
        """The pods that a rule's peers mean, and the match of their addresses: "" for everybody, None for nobody."""
        if not peers:
            return self._by_address, ""
        blocks: list[Network] = []
        pods: dict[str, Object] = {}
        for peer in peers:
            if "ipBlock" in peer:
                block = networks(peer["ipBlock"])
                blocks += block
                # a named port means the pods among them
                pods |= {a: p for a, p in self._by_address.items() if any(ipaddress.IPv4Address(a) in n for n in block)}
            else:
                pods |= {a: p for a, p in self._by_address.items() if self._is_peer(peer, namespace, p)}
        blocks += [ipaddress.IPv4Network(address) for address in pods]
        return pods, f"ip {side} @{self._set(blocks)} " if blocks else None

    def _is_peer(self, peer: Object, namespace: str, pod: Object) -> bool:
        theirs = pod["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            labels = self._namespaces.get(theirs)
            if labels is None or not selects(peer["namespaceSelector"] or {}, labels):
                return False
        elif theirs != namespace:
            return False
        return selects(peer.get("podSelector") or {}, _labels(pod))

    def _set(self, blocks: Iterable[Network]) -> str:
        text = ", ".join(map(str, ipaddress.collapse_addresses(blocks)))
        text = text.replace("0.0.0.0/0", "0.0.0.0-255.255.255.255")  # nft 1.0.6 refuses the former in a set
        name = _name("s", text)
        self._sets[name] = text
        return name


def _ports(ports: Iterable[str]) -> str:
    """Ports and ranges, merged: nft refuses overlapping ones in an anonymous set."""
    spans = sorted((int(first), int(last or first)) for first, _, last in (p.partition("-") for p in ports))
    merged: list[list[int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in merged)


def _named(pod: Object, name: str, protocol: str) -> list[int]:
    """The numbers of a pod's named port."""
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    return sorted(
        {
            port["containerPort"]
            for container in containers
            for port in container.get("ports") or []
            if port.get("name") == name and port.get("protocol", "TCP").lower() == protocol
        }
    )
