"""Network policies in words: who may come to an app, and where it may go. Everything else is denied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import Component, Environment
from infra.components.pods import selector


@dataclass(frozen=True)
class Peer:
    """Apps of the namespace (by name), or networks (CIDRs), and the ports they are allowed (TCP unless it says UDP)."""

    ports: Sequence[int]
    apps: Iterable[str] = ()
    cidrs: Iterable[str] = ()
    protocol: Literal["TCP", "UDP"] = "TCP"

    def addresses(self) -> list[str]:
        """HOST:PORT of each of its networks that is one host."""
        return [f"{cidr[:-3]}:{port}" for cidr in self.cidrs if cidr.endswith("/32") for port in self.ports]

    def rule(self, side: str) -> dict[str, Any]:
        """The policy's rule; `side` is `from` or `to`."""
        peers: list[dict[str, Any]] = [{"podSelector": selector(app)} for app in self.apps]
        peers += [{"ipBlock": {"cidr": cidr}} for cidr in sorted(set(self.cidrs))]
        return {side: peers, "ports": [{"port": port, "protocol": self.protocol} for port in self.ports]}


def allow(
    parent: Component,
    environment: Environment,
    app: str,
    *,
    ingress: Sequence[Peer] = (),
    egress: Sequence[Peer] | pulumi.Output[Sequence[Peer]] = (),
) -> kubernetes.networking.v1.NetworkPolicy:
    """The policy of one app. A peer without apps and without networks is left out: an empty list would allow all."""

    def rules(side: str, peers: Sequence[Peer]) -> list[dict[str, Any]]:
        return [peer.rule(side) for peer in peers if list(peer.apps) or list(peer.cidrs)]

    return kubernetes.networking.v1.NetworkPolicy(
        f"{app}-traffic",
        metadata=environment.metadata(app, app),
        spec={
            "podSelector": selector(app),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": rules("from", ingress),
            "egress": pulumi.Output.from_input(egress).apply(lambda peers: rules("to", peers)),
        },
        opts=parent.child(),
    )
