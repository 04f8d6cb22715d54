"""The environment's namespace: pod security `restricted`, and nothing may talk to anything until a policy says so."""

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import Component


class Namespace(Component):
    """The namespace with its default-deny policy, name resolution being the only exception.

    `name` is known only after both policies exist: no pod starts before it is closed.
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Namespace", name, opts)
        security = {
            f"pod-security.kubernetes.io/{mode}{suffix}": value
            for mode in ("enforce", "audit", "warn")
            for suffix, value in (("", "restricted"), ("-version", "latest"))
        }
        namespace = kubernetes.core.v1.Namespace(
            "namespace", metadata={"name": name, "labels": security}, opts=self.child()
        )
        own = namespace.metadata["name"]
        deny = kubernetes.networking.v1.NetworkPolicy(
            "default-deny",
            metadata={"namespace": own, "name": "default-deny"},
            spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
            opts=self.child(),
        )
        dns = kubernetes.networking.v1.NetworkPolicy(
            "names",
            metadata={"namespace": own, "name": "names"},
            spec={
                "podSelector": {},
                "policyTypes": ["Egress"],
                "egress": [
                    {
                        "to": [
                            {
                                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                            }
                        ],
                        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
                    }
                ],
            },
            opts=self.child(),
        )
        self.name = pulumi.Output.all(own, deny.id, dns.id).apply(lambda parts: str(parts[0]))
        self.register_outputs({"name": self.name})
