"""The types of settings: each says in words what it takes."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A part of the settings: camelCase in the stack's file, unknown keys refused, immutable."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def _ae_title(value: str) -> str:
    # PS3.5 section 6.2, VR AE: 16 characters of the default repertoire, no backslash, no control character
    if not 1 <= len(value) <= 16 or value != value.strip() or not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]+", value):
        raise ValueError(
            "an AE title has 1 to 16 printable ASCII characters without backslash or outer blanks (PS3.5 section 6.2)"
        )
    return value


UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def _quantity(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)", value):
        raise ValueError('a size is written like "20Gi"')
    return value


def _cpu(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*m?", value):
        raise ValueError('processor is written like "200m" (thousandths of a core) or "2"')
    return value


def _run_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError("a run's name has at most 64 letters, digits, dots, dashes and underscores")
    return value


def bytes_of(quantity: str) -> int:
    """The bytes of a size like "20Gi"."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def _digest(value: str) -> str:
    if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", value):
        raise ValueError(
            "an image is named by digest (REGISTRY/NAME@sha256:…): a tag can change under a running hospital"
        )
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", value):
        raise ValueError("a Kubernetes name has at most 63 lower-case letters, digits and dashes (RFC 1123)")
    return value


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value) or ".." in value:
        raise ValueError(
            "a bucket name has 3 to 63 lower-case letters, digits, dots and dashes (S3 bucket naming rules)"
        )
    return value


def _cidr(value: str) -> str:
    try:
        return str(ipaddress.IPv4Network(value))
    except ValueError as e:
        raise ValueError(f'an IPv4 network is written like "10.1.2.0/24" ({e})') from None


def _load_target(value: str) -> str:
    if not re.fullmatch(r"(https?://[^/\s:]+(:[0-9]{1,5})?|[^/\s:]+:[0-9]{1,5})", value):
        raise ValueError(
            'a target of load is written like "scp.hospital.example:104" or "https://vna.hospital.example"'
        )
    return value


def _host_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError('an address is written like "10.89.0.1:2381"')
    return value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+", value):
        raise ValueError('an endpoint is written like "https://s3.hospital.example:443", without a path')
    return value


AeTitle = Annotated[str, AfterValidator(_ae_title)]
Cpu = Annotated[str, AfterValidator(_cpu)]
RunName = Annotated[str, AfterValidator(_run_name)]
Quantity = Annotated[str, AfterValidator(_quantity)]
ImageReference = Annotated[str, AfterValidator(_digest)]
Name = Annotated[str, AfterValidator(_name)]
BucketName = Annotated[str, AfterValidator(_bucket)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Url = Annotated[str, AfterValidator(_url)]
HostPort = Annotated[str, AfterValidator(_host_port)]
LoadTarget = Annotated[str, AfterValidator(_load_target)]
Port = Annotated[int, Field(ge=1, le=65535)]
NodePort = Annotated[int, Field(ge=30000, le=32767)]
