"""The s3-exporter: how fast the object store is, and whether its buckets are what the program declared."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components import object_store
from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.object_store import ObjectStore, canary_of, expire_tagged
from infra.components.one_pod import deployment, http_service
from infra.components.pods import container, http_probe, pod_template
from infra.providers.vnaops import s3_lifecycle
from infra.setting_types import bytes_of
from infra.settings import Settings

APP_NAME = "s3-exporter"
PORT = 9883


def declaration(settings: Settings) -> dict[str, Any]:
    """What the buckets are meant to be, in the exporter's form; the same settings make the buckets."""
    store = settings.object_store
    size = store.capacity if store.endpoint else store.size

    def bucket(retention: tuple[str, int] | None, expiring: dict[str, int]) -> dict[str, Any]:
        return {
            "objectLock": store.object_lock,
            "retention": dict(zip(("mode", "days"), retention, strict=True)) if retention else None,
            "versioning": "Enabled",
            "capacityBytes": bytes_of(size) if size else None,
            # a site's own bucket may have both; in the embedded one a rule that somebody adds may delete images
            **({} if store.endpoint else {"lifecycle": s3_lifecycle.rules(expiring), "policy": {}}),
        }

    return {
        "buckets": {
            store.bucket: bucket(store.retention, expire_tagged(store)),
            canary_of(store.bucket): bucket(("GOVERNANCE", 1) if store.retention else None, {}),
        }
    }


class S3Exporter(Component):
    """One pod; its Service is `s3-exporter`."""

    def __init__(
        self,
        environment: Environment,
        store: ObjectStore,
        secret: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("S3Exporter", APP_NAME, opts)
        settings = environment.settings.object_store
        embedded = settings.endpoint is None

        def configuration(known: list[str]) -> str:
            own = (
                {"usage_url": f"http://{object_store.APP_NAME}:{object_store.METRICS_PORT}/metrics"} if embedded else {}
            )
            return json.dumps({"endpoint": known[0], "region": settings.region, "canary": {"bucket": known[1]}, **own})

        files = kubernetes.core.v1.ConfigMap(
            "s3-exporter",
            metadata=environment.metadata(),
            data={
                "s3-exporter.yaml": pulumi.Output.all(store.endpoint, store.canary.bucket).apply(configuration),
                "declaration.json": json.dumps(declaration(environment.settings), indent=1),
            },
            opts=self.child(),
        )
        usage = [Peer([object_store.METRICS_PORT], apps=[object_store.APP_NAME])] if embedded else []
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[Peer([PORT], apps=["prometheus"])],
            egress=[*store.egress, *usage],
        )
        http_service(self, environment, APP_NAME, PORT)
        template = pod_template(
            APP_NAME,
            [
                container(
                    APP_NAME,
                    environment.images["python"],
                    cpu="20m",
                    memory="128Mi",
                    memory_limit="256Mi",
                    ports={"http": PORT},
                    mounts={"files": "/etc/s3-exporter", "s3": "/run/secrets/s3"},
                    # a path, not a key: nothing of the secret is in the pod's environment
                    env=[{"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/run/secrets/s3/credentials"}],
                    command=[
                        "s3-exporter",
                        "--config.file=/etc/s3-exporter/s3-exporter.yaml",
                        "--declaration.file=/etc/s3-exporter/declaration.json",
                        f"--web.listen-address=:{PORT}",
                    ],
                    readinessProbe=http_probe("/metrics", "http", period=2),
                    livenessProbe=http_probe("/metrics", "http", period=10),
                )
            ],
            volumes={
                "files": {"configMap": {"name": files.metadata["name"]}},
                "s3": {"secret": {"secretName": secret}},
            },
        )
        deployment(self, environment, APP_NAME, template, depends_on=[policy, store.bucket, store.canary])
        self.register_outputs({})
