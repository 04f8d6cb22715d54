"""The front door: HAProxy for DIMSE, DIMSE over TLS, and HTTPS (DICOMweb, WADO-URI), at one address."""

from typing import Any
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components import haproxy, http_log
from infra.components.archive import DICOM_PORT, HTTP_PORT, Archive
from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.one_pod import deployment
from infra.components.pods import container, http_probe, pod_template, selector
from infra.components.registry import OwnEntity
from infra.providers.vnaops.resources import Certificate, Secret
from infra.settings import BALANCER_AE_TITLE, Right

APP_NAME = "load-balancer"
USERNAME = "vnaops"


def entity() -> OwnEntity:
    """The balancer's own entry in the registry: its health check is a C-ECHO like any other, and nobody calls it."""
    return OwnEntity(ae_title=BALANCER_AE_TITLE, host="127.0.0.1", rights=frozenset({Right.ECHO}), app=APP_NAME)


def api_server_host(kubeconfig: dict[str, Any], context: str | None) -> str:
    """The host of the API server in a kubeconfig: where node ports are, unless the settings say otherwise."""
    contexts = {c["name"]: c["context"] for c in kubeconfig["contexts"]}
    clusters = {c["name"]: c["cluster"] for c in kubeconfig["clusters"]}
    chosen = contexts[context or kubeconfig["current-context"]]
    return urlsplit(clusters[chosen["cluster"]]["server"]).hostname or ""


def _published(ingress: Any) -> str:
    return str(ingress.ip or ingress.hostname)


class LoadBalancer(Component):
    """HAProxy; `address` is what users connect to, `password` what HTTPS clients of `USERNAME` need.

    `log` is where a line per HTTP transaction goes (UDP, HOST:PORT), whether somebody takes it or not.
    """

    address: pulumi.Output[str]
    password: pulumi.Output[str]

    def __init__(
        self,
        environment: Environment,
        archive: Archive,
        log: pulumi.Output[str],
        authority: Certificate,
        default_address: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("LoadBalancer", APP_NAME, opts)
        settings = environment.settings.load_balancer
        node_port = settings.service_type == "NodePort"
        service = kubernetes.core.v1.Service(
            "load-balancer",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "type": settings.service_type,
                "externalTrafficPolicy": settings.external_traffic_policy,
                "selector": selector(APP_NAME)["matchLabels"],
                "ports": [
                    {"name": name, "port": port, "targetPort": name, **({"nodePort": node} if node_port else {})}
                    for name, port, node in (
                        ("dicom", haproxy.DICOM, settings.dicom_port),
                        ("dicom-tls", haproxy.DICOM_TLS, settings.dicom_tls_port),
                        ("https", haproxy.HTTPS, settings.https_port),
                    )
                ],
            },
            opts=self.child(),
        )
        if settings.address is not None:
            self.address = pulumi.Output.from_input(settings.address)
        elif node_port:
            self.address = pulumi.Output.from_input(default_address)
        else:
            self.address = service.status.apply(lambda status: _published(status.load_balancer.ingress[0]))
        password = Secret("https-password", length=32, opts=self.child())
        certificate = Certificate(
            "front-door-tls",
            common_name="vnaops front door",
            dns_names=[
                environment.namespace.apply(lambda ns: f"{APP_NAME}.{ns}.svc.cluster.local"),
                *settings.dns_names,
            ],
            ip_addresses=[self.address] if settings.address is None else [],
            ca_certificate=authority.certificate,
            ca_private_key=authority.private_key,
            opts=self.child(),
        )
        configuration = kubernetes.core.v1.ConfigMap(
            "haproxy",
            metadata=environment.metadata(),
            data={
                "haproxy.cfg": pulumi.Output.all(archive.hosts, log).apply(
                    lambda known: haproxy.configuration(
                        known[0],
                        writers=environment.settings.archive.writers,
                        calling=BALANCER_AE_TITLE,
                        called=environment.settings.archive.ae_title,
                        dicom_port=DICOM_PORT,
                        http_port=HTTP_PORT,
                        tap=environment.settings.archive.tap,
                        test_deletion=environment.settings.archive.test_deletion,
                        log=known[1],
                    )
                )
            },
            opts=self.child(),
        )
        users = kubernetes.core.v1.Secret(
            "haproxy-users",
            metadata=environment.metadata(),
            string_data={"users.cfg": password.value.apply(lambda p: haproxy.users(USERNAME, p))},
            opts=self.child(),
        )
        tls = kubernetes.core.v1.Secret(
            "haproxy-certificate",
            metadata=environment.metadata(),
            string_data={
                "tls.pem": pulumi.Output.all(certificate.certificate, certificate.private_key).apply(
                    lambda pem: f"{pem[0]}{pem[1]}"
                )
            },
            opts=self.child(),
        )
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[
                # the settings' modalities; our own entries of the registry call from within
                Peer([haproxy.DICOM, haproxy.DICOM_TLS], cidrs=[m.network for m in environment.settings.modalities]),
                Peer([haproxy.DICOM, haproxy.DICOM_TLS, haproxy.HTTPS], apps=["dicom-exporter"]),
                Peer([haproxy.HTTPS], cidrs=settings.client_cidrs),
                Peer([haproxy.METRICS], apps=["prometheus"]),
            ],
            egress=[
                Peer([DICOM_PORT, HTTP_PORT], apps=["archive"]),
                Peer([http_log.LOG_PORT], apps=[http_log.APP_NAME], protocol="UDP"),
            ],
        )
        template = pod_template(
            APP_NAME,
            [
                container(
                    "haproxy",
                    environment.images["haproxy"],
                    cpu="100m",
                    memory="128Mi",
                    memory_limit="512Mi",
                    ports={
                        "dicom": haproxy.DICOM,
                        "dicom-tls": haproxy.DICOM_TLS,
                        "https": haproxy.HTTPS,
                        "metrics": haproxy.METRICS,
                    },
                    mounts={
                        "settings": "/etc/haproxy",
                        "users": "/run/secrets/users",
                        "tls": "/run/secrets/tls",
                        "tmp": "/tmp",  # noqa: S108
                    },
                    args=["-W", "-db", "-f", "/run/secrets/users/users.cfg", "-f", "/etc/haproxy/haproxy.cfg"],
                    readinessProbe=http_probe("/healthy", "metrics", period=2),
                    livenessProbe=http_probe("/healthy", "metrics", period=10, failures=6),
                )
            ],
            volumes={
                "settings": {"configMap": {"name": configuration.metadata["name"]}},
                "users": {"secret": {"secretName": users.metadata["name"]}},
                "tls": {"secret": {"secretName": tls.metadata["name"]}},
                "tmp": {"emptyDir": {}},
            },
            terminationGracePeriodSeconds=35,
        )
        deployment(self, environment, APP_NAME, template, depends_on=[policy, archive])
        self.password = password.value
        self.register_outputs({"address": self.address})
