"""The archive: Orthanc replicas that share one index and one bucket (or one replica and its volume)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from infra.components.component import Component, Environment
from infra.components.database import Database
from infra.components.network import Peer, allow
from infra.components.object_store import ObjectStore
from infra.components.pods import claim, container, http_probe, pod_template, selector
from infra.components.registry import Entry, called
from infra.components.tap import DRAIN, METRICS_PORT, sidecar
from infra.settings import Right, Settings

APP_NAME = "archive"
DICOM_PORT, HTTP_PORT = 4242, 8042
BEHIND_TAP = 4243  # where Orthanc listens when the tap has DICOM_PORT
STORAGE_FOLDER = "/data/orthanc"  # of pixelData filesystem
TEST_PATIENT_ID_PREFIX = "VNAOPS-TEST-"  # what campaigns give the patients they invent
COMMON = Path(__file__).parent.parent / "archive" / "orthanc.json"


def orthanc_modalities(registry: Sequence[Entry]) -> dict[str, Any]:
    """The registry in Orthanc's form: what is not granted is refused. A right that is left out would be granted."""
    return {
        f"modality{i}": {
            "AET": modality.ae_title,
            "Host": modality.host,
            "Port": modality.port,
            "AllowEcho": Right.ECHO in modality.rights,
            "AllowStore": Right.STORE in modality.rights,
            "AllowFind": Right.FIND in modality.rights,
            "AllowGet": Right.GET in modality.rights,
            "AllowMove": Right.MOVE in modality.rights,
            "AllowStorageCommitment": Right.COMMITMENT in modality.rights,
            "AllowFindWorklist": False,  # there is none
        }
        for i, modality in enumerate(registry)
    }


def storage_settings(settings: Settings, place: Sequence[str]) -> dict[str, Any]:
    """Where instances are kept; `place` is the endpoint and the bucket, or empty for the replica's own volume."""
    if not place:
        return {"StorageDirectory": STORAGE_FOLDER, "S3Storage": {"Enable": False}}
    endpoint, bucket = place
    store = settings.object_store
    retention = store.retention
    probe_class = {
        "ProbePatientId": PROBE_PATIENT_ID,
        "ProbeRetentionDays": store.probe_retention_days,
        "ProbeTag": store.probe_tag,
    }
    return {
        "S3Storage": {
            "Endpoint": endpoint,
            "Bucket": bucket,
            "Region": store.region,
            "StorageClass": store.storage_class,
            "RetentionMode": retention[0] if retention else "",
            "RetentionDays": retention[1] if retention else 0,
            **(probe_class if retention else {}),
            "CredentialsFile": "/run/secrets/s3/credentials",
        }
    }


def orthanc_settings(
    settings: Settings, registry: Sequence[Entry], place: Sequence[str], common: Mapping[str, Any]
) -> dict[str, Any]:
    """What differs between environments, merged over `infra/archive/orthanc.json`; `place`: see storage_settings."""
    deletion = {"TestDeletion": {"PatientIdPrefix": TEST_PATIENT_ID_PREFIX}} if settings.archive.test_deletion else {}
    return {
        **common,
        "Name": settings.archive.ae_title,
        "DicomAet": settings.archive.ae_title,
        "DicomPort": BEHIND_TAP if settings.archive.tap else DICOM_PORT,
        "HttpPort": HTTP_PORT,
        "DicomModalities": orthanc_modalities(registry),
        **storage_settings(settings, place),
        **deletion,
    }


def index_settings(common: Mapping[str, Any], host: str, password: str) -> dict[str, Any]:
    """Orthanc's section for the index, over what is common: a file of its own, since it holds the password."""
    return {
        "PostgreSQL": {
            **common,
            "Host": host,
            "Port": 5432,
            "Database": "archive",
            "Username": "archive",
            "Password": password,
            "EnableSsl": True,
        }
    }


