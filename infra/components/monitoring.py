"""Prometheus: what it scrapes, and by which rules it alerts."""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra import rules
from infra.components import (
    alertmanager,
    archive,
    cluster_scraping,
    database,
    haproxy,
    http_log,
    load_balancer,
    object_store,
    postgres_exporter,
    prober,
    tap,
)
from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.one_pod import http_service
from infra.components.pods import claim, container, http_probe, pod_template, selector
from infra.components.s3_exporter import APP_NAME as S3_EXPORTER
from infra.components.s3_exporter import PORT as S3_EXPORTER_PORT
from infra.setting_types import bytes_of
from infra.settings import PixelData, Settings

PROMETHEUS = "prometheus"
PROMETHEUS_PORT = 9090


def prometheus_settings(settings: Settings, stack: str, api_servers: Sequence[str] = ()) -> dict[str, Any]:
    """prometheus.yaml (as JSON): the prober's modules, and each component's own metrics by the names of its pods.

    `api_servers` (HOST:PORT) are asked where the cluster is watched too.
    """
    scrape = settings.monitoring.scrape_seconds

    def pods(service: str, port: int, path: str = "/metrics") -> dict[str, Any]:
        return {
            "metrics_path": path,
            "dns_sd_configs": [{"names": [service], "type": "A", "port": port, "refresh_interval": "10s"}],
        }

    def job(name: str, **more: Any) -> dict[str, Any]:
        return {"job_name": name, **more}

    store = settings.object_store
    watched = settings.archive.pixel_data is PixelData.S3 and (store.endpoint is None or store.monitoring_secret)
    storage = []
    if settings.archive.pixel_data is PixelData.S3:
        storage.append(job("archive-storage", **pods(archive.APP_NAME, archive.HTTP_PORT, "/metrics/s3")))
        if settings.object_store.endpoint is None:
            embedded = f"{object_store.APP_NAME}:{object_store.METRICS_PORT}"
            storage.append(job("object-store", static_configs=[{"targets": [embedded]}]))
    return {
        "global": {
            "scrape_interval": f"{scrape}s",
            "scrape_timeout": f"{min(10, scrape)}s",
            "evaluation_interval": f"{scrape}s",  # a minute otherwise: as long as the `for` of most alerts
            "external_labels": {"environment": stack},
        },
        "rule_files": ["/etc/prometheus/rules/*.yaml"],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [f"{alertmanager.APP_NAME}:{alertmanager.PORT}"]}]},
            ]
        },
        "scrape_configs": [
            *prober.jobs(scrape),
            job("dicom-exporter", static_configs=[{"targets": [f"{prober.APP_NAME}:{prober.PORT}"]}]),
            job("archive", **pods(archive.APP_NAME, archive.HTTP_PORT, "/tools/metrics-prometheus")),
            *([job("dimse-tap", **pods(archive.APP_NAME, tap.METRICS_PORT))] if settings.archive.tap else []),
            *storage,
            *(
                [job("s3-exporter", static_configs=[{"targets": [f"{S3_EXPORTER}:{S3_EXPORTER_PORT}"]}])]
                if watched
                else []
            ),
            job("load-balancer", static_configs=[{"targets": [f"load-balancer-metrics:{haproxy.METRICS}"]}]),
            job("http-log-exporter", static_configs=[{"targets": [f"{http_log.APP_NAME}:{http_log.PORT}"]}]),
            job("database", **pods(database.MEMBERS, database.REST_PORT)),
            postgres_exporter.job(),
            job("prometheus", static_configs=[{"targets": [f"localhost:{PROMETHEUS_PORT}"]}]),
            job("alertmanager", static_configs=[{"targets": [f"{alertmanager.APP_NAME}:{alertmanager.PORT}"]}]),
            *(
                cluster_scraping.jobs(settings.monitoring.cluster, settings.namespace, api_servers)
                if settings.monitoring.cluster
                else []
            ),
        ],
    }


