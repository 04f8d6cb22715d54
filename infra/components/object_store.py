"""The object store: a configured S3 endpoint, or the embedded SeaweedFS; and the archive's bucket on it."""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.pods import claim, container, http_probe, pod_template, selector
from infra.providers.vnaops.resources import Bucket, Credentials, Secret
from infra.settings import ObjectStoreSettings

APP_NAME = "object-store"
S3_PORT, METRICS_PORT = 8333, 9327
S3_GRPC_PORT = S3_PORT + 10_000  # SeaweedFS' own choice
PROBE_TAG = "vnaops-class=probe"  # as the archive's storage area puts it on the prober's objects
LOCK = "GetBucketObjectLockConfiguration"  # SeaweedFS has it apart from Read


def identities(
    bucket: str, admin: tuple[str, str], archive: tuple[str, str], monitoring: tuple[str, str]
) -> dict[str, Any]:
    """SeaweedFS' s3.json: the administrator; the archive, which may read, write and list its bucket and no more; the
    monitoring, which may look at that bucket's settings and write to the canary.

    No right to bypass GOVERNANCE retention, none to change the bucket. Tried with SeaweedFS 4.48: without
    PutObjectRetention a put that names its retention is denied; with it a deletion that asks for the bypass still is.
    `Read:archiv?` is the right to read the settings of the bucket `archive` and none of its objects: a pattern is
    compared with the bucket's name for its settings, and with bucket and key for an object.
    """
    own = ["Read", "Write", "List", "Tagging", "PutObjectRetention"]
    return {
        "identities": [
            {
                "name": "admin",
                "credentials": [{"accessKey": admin[0], "secretKey": admin[1]}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {
                "name": "archive",
                "credentials": [{"accessKey": archive[0], "secretKey": archive[1]}],
                "actions": [f"{action}:{bucket}" for action in own],
            },
            {
                "name": "monitoring",
                "credentials": [{"accessKey": monitoring[0], "secretKey": monitoring[1]}],
                "actions": [
                    *(f"{action}:{bucket}" for action in ("List", LOCK)),
                    f"Read:{bucket[:-1]}?",
                    *(f"{action}:{canary_of(bucket)}" for action in ("Read", "Write", "List", LOCK)),
                ],
            },
        ]
    }


def expire_tagged(store: ObjectStoreSettings) -> dict[str, int]:
    """What the archive's bucket lets go: days by tag.

    A day later than the lock ends: SeaweedFS 4.48 looks at an object once, when it is due, and passes over what is
    still locked for good, so that a few seconds between two clocks would keep every probe.
    """
    return {PROBE_TAG: store.probe_retention_days + 1} if store.retention and store.probe_tag else {}


def maintenance(s3_grpc_port: int, every_minutes: int) -> dict[str, str]:
    """Environment of `weed server` in which it carries out life cycle rules: by itself it only keeps them.

    The master runs the lines as `weed shell` would, in place of a list that is empty by default.
    """
    lines = ("lock", f"s3.lifecycle.run-shard -shards 0-15 -events 0 -s3 127.0.0.1:{s3_grpc_port}", "unlock")
    return {
        "WEED_MASTER_MAINTENANCE_SCRIPTS": "\n".join(lines),
        "WEED_MASTER_MAINTENANCE_SLEEP_MINUTES": str(every_minutes),
    }


def canary_of(bucket: str) -> str:
    """The bucket in which the monitoring writes."""
    return f"{bucket}-canary"


def aws_credentials(access_key: str, secret_key: str) -> str:
    """An AWS shared credentials file with the profile `default`."""
    return f"[default]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n"


class ObjectStore(Component):
    """The bucket and how the archive reaches it.

    `endpoint` is what pods use, `credentials_secret` the Secret whose key `credentials` is the archive's AWS file,
    `egress` the policy peers that lead to it.
    """

    endpoint: pulumi.Output[str]
    admin_endpoint: pulumi.Output[str]
    profile: pulumi.Output[Any]  # str, or None for the chain's default
    credentials_secret: pulumi.Output[str]
    egress: Sequence[Peer]
    bucket: Bucket
    canary: Bucket
    monitoring_secret: pulumi.Output[str] | None  # as credentials_secret, of the monitoring; None: it has none

    def __init__(self, environment: Environment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ObjectStore", APP_NAME, opts)
        settings = environment.settings.object_store
        bucket_options = self.child()
        if settings.endpoint is None:
            store = self._embedded(environment)
            # the bucket goes with its store: under object lock it could not be emptied, and destroy would never end
            bucket_options = self.child(depends_on=[store], deleted_with=store)
        else:
            assert settings.credentials_secret is not None  # noqa: S101 (settings refuse it)
            self.endpoint = pulumi.Output.from_input(settings.endpoint)
            self.admin_endpoint = pulumi.Output.from_input(settings.admin_endpoint or settings.endpoint)
            self.profile = pulumi.Output.from_input(settings.profile)
            self.credentials_secret = pulumi.Output.from_input(settings.credentials_secret)
            self.monitoring_secret = (
                pulumi.Output.from_input(settings.monitoring_secret) if settings.monitoring_secret else None
            )
            port = int(settings.endpoint.rpartition(":")[2]) if settings.endpoint.count(":") == 2 else 443
            self.egress = [Peer([port], cidrs=settings.endpoint_cidrs)]
        retention = settings.retention
        self.bucket = Bucket(
            "archive",
            bucket=settings.bucket,
            endpoint=self.admin_endpoint,
            region=settings.region,
            profile=self.profile,
            object_lock=settings.object_lock,
            versioning=True,
            retention_mode=retention[0] if retention else None,
            retention_days=retention[1] if retention else None,
            expire_tagged=expire_tagged(settings),
            opts=bucket_options,
        )
        self.canary = Bucket(
            "canary",
            bucket=canary_of(settings.bucket),
            endpoint=self.admin_endpoint,
            region=settings.region,
            profile=self.profile,
            object_lock=settings.object_lock,
            versioning=True,
            retention_mode="GOVERNANCE" if retention else None,
            retention_days=1 if retention else None,
            opts=bucket_options,
        )
        self.register_outputs({"endpoint": self.endpoint, "bucket": self.bucket.bucket})

    def outputs(self) -> dict[str, pulumi.Output[Any]]:
        """Where the bucket is, and with which profile this machine reaches it."""
        return {
            "bucket": self.bucket.bucket,
            "endpoint": self.endpoint,
            "adminEndpoint": self.admin_endpoint,
            "profile": self.profile,
        }

    def _embedded(self, environment: Environment) -> kubernetes.apps.v1.StatefulSet:
        settings = environment.settings.object_store
        admin = Credentials("store-admin", profile=f"vnaops-{pulumi.get_stack()}", opts=self.child())
        access = Secret("archive-access-key", length=20, opts=self.child())
        secret = Secret("archive-secret-key", length=40, opts=self.child())
        monitoring = (
            Secret("monitoring-access-key", length=20, opts=self.child()),
            Secret("monitoring-secret-key", length=40, opts=self.child()),
        )
        configuration = kubernetes.core.v1.Secret(
            "store-identities",
            metadata=environment.metadata(),
            string_data={
                "s3.json": pulumi.Output.all(
                    admin.access_key_id,
                    admin.secret_access_key,
                    access.value,
                    secret.value,
                    *(one.value for one in monitoring),
                ).apply(lambda k: json.dumps(identities(settings.bucket, (k[0], k[1]), (k[2], k[3]), (k[4], k[5]))))
            },
            opts=self.child(),
        )
        credentials = kubernetes.core.v1.Secret(
            "archive-s3-credentials",
            metadata=environment.metadata(),
            string_data={
                "credentials": pulumi.Output.all(access.value, secret.value).apply(
                    lambda k: aws_credentials(k[0], k[1])
                )
            },
            opts=self.child(),
        )
        monitoring_credentials = kubernetes.core.v1.Secret(
            "monitoring-s3-credentials",
            metadata=environment.metadata(),
            string_data={
                "credentials": pulumi.Output.all(*(one.value for one in monitoring)).apply(
                    lambda k: aws_credentials(k[0], k[1])
                )
            },
            opts=self.child(),
        )
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[
                Peer([S3_PORT], apps=["archive", "s3-exporter"]),
                Peer([METRICS_PORT], apps=["prometheus", "s3-exporter"]),
            ],
        )
        service = kubernetes.core.v1.Service(
            "store",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "selector": selector(APP_NAME)["matchLabels"],
                "ports": [{"name": "s3", "port": S3_PORT}, {"name": "metrics", "port": METRICS_PORT}],
            },
            opts=self.child(),
        )
        store = kubernetes.apps.v1.StatefulSet(
            "store",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "replicas": 1,
                "serviceName": APP_NAME,
                "selector": selector(APP_NAME),
                "template": pod_template(
                    APP_NAME,
                    [
                        container(
                            "seaweedfs",
                            environment.images["seaweedfs"],
                            cpu="200m",
                            memory="512Mi",
                            memory_limit="4Gi",
                            ports={"s3": S3_PORT, "metrics": METRICS_PORT},
                            mounts={"data": "/data", "identities": "/run/secrets/s3", "tmp": "/tmp"},  # noqa: S108
                            args=[
                                "server",
                                "-dir=/data",
                                # master, volume server and filer have no authentication: loopback only
                                "-ip=127.0.0.1",
                                "-ip.bind=127.0.0.1",
                                "-volume.max=0",
                                "-volume.preStopSeconds=1",
                                "-master.volumeSizeLimitMB=1024",
                                "-master.peers=none",  # one master needs no election, after which writes are refused
                                "-master.telemetry=false",  # on by default: it reports to its maker
                                "-s3",
                                "-s3.ip.bind=0.0.0.0",
                                f"-s3.port={S3_PORT}",
                                "-s3.port.iceberg=0",
                                "-s3.port.lance=0",
                                "-s3.config=/run/secrets/s3/s3.json",
                                f"-metricsPort={METRICS_PORT}",
                                "-metricsIp=0.0.0.0",
                            ],
                            env=[
                                {"name": name, "value": value}
                                for name, value in {"HOME": "/tmp", **maintenance(S3_GRPC_PORT, 60)}.items()  # noqa: S108
                            ],
                            readinessProbe=http_probe("/healthz", "s3", period=2),
                        )
                    ],
                    volumes={
                        "identities": {"secret": {"secretName": configuration.metadata["name"]}},
                        "tmp": {"emptyDir": {}},
                    },
                    terminationGracePeriodSeconds=60,
                ),
                "volumeClaimTemplates": [claim("data", settings.size, environment.settings.storage_class_name)],
            },
            opts=self.child(depends_on=[policy, service]),
        )
        self.endpoint = pulumi.Output.all(service.metadata["name"], environment.namespace).apply(
            lambda parts: f"http://{parts[0]}.{parts[1]}.svc.cluster.local:{S3_PORT}"
        )
        # the program runs beside the cluster and reaches Services by address, not by name; a preview may not know it
        self.admin_endpoint = service.spec.apply(lambda spec: f"http://{spec.cluster_ip or 'not-known-yet'}:{S3_PORT}")
        self.profile = admin.profile
        self.credentials_secret = credentials.metadata["name"]
        self.monitoring_secret = monitoring_credentials.metadata["name"]
        self.egress = [Peer([S3_PORT], apps=[APP_NAME])]
        return store
