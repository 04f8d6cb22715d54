"""The stack's configuration, typed: every difference between environments is a value here, never code.

`load()` reads `stacks/Pulumi.STACK.yaml` through Pulumi and refuses what is wrong before anything is provisioned,
with the setting's path, the rule and the reason.
"""

import ipaddress
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import Field, ValidationError, field_serializer, model_validator
from pydantic.alias_generators import to_camel

from infra.campaign_settings import CampaignSettings
from infra.monitoring_settings import MonitoringSettings
from infra.setting_types import (
    AeTitle,
    BucketName,
    Cidr,
    ImageReference,
    LoadTarget,
    Name,
    NodePort,
    Port,
    Quantity,
    Section,
    Url,
    bytes_of,
)
from infra.slo_settings import LEAST_SCRAPES_SECONDS, PERIOD_DAYS, SloSettings

PREFIX = "vnaops"

BALANCER_AE_TITLE: Final = "VNAOPS_BALANCER"
PROBER_AE_TITLE: Final = "VNAOPS_PROBE"
"""The environment's own entries of the archive's registry, beside the settings' modalities."""


class SettingsError(pulumi.RunError):
    """One or more settings are wrong; the message has one line each: path, rule, reason."""


class RetentionMode(StrEnum):
    """Object-lock modes of S3: GOVERNANCE can be lifted by who has the right to, COMPLIANCE by nobody."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


class Writers(StrEnum):
    """Which archive replicas take stores: `one` (the next takes over) or `all`.

    orthanc-postgresql before 6.0 runs SERIALIZABLE transactions; two writers then fail some stores under load.
    """

    ONE = "one"
    ALL = "all"


class PixelData(StrEnum):
    """Where the archive keeps what it is sent: a bucket, which all replicas share, or one replica's volume."""

    S3 = "s3"
    FILESYSTEM = "filesystem"


class Right(StrEnum):
    """What a modality may ask of the archive, or (`destination`) be sent by it with C-MOVE.

    `commitment` is storage commitment (PS3.4 annex J), whose report the archive brings to the modality: as with
    `destination`, the network lets the archive call it, and who has `move` may then name it as destination.
    """

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    GET = "get"
    MOVE = "move"
    COMMITMENT = "commitment"
    DESTINATION = "destination"


class ApplicationEntity(Section):
    """Whom the archive knows: who calls it by this AE title has these rights, and where it is called in turn."""

    ae_title: AeTitle
    host: str = Field(min_length=1, description="IPv4 address, or a DNS name together with `cidr`")
    port: Port = Field(default=104, description="where it listens, for C-MOVE and storage commitment")
    rights: frozenset[Right] = Field(default=frozenset({Right.ECHO}), description="what it may do")

    @field_serializer("rights")
    def _sorted(self, rights: frozenset[Right]) -> list[str]:
        # a set's order changes from process to process, and with it the hash of equal settings
        return sorted(rights)


