"""The PostgreSQL exporter: one pod that asks each member of the database.

Not a sidecar: a pod is ready only while all its containers are, and an exporter must not take a database out of use.
"""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components import database
from infra.components.component import Component, Environment
from infra.components.database import Database
from infra.components.network import Peer, allow
from infra.components.one_pod import deployment, http_service
from infra.components.pods import container, http_probe, pod_template
from infra.providers.vnaops.resources import Certificate

APP_NAME = "postgres-exporter"
PORT = 9187
AUTHORITY = "/run/secrets/postgres-exporter/ca.crt"
MORE_COLLECTORS = ("database_wraparound", "long_running_transactions", "stat_activity_autovacuum")


def job() -> dict[str, Any]:
    """The scrape of every member through the exporter, as of the blackbox exporter's targets."""
    return {
        "job_name": "postgres",
        "metrics_path": "/probe",
        "params": {"auth_module": [database.MONITORING]},
        "dns_sd_configs": [
            {"names": [database.MEMBERS], "type": "A", "port": database.PORT, "refresh_interval": "10s"}
        ],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "instance"},
            {"source_labels": ["__address__"], "target_label": "__param_target", "replacement": "$1/postgres"},
            {"target_label": "__address__", "replacement": f"{APP_NAME}:{PORT}"},
        ],
    }


def configuration(password: str) -> str:
    """postgres_exporter.yml: who it is to the members. Their certificate names the Service, which is not one member."""
    return json.dumps(
        {
            "auth_modules": {
                database.MONITORING: {
                    "type": "userpass",
                    "userpass": {"username": database.MONITORING, "password": password},
                    "options": {"sslmode": "verify-ca", "sslrootcert": AUTHORITY},
                }
            }
        },
        indent=1,
    )


class PostgresExporter(Component):
    """Its Service is `postgres-exporter`."""

    def __init__(
        self,
        environment: Environment,
        database_: Database,
        authority: Certificate,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("PostgresExporter", APP_NAME, opts)
        files = kubernetes.core.v1.Secret(
            "postgres-exporter",
            metadata=environment.metadata(),
            string_data={
                "postgres_exporter.yml": database_.monitoring_password.apply(configuration),
                "ca.crt": authority.certificate,
            },
            opts=self.child(),
        )
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[Peer([PORT], apps=["prometheus"])],
            egress=[Peer([database.PORT], apps=[database.APP_NAME])],
        )
        http_service(self, environment, APP_NAME, PORT)
        template = pod_template(
            APP_NAME,
            [
                container(
                    APP_NAME,
                    environment.images[APP_NAME],
                    cpu="10m",
                    memory="32Mi",
                    memory_limit="128Mi",
                    ports={"http": PORT},
                    mounts={"files": "/run/secrets/postgres-exporter"},
                    args=[
                        "--config.file=/run/secrets/postgres-exporter/postgres_exporter.yml",
                        f"--web.listen-address=:{PORT}",
                        *(f"--collector.{name}" for name in MORE_COLLECTORS),
                    ],
                    readinessProbe=http_probe("/", "http", period=2),
                    livenessProbe=http_probe("/", "http", period=10),
                )
            ],
            volumes={"files": {"secret": {"secretName": files.metadata["name"], "defaultMode": 0o440}}},
        )
        deployment(self, environment, APP_NAME, template, depends_on=[policy])
        self.register_outputs({})
