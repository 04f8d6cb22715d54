"""The http-log-exporter: one pod that takes the balancer's log by UDP and counts HTTP transactions.

Not a sidecar: a pod is ready only while all its containers are, and an exporter must not close the front door.
"""

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import NOT_AWAITED, Component, Environment
from infra.components.haproxy import HTTP_BACKENDS
from infra.components.http_routes import OPERATIONS
from infra.components.network import Peer, allow
from infra.components.one_pod import deployment
from infra.components.pods import container, http_probe, pod_template, selector

APP_NAME = "http-log-exporter"
PORT = 9883
LOG_PORT = 9514


class HttpLogExporter(Component):
    """Its Service is `http-log-exporter`; `log` is where the balancer sends its lines (UDP, HOST:PORT).

    An address rather than a name: HAProxy does not start with a name that can't be resolved.
    """

    log: pulumi.Output[str]

    def __init__(self, environment: Environment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("HttpLogExporter", APP_NAME, opts)
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[
                Peer([PORT], apps=["prometheus"]),
                Peer([LOG_PORT], apps=["load-balancer"], protocol="UDP"),
            ],
        )
        service = kubernetes.core.v1.Service(
            APP_NAME,
            # else its address is known to the balancer only when a pod is ready behind it
            metadata={**environment.metadata(APP_NAME, APP_NAME), **NOT_AWAITED},
            spec={
                "selector": selector(APP_NAME)["matchLabels"],
                "ports": [
                    {"name": "http", "port": PORT},
                    {"name": "log", "port": LOG_PORT, "protocol": "UDP"},
                ],
            },
            opts=self.child(),
        )
        template = pod_template(
            APP_NAME,
            [
                container(
                    APP_NAME,
                    environment.images["python"],
                    cpu="10m",
                    memory="64Mi",
                    memory_limit="128Mi",
                    ports={"http": PORT},
                    command=[
                        "http-log-exporter",
                        f"--log.listen-address=:{LOG_PORT}",
                        f"--web.listen-address=:{PORT}",
                        f"--operations={','.join(OPERATIONS)}",
                        f"--backends={','.join(HTTP_BACKENDS)}",
                    ],
                    readinessProbe=http_probe("/-/healthy", "http", period=2),
                    livenessProbe=http_probe("/-/healthy", "http", period=10),
                )
            ],
        )
        deployment(self, environment, APP_NAME, template, depends_on=[policy])
        self.log = service.spec.cluster_ip.apply(lambda address: f"{address}:{LOG_PORT}")
        self.register_outputs({"log": self.log})
