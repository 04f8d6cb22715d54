"""Alertmanager: takes Prometheus' alerts, keeps quiet what something greater explains, and tells the receivers."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.one_pod import http_service
from infra.components.pods import claim, container, http_probe, pod_template, selector
from infra.rules.alertmanager import SECRETS, configuration

APP_NAME = "alertmanager"
PORT = 9093


class Alertmanager(Component):
    """One replica; its silences outlive it in a volume."""

    def __init__(self, environment: Environment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Alertmanager", APP_NAME, opts)
        settings = environment.settings.monitoring
        files = kubernetes.core.v1.ConfigMap(
            "alertmanager",
            metadata=environment.metadata(),
            data={"alertmanager.yaml": configuration(environment.settings, pulumi.get_stack())},
            opts=self.child(),
        )
        told: dict[str, Any] = {one.name: one for one in settings.receivers}
        if settings.dead_mans_switch is not None:
            told["dead-mans-switch"] = settings.dead_mans_switch
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[
                Peer([PORT], apps=["prometheus", "page"]),
                Peer([PORT], cidrs=environment.settings.load_balancer.client_cidrs),
            ],
            egress=[Peer([one.port], cidrs=one.cidrs) for one in told.values()],
        )
        http_service(self, environment, APP_NAME, PORT, settings.alertmanager_node_port)
        kubernetes.apps.v1.StatefulSet(
            "alertmanager",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "replicas": 1,
                "serviceName": APP_NAME,
                "selector": selector(APP_NAME),
                "template": pod_template(
                    APP_NAME,
                    [
                        container(
                            APP_NAME,
                            environment.images["alertmanager"],
                            cpu="10m",
                            memory="64Mi",
                            memory_limit="256Mi",
                            ports={"http": PORT},
                            mounts={
                                "settings": "/etc/alertmanager",
                                "data": "/data",
                                **{f"to-{name}": f"{SECRETS}/{name}" for name in told},
                            },
                            args=[
                                "--config.file=/etc/alertmanager/alertmanager.yaml",
                                "--storage.path=/data",
                                "--cluster.listen-address=",  # one replica has no peers to gossip with
                            ],
                            readinessProbe=http_probe("/-/ready", "http", period=2),
                            livenessProbe=http_probe("/-/healthy", "http", period=10),
                        )
                    ],
                    volumes={
                        "settings": {"configMap": {"name": files.metadata["name"]}},
                        **{f"to-{name}": {"secret": {"secretName": one.secret}} for name, one in told.items()},
                    },
                ),
                "volumeClaimTemplates": [claim("data", "1Gi", environment.settings.storage_class_name)],
            },
            opts=self.child(depends_on=[policy]),
        )
        self.register_outputs({})
