"""The page: the environment's views for a wall screen and a phone, and Grafana's dashboards for whoever has Grafana."""

import json

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components import alertmanager, monitoring, nginx
from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.one_pod import deployment, http_service
from infra.components.pods import container, http_probe, pod_template
from infra.dashboards import generated_files
from infra.settings import Settings

APP_NAME = "page"
PORT = 8080
CALLING = "VNAOPS_LOAD"
"""The load generator's AE title where the settings name none."""


def page_environment(settings: Settings, stack: str) -> dict[str, str | int]:
    """What the page is told of its environment."""
    return {
        "environment": stack,
        "calling": settings.load_generator or CALLING,
        "scrapeSeconds": settings.monitoring.scrape_seconds,
    }


class Page(Component):
    """One replica behind `page`:8080, on the nodes where the settings say so; it may ask and change nothing."""

    def __init__(self, environment: Environment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Page", APP_NAME, opts)
        self._dashboards(environment)
        files = kubernetes.core.v1.ConfigMap(
            "page",
            metadata=environment.metadata(),
            data={
                "nginx.conf": nginx.configuration(
                    port=PORT,
                    root="/srv/page",
                    environment_file="/etc/page/environment.json",
                    prometheus=f"{monitoring.PROMETHEUS}:{monitoring.PROMETHEUS_PORT}",
                    alertmanager=f"{alertmanager.APP_NAME}:{alertmanager.PORT}",
                    scratch="/tmp",  # noqa: S108
                ),
                "environment.json": json.dumps(page_environment(environment.settings, pulumi.get_stack())),
            },
            opts=self.child(),
        )
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[Peer([PORT], cidrs=environment.settings.load_balancer.client_cidrs)],
            egress=[
                Peer([monitoring.PROMETHEUS_PORT], apps=[monitoring.PROMETHEUS]),
                Peer([alertmanager.PORT], apps=[alertmanager.APP_NAME]),
            ],
        )
        http_service(self, environment, APP_NAME, PORT, environment.settings.monitoring.page_node_port)
        template = pod_template(
            APP_NAME,
            [
                container(
                    APP_NAME,
                    environment.images["page"],
                    cpu="10m",
                    memory="32Mi",
                    memory_limit="64Mi",
                    ports={"http": PORT},
                    mounts={"settings": "/etc/page", "tmp": "/tmp"},  # noqa: S108
                    readinessProbe=http_probe("/healthy", "http", period=2),
                    livenessProbe=http_probe("/healthy", "http", period=10),
                )
            ],
            volumes={
                "settings": {"configMap": {"name": files.metadata["name"]}},
                "tmp": {"emptyDir": {"sizeLimit": "64Mi"}},
            },
        )
        deployment(self, environment, APP_NAME, template, depends_on=[policy])
        self.register_outputs({})

    def _dashboards(self, environment: Environment) -> None:
        """A Grafana anywhere in the cluster finds them by the label that its sidecar looks for."""
        labels = {"grafana_dashboard": "1"}
        kubernetes.core.v1.ConfigMap(
            "dashboards",
            metadata={"namespace": environment.namespace, "name": "dashboards", "labels": labels},
            data=generated_files.dashboard_files(),
            opts=self.child(),
        )