class Monitoring(Component):
    """Prometheus at `prometheus`:9090 of the namespace, and on the nodes where the settings say so."""

    def __init__(
        self,
        environment: Environment,
        api_server: pulumi.Output[list[Peer]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Monitoring", "monitoring", opts)
        settings = environment.settings.monitoring
        configuration = kubernetes.core.v1.ConfigMap(
            "prometheus",
            metadata=environment.metadata(),
            data={
                "prometheus.yaml": api_server.apply(
                    lambda peers: json.dumps(
                        prometheus_settings(
                            environment.settings,
                            pulumi.get_stack(),
                            [address for peer in peers for address in peer.addresses()],
                        ),
                        indent=1,
                    )
                )
            },
            opts=self.child(),
        )
        rule_files = kubernetes.core.v1.ConfigMap(
            "prometheus-rules",
            metadata=environment.metadata(),
            data=rules.files(environment.settings, pulumi.get_stack()),
            opts=self.child(),
        )
        account = cluster_scraping.account(self, environment) if settings.cluster else None
        policy = allow(
            self,
            environment,
            PROMETHEUS,
            ingress=[
                Peer([PROMETHEUS_PORT], apps=["page"], cidrs=environment.settings.load_balancer.client_cidrs),
            ],
            egress=api_server.apply(
                lambda peers: [
                    *([*cluster_scraping.peers(settings.cluster), *peers] if settings.cluster else []),
                    Peer([prober.PORT], apps=[prober.APP_NAME]),
                    Peer([archive.HTTP_PORT, tap.METRICS_PORT], apps=[archive.APP_NAME]),
                    Peer([haproxy.METRICS], apps=[load_balancer.APP_NAME]),
                    Peer([http_log.PORT], apps=[http_log.APP_NAME]),
                    Peer([S3_EXPORTER_PORT], apps=[S3_EXPORTER]),
                    Peer([alertmanager.PORT], apps=[alertmanager.APP_NAME]),
                    Peer([database.REST_PORT], apps=[database.APP_NAME]),
                    Peer([postgres_exporter.PORT], apps=[postgres_exporter.APP_NAME]),
                    Peer([object_store.METRICS_PORT], apps=[object_store.APP_NAME]),
                ]
            ),
        )
        kubernetes.core.v1.Service(
            "load-balancer-metrics",
            metadata=environment.metadata("load-balancer-metrics", load_balancer.APP_NAME),
            spec={
                "selector": selector(load_balancer.APP_NAME)["matchLabels"],
                "ports": [{"name": "metrics", "port": haproxy.METRICS}],
            },
            opts=self.child(),
        )
        service = http_service(self, environment, PROMETHEUS, PROMETHEUS_PORT, settings.node_port)
        kubernetes.apps.v1.StatefulSet(
            "prometheus",
            metadata=environment.metadata(PROMETHEUS, PROMETHEUS),
            spec={
                "replicas": 1,
                "serviceName": service.metadata["name"],
                "selector": selector(PROMETHEUS),
                "template": pod_template(
                    PROMETHEUS,
                    [
                        container(
                            PROMETHEUS,
                            environment.images["prometheus"],
                            cpu="100m",
                            memory="256Mi",
                            memory_limit="1Gi",
                            ports={"http": PROMETHEUS_PORT},
                            mounts={
                                "settings": "/etc/prometheus",
                                "rules": "/etc/prometheus/rules",
                                "data": "/data",
                                "tmp": "/tmp",  # noqa: S108
                            },
                            args=[
                                "--config.file=/etc/prometheus/prometheus.yaml",
                                "--storage.tsdb.path=/data",
                                f"--storage.tsdb.retention.time={settings.retention}",
                                # the oldest goes before the volume is full and nothing more is kept
                                f"--storage.tsdb.retention.size={bytes_of(settings.size) * 85 // 100 >> 20}MB",
                            ],
                            readinessProbe=http_probe("/-/ready", "http", period=2),
                            livenessProbe=http_probe("/-/healthy", "http", period=10),
                        )
                    ],
                    volumes={
                        "settings": {"configMap": {"name": configuration.metadata["name"]}},
                        "rules": {"configMap": {"name": rule_files.metadata["name"]}},
                        "tmp": {"emptyDir": {}},
                    },
                    service_account=account,
                ),
                "volumeClaimTemplates": [claim("data", settings.size, environment.settings.storage_class_name)],
            },
            opts=self.child(depends_on=[policy]),
        )
        self.register_outputs({})
