"""The environment that a campaign is run against: the stack's outputs, read from their JSON file."""

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.alias_generators import to_camel


class OutputsError(ValueError):
    """The outputs can't be used; the message names the file, the key and the reason."""


def _trusting(authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        context.load_verify_locations(cadata=authority)
    else:
        context.load_default_certs()
    return context


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Dicom(_Part):
    """The front door for DIMSE."""

    host: str = Field(min_length=1, description="name or address of the balancer")
    port: int = Field(ge=1, le=65535, description="TCP port")
    ae_title: str = Field(min_length=1, max_length=16, description="called AE title")
    calling_ae_title: str = Field(
        default="VNAOPS_LOAD", min_length=1, max_length=16, description="whom the archive knows the load generator as"
    )


class DicomTls(Dicom):
    """The front door for DIMSE over TLS (PS3.15 annex B)."""

    ca_certificate: str = Field(default="", description="PEM of the only authority that is trusted")

    def tls(self) -> ssl.SSLContext:
        """A context that trusts the environment's authority and nobody else."""
        return _trusting(self.ca_certificate)


class MoveDestination(Dicom):
    """Where the archive sends to when it is asked to move to the load generator's AE title."""


class StudyDeletion(_Part):
    """The route that deletes studies of test patients, and no others."""

    url: str = Field(min_length=1, description="DELETE of URL/STUDY-INSTANCE-UID")


class DicomWeb(_Part):
    """The front door for DICOMweb, with HTTP basic authentication."""

    url: str = Field(description="root of the DICOMweb service, without a trailing slash")
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_certificate: str = Field(default="", description="PEM of the only authority that is trusted for https")
    wado_uri: str = Field(default="", description="address of WADO-URI (PS3.18 chapter 9), without a query")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an http or https URL")
        return value.rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        """The path of the service's root."""
        return urlsplit(self.url).path

    def tls(self) -> ssl.SSLContext:
        """A context that trusts the environment's authority and nobody else."""
        return _trusting(self.ca_certificate)


class ObjectStore(_Part):
    """Where the archive keeps pixel data."""

    capacity_bytes: int | None = Field(default=None, ge=0, description="how much fits")
    used_query: str | None = Field(default=None, description="asks Prometheus how many bytes are taken")
    available_query: str | None = Field(default=None, description="asks Prometheus how many bytes are free beneath it")


class Prometheus(_Part):
    """The environment's own."""

    url: str


class Environment(_Part):
    """What of the outputs a campaign uses."""

    dicom: Dicom
    dicom_web: DicomWeb
    dicom_tls: DicomTls | None = None
    move_destination: MoveDestination | None = None
    test_deletion: StudyDeletion | None = None
    object_store: ObjectStore | None = None
    prometheus: Prometheus | None = None
    targets: tuple[str, ...] = Field(default=(), description="HOST:PORT and URLs that load may be sent to")
    namespace: str = ""
    release: dict[str, Any] = Field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What a report says of it; no secret is in it."""
        return {
            "namespace": self.namespace,
            "dicom": {"host": self.dicom.host, "port": self.dicom.port, "ae_title": self.dicom.ae_title},
            "dicomweb": self.dicom_web.url,
            "prometheus": self.prometheus.url if self.prometheus else None,
            "release": self.release,
        }


def load(path: Path) -> Environment:
    """The environment whose outputs this file holds.

    Raises:
        OutputsError: in one line. No value is repeated in it: there are secrets among them.
    """
    try:
        outputs = json.loads(path.read_bytes())
    except OSError as error:
        raise OutputsError(f"{path}: {error.strerror}: is the environment up? (`make up`)") from None
    except ValueError as error:
        raise OutputsError(f"{path}: no JSON: {error}") from None
    try:
        return Environment.model_validate(outputs)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise OutputsError(f"{path}: {where}: {first['msg']}") from None
