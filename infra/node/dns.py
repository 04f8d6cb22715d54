"""CoreDNS: the cluster's names, served by a pod on any node."""

import contextlib
import secrets
import socket
import struct

from infra.node.api import Object
from infra.node.layout import API_SERVICE, CLUSTER_DNS, CLUSTER_DOMAIN

_APP = "coredns"
_NAMESPACE = "kube-system"
# network policies judge the pod's port, and everybody writes 53 there; the pod's sysctl lets a non-root bind it
_PORT = 53
_COREFILE = f""".:{_PORT} {{
    errors
    health :8080 {{
        lameduck 2s
    }}
    ready :8181
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        ttl 5
    }}
    forward . /etc/resolv.conf
    cache 5
    loop
    reload 5s
}}
"""


def answers() -> bool:
    """Whether the cluster's names are served: asks, by kube-proxy, for the API server's (RFC 1035, section 4).

    The service's endpoints would say so too, but after a restart they still have the readiness of before.
    """
    number = secrets.randbits(16)
    name = b"".join(
        bytes([len(label)]) + label.encode() for label in f"kubernetes.default.svc.{CLUSTER_DOMAIN}".split(".")
    )
    query = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
        client.settimeout(0.5)
        client.connect((CLUSTER_DNS, 53))
        client.send(query)
        answer = client.recv(512)
        return answer[:2] == query[:2] and socket.inet_aton(API_SERVICE) in answer
    return False


def manifests(image: str) -> list[Object]:
    """Account, rights, configuration, service and deployment, in that order."""
    labels = {"k8s-app": "kube-dns"}
    group = "rbac.authorization.k8s.io"
    named: Object = {"name": _APP, "namespace": _NAMESPACE}
    look = ["list", "watch"]
    container: Object = {
        "name": _APP,
        "image": image,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": _PORT, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": _PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 10, "failureThreshold": 5},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/coredns"}],
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "vnaops:coredns"},
            "rules": [
                {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": look},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": look},
            ],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "vnaops:coredns"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "vnaops:coredns"},
            "subjects": [{"kind": "ServiceAccount", **named}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"Corefile": _COREFILE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": _NAMESPACE, "labels": labels},
            "spec": {
                "clusterIP": CLUSTER_DNS,
                "selector": labels,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
                ],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**named, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": _APP,
                        "priorityClassName": "system-cluster-critical",
                        "dnsPolicy": "Default",
                        "securityContext": {
                            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "53"}]
                        },
                        # a lost node's names are served again after the notice and 5 s
                        "tolerations": [
                            {
                                "key": f"node.kubernetes.io/{state}",
                                "operator": "Exists",
                                "effect": "NoExecute",
                                "tolerationSeconds": 5,
                            }
                            for state in ("not-ready", "unreachable")
                        ],
                        "containers": [container],
                        "volumes": [{"name": "configuration", "configMap": {"name": _APP}}],
                    },
                },
            },
        },
    ]