class Modality(ApplicationEntity):
    """One entry of the modality registry: it feeds the archive, its allow-list and the network policies alike."""

    cidr: Cidr | None = Field(default=None, description="its network, where `host` is a name")
    silent_after_seconds: int | None = Field(
        default=None, ge=60, description="an alert when it has not called for so long; none: it may be silent"
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        try:
            ipaddress.IPv4Address(self.host)
        except ValueError:
            if self.cidr is None:
                raise ValueError(
                    f'cidr must be set when host is a name ("{self.host}"): network policies know addresses only'
                ) from None
        return self

    @property
    def network(self) -> str:
        """The addresses it calls from, as a CIDR."""
        return self.cidr or f"{self.host}/32"


class ArchiveSettings(Section):
    """The archive's replicas."""

    replicas: int = Field(default=2, ge=1, le=16)
    ae_title: AeTitle = "VNAOPS"
    writers: Writers = Writers.ONE
    pixel_data: PixelData = Field(default=PixelData.S3, description="where instances are kept")
    volume_size: Quantity = Field(default="40Gi", description="volume of pixelData filesystem")
    tap: bool = Field(default=True, description="a DIMSE tap before each replica, that times every operation")
    test_deletion: bool = Field(
        default=False,
        description="open a route at the front door that deletes studies of test patients, and of nobody else",
    )
    cpu: str = Field(default="200m", description="requested processor of one replica")
    memory: Quantity = Field(default="512Mi", description="requested memory of one replica")
    memory_limit: Quantity = Field(
        default="4Gi", description="what a replica may take: for a moment 4.1 times an instance that it receives"
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if bytes_of(self.memory_limit) < bytes_of(self.memory):
            raise ValueError("memoryLimit must not be below memory: a replica could not have what it asks for")
        if self.pixel_data is PixelData.S3 and "volume_size" in self.model_fields_set:
            raise ValueError("volumeSize needs pixelData filesystem: in S3, objectStore says where instances are")
        if self.pixel_data is PixelData.FILESYSTEM and self.replicas > 1:
            raise ValueError(
                "replicas must be 1 when pixelData is filesystem: "
                "the volume is one replica's own, and another could not read what it stored"
            )
        return self


class ObjectStoreSettings(Section):
    """The bucket, and where it is: a configured endpoint, or the embedded SeaweedFS (one pod, for development)."""

    bucket: BucketName
    endpoint: Url | None = Field(default=None, description="as pods see it; none: the embedded SeaweedFS")
    admin_endpoint: Url | None = Field(default=None, description="as the program sees it; default: `endpoint`")
    endpoint_cidrs: tuple[Cidr, ...] = Field(
        default=(), description="addresses of `endpoint`, for the network policies"
    )
    region: str = "us-east-1"
    profile: str | None = Field(default=None, description="profile of the boto3 chain that makes the bucket")
    credentials_secret: Name | None = Field(
        default=None,
        description="Secret in the namespace whose key `credentials` is the archive's AWS credentials file",
    )
    monitoring_secret: Name | None = Field(
        default=None,
        description="the same for the s3-exporter (looks at the bucket, writes to BUCKET-canary); none: no exporter",
    )
    object_lock: bool = True
    retention_mode: RetentionMode | None = RetentionMode.GOVERNANCE
    retention_days: int | None = Field(default=1, ge=1, le=36500)
    probe_retention_days: int = Field(default=1, ge=1, le=36500, description="of the instances that the prober stores")
    probe_tag: bool = Field(default=True, description="tag these, so that life cycle rules can tell them apart")
    storage_class: str = "STANDARD"
    size: Quantity = Field(default="40Gi", description="volume of the embedded store")
    capacity: Quantity | None = Field(
        default=None, description="what `endpoint` has for the bucket; none: campaigns can't judge whether they fit"
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if not self.object_lock:
            for field in ("retention_days", "retention_mode"):
                if field in self.model_fields_set and getattr(self, field) is not None:
                    raise ValueError(
                        f"{to_camel(field)} cannot be set when objectLock is off: "
                        "a bucket without object lock keeps nothing"
                    )
        elif (self.retention_days is None) != (self.retention_mode is None):
            raise ValueError("retentionMode and retentionDays go together: a mode without days keeps nothing")
        elif self.retention_days is not None and self.probe_retention_days > self.retention_days:
            raise ValueError(
                f"probeRetentionDays must not be above retentionDays ({self.retention_days}): "
                "a probe is not worth more than a patient's image"
            )
        if self.endpoint is None:
            for field in ("admin_endpoint", "credentials_secret", "monitoring_secret", "profile"):
                if getattr(self, field) is not None:
                    raise ValueError(f"{to_camel(field)} needs endpoint: the embedded store makes its own")
            if self.capacity is not None:
                raise ValueError("capacity needs endpoint: the embedded store has what size says")
        else:
            for field in ("credentials_secret", "endpoint_cidrs"):
                if not getattr(self, field):
                    raise ValueError(
                        f"{to_camel(field)} must be set when endpoint is: "
                        "the archive needs its own key and leave to go there"
                    )
        return self

    @property
    def retention(self) -> tuple[str, int] | None:
        """Mode and days of the default retention; none without object lock."""
        if not self.object_lock or self.retention_mode is None or self.retention_days is None:
            return None
        return self.retention_mode.value, self.retention_days


class DatabaseSettings(Section):
    """The archive's index: PostgreSQL under Patroni."""

    members: int = Field(default=1, ge=1, le=5)
    size: Quantity = "10Gi"
    cpu: str = "200m"
    memory: Quantity = "512Mi"


class LoadBalancerSettings(Section):
    """The front door."""

    replicas: int = Field(default=1, ge=1, le=8)
    service_type: str = Field(default="NodePort", pattern="^(NodePort|LoadBalancer)$")
    address: str | None = Field(
        default=None, description="what users connect to; default: the load balancer's, or the API server's host"
    )
    external_traffic_policy: str = Field(
        default="Local",
        pattern="^(Local|Cluster)$",
        description="Local: policies see callers' own addresses; Cluster: any node's port, callers look like it",
    )
    dicom_port: NodePort = 31112
    dicom_tls_port: NodePort = 32762
    https_port: NodePort = 30443
    client_cidrs: tuple[Cidr, ...] = Field(default=("0.0.0.0/0",), description="who may use HTTPS (DICOMweb, WADO-URI)")
    dns_names: tuple[str, ...] = Field(default=(), description="further names in the certificate")

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = (self.dicom_port, self.dicom_tls_port, self.https_port)
        if len(set(ports)) != len(ports):
            raise ValueError("dicomPort, dicomTlsPort and httpsPort must differ: one address serves all three")
        return self


class Settings(Section):
    """Everything a stack can set."""

    namespace: Name
    production: bool = Field(default=False, description="patients' images are in it: no test may take anything away")
    kube_context: str | None = Field(default=None, description="context of the kubeconfig; default: the current one")
    storage_class_name: Name | None = Field(default=None, description="of the volumes; default: the cluster's")
    images: Mapping[Name, ImageReference] = Field(
        default={}, description="images by name in place of the project's own"
    )
    archive: ArchiveSettings = ArchiveSettings()
    object_store: ObjectStoreSettings
    database: DatabaseSettings = DatabaseSettings()
    load_balancer: LoadBalancerSettings = LoadBalancerSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    slos: SloSettings = SloSettings()
    modalities: tuple[Modality, ...] = ()
    load_generator: AeTitle | None = Field(
        default=None, description="the entry of modalities that campaigns call as, and have the archive send to"
    )
    campaign: CampaignSettings | None = Field(
        default=None, description="a campaign that runs on the cluster; `python -m infra.campaign` sets and removes it"
    )
    load_targets: tuple[LoadTarget, ...] = Field(
        default=(), description="where campaigns may send load besides the front door: HOST:PORT, or scheme and host"
    )

    @model_validator(mode="after")
    def _ae_titles_differ(self) -> Self:
        named = {f"modalities.{i}.aeTitle": modality.ae_title for i, modality in enumerate(self.modalities)}
        seen = {BALANCER_AE_TITLE: "the balancer", PROBER_AE_TITLE: "the prober"}
        for key, title in {"archive.aeTitle": self.archive.ae_title, **named}.items():
            if title in seen:
                raise ValueError(f'{key} "{title}" is taken by {seen[title]}: an AE title names one entity')
            seen[title] = key
        if self.campaign is not None and self.load_generator is None:
            raise ValueError(
                "campaign needs loadGenerator, an entry of modalities: the archive rejects whom it doesn't know"
            )
        if self.load_generator is not None and self.load_generator not in {m.ae_title for m in self.modalities}:
            raise ValueError(
                f'loadGenerator "{self.load_generator}" is no aeTitle of modalities: the archive would reject it'
            )
        return self

    @model_validator(mode="after")
    def _can_judge_its_slos(self) -> Self:
        if not self.slos.declared:
            return self
        if self.monitoring.scrape_seconds > LEAST_SCRAPES_SECONDS:
            raise ValueError(
                f"monitoring.scrapeSeconds must be at most {LEAST_SCRAPES_SECONDS} while there are slos: "
                "their shortest window is 5 minutes"
            )
        if self.monitoring.retention_hours < 24 * PERIOD_DAYS:
            raise ValueError(
                f"monitoring.retention must be at least {PERIOD_DAYS}d while there are slos: "
                f"their budget is that of {PERIOD_DAYS} days"
            )
        return self

    @model_validator(mode="after")
    def _keeps_what_it_must(self) -> Self:
        if self.archive.pixel_data is PixelData.FILESYSTEM and self.object_store.object_lock:
            raise ValueError(
                "objectStore.objectLock must be false when archive.pixelData is filesystem: "
                "a file system has no object lock, and nothing is kept there against deletion"
            )
        if self.archive.test_deletion:
            if self.production:
                raise ValueError(
                    "archive.testDeletion cannot be set when production is: no route there may delete a study"
                )
            if self.object_store.retention_mode is RetentionMode.COMPLIANCE:
                raise ValueError(
                    "archive.testDeletion cannot be set when objectStore.retentionMode is COMPLIANCE: "
                    "what is kept by law is in production, and no route there may delete a study"
                )
        return self


def parse(values: Mapping[str, Any], stack: str) -> Settings:
    """Checks plain values, as they stand in the stack's file without the `vnaops:` prefix.

    Raises SettingsError with one line per fault.
    """
    merged = {"namespace": f"{PREFIX}-{stack}", "objectStore": {}, **values}
    if isinstance(merged["objectStore"], dict):
        merged["objectStore"] = {"bucket": f"{PREFIX}-{stack}-archive", **merged["objectStore"]}
    try:
        return Settings.model_validate(merged)
    except ValidationError as e:
        raise SettingsError("\n".join(_line(error) for error in e.errors())) from None


def _line(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"]) or "settings"
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        reason = "there is no such setting; infra/settings.py lists them"
    got = (
        ""
        if isinstance(error["input"], dict | list | Settings) or error["input"] is None
        else f" (it is {json.dumps(error['input'], default=str)})"
    )
    line = f"{PREFIX}:{path}: {reason}{got}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def load() -> Settings:
    """The settings of the stack that Pulumi runs; raises SettingsError."""
    values: dict[str, Any] = {}
    for key, text in {**get_config_env(), **CONFIG.get()}.items():
        project, _, name = key.partition(":")
        if project == PREFIX:
            values[name] = _plain(text)
    return parse(values, pulumi.get_stack())


def _plain(text: str) -> Any:
    # Pulumi hands structured values over as JSON and scalars as text
    try:
        return json.loads(text)
    except ValueError:
        return text