class Archive(Component):
    """The replicas; `archive-N.archive.NAMESPACE.svc.cluster.local` is replica N."""

    hosts: pulumi.Output[list[str]]

    def __init__(
        self,
        environment: Environment,
        registry: Sequence[Entry],
        database: Database,
        store: ObjectStore | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Archive", APP_NAME, opts)
        settings = environment.settings
        common: dict[str, Any] = json.loads(COMMON.read_text())
        index = common.pop("PostgreSQL")
        configuration = kubernetes.core.v1.ConfigMap(
            "archive-settings",
            metadata=environment.metadata(),
            data={
                "orthanc.json": pulumi.Output.all(*([store.endpoint, store.bucket.bucket] if store else [])).apply(
                    lambda place: json.dumps(orthanc_settings(settings, registry, place, common), indent=1)
                )
            },
            opts=self.child(),
        )
        secret = kubernetes.core.v1.Secret(
            "archive-index",
            metadata=environment.metadata(),
            string_data={
                "index.json": pulumi.Output.all(database.host, database.password).apply(
                    lambda d: json.dumps(index_settings(index, d[0], d[1]))
                )
            },
            opts=self.child(),
        )
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[
                Peer([DICOM_PORT, HTTP_PORT], apps=["load-balancer"]),
                Peer([HTTP_PORT, *([METRICS_PORT] if settings.archive.tap else [])], apps=["prometheus"]),
            ],
            egress=[
                Peer([5432], apps=["database"]),
                *(store.egress if store else ()),
                *called(registry),
            ],
        )
        headless = kubernetes.core.v1.Service(
            "archive",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "clusterIP": "None",
                # the balancer asks the replicas themselves, so a name must not vanish with kubelet's opinion
                "publishNotReadyAddresses": True,
                "selector": selector(APP_NAME)["matchLabels"],
                "ports": [{"name": "dicom", "port": DICOM_PORT}, {"name": "http", "port": HTTP_PORT}],
            },
            opts=self.child(),
        )
        mounts = {"settings": "/etc/orthanc", "tmp": "/tmp"}  # noqa: S108
        mounts |= {"s3": "/run/secrets/s3"} if store else {"data": str(Path(STORAGE_FOLDER).parent)}
        tapped = settings.archive.tap
        known = [settings.archive.ae_title, *(modality.ae_title for modality in registry)]
        replicas = kubernetes.apps.v1.StatefulSet(
            "archive",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "replicas": settings.archive.replicas,
                "serviceName": headless.metadata["name"],
                "podManagementPolicy": "Parallel",
                # in a roll-out the balancer must have found this replica (names live 5 s, then two checks) before
                # the next one goes
                "minReadySeconds": 10,
                "selector": selector(APP_NAME),
                "template": pod_template(
                    APP_NAME,
                    [
                        container(
                            "orthanc",
                            environment.images["archive"],
                            cpu=settings.archive.cpu,
                            memory=settings.archive.memory,
                            memory_limit=settings.archive.memory_limit,
                            ports={**({} if tapped else {"dicom": DICOM_PORT}), "http": HTTP_PORT},
                            mounts=mounts,
                            # the archive stops after the last association that the tap has, or after its grace
                            **({"lifecycle": {"preStop": DRAIN}} if tapped else {}),
                            # also where the image is a site's own: without it an answer waits 44 ms for the
                            # acknowledgement that the peer delays (23 instances/s per association)
                            env=[{"name": "TCP_NODELAY", "value": "1"}],
                            readinessProbe=http_probe("/ready", "http", period=2, failures=2),
                            # only a hung process is restarted: a database that is away heals without it
                            livenessProbe={"tcpSocket": {"port": "http"}, "periodSeconds": 10, "failureThreshold": 6},
                        )
                    ],
                    volumes={
                        "settings": {
                            "projected": {
                                "sources": [
                                    {"configMap": {"name": configuration.metadata["name"]}},
                                    {"secret": {"name": secret.metadata["name"]}},
                                ]
                            }
                        },
                        **({"s3": {"secret": {"secretName": store.credentials_secret}}} if store else {}),
                        "tmp": {"emptyDir": {}},
                    },
                    initContainers=[sidecar(environment.images["python"], DICOM_PORT, BEHIND_TAP, known)]
                    if tapped
                    else [],
                    terminationGracePeriodSeconds=60,
                    affinity=spread(APP_NAME),
                ),
                "volumeClaimTemplates": []
                if store
                else [claim("data", settings.archive.volume_size, settings.storage_class_name)],
            },
            opts=self.child(depends_on=[policy, database, *([store.bucket] if store else [])]),
        )
        kubernetes.policy.v1.PodDisruptionBudget(
            "archive",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={"maxUnavailable": 1, "selector": selector(APP_NAME)},
            opts=self.child(),
        )
        self.hosts = pulumi.Output.all(replicas.metadata["name"], environment.namespace).apply(
            lambda parts: [
                f"{parts[0]}-{i}.{APP_NAME}.{parts[1]}.svc.cluster.local" for i in range(settings.archive.replicas)
            ]
        )
        self.register_outputs({"hosts": self.hosts})


def spread(app: str) -> dict[str, Any]:
    """Replicas on different nodes where there are several."""
    term = {"labelSelector": selector(app), "topologyKey": "kubernetes.io/hostname"}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }
