"""What the resources may be given: one typed model per resource, and refusals that name field, rule and reason."""

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from infra.providers.vnaops import certificates, secret_values
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.s3 import RetentionMode

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TAG = re.compile(r"[\w.:/+@-]{1,128}=[\w.:/+@-]{1,256}", re.ASCII)
_PROFILE = re.compile(r"[A-Za-z0-9_.@+-]+")

Contradiction = tuple[tuple[str, ...], str]  # the properties it is about, the first of them named; rule and reason


class Inputs(BaseModel):
    """Base of the models: properties are spelled in camel case, unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    secret: ClassVar[frozenset[str]] = frozenset()  # properties that are secret whether marked or not

    def contradictions(self) -> Iterator[Contradiction]:
        """Rules over several properties that are broken."""
        yield from ()


def check(
    model: type[Inputs], values: Mapping[str, Any], unknown: Collection[str]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Validate what the program gave, before anything happens.

    Args:
        model: the resource's model.
        values: what is known.
        unknown: properties whose values are known only later (preview); rules about them are left for then.

    Returns:
        The values with defaults filled in, and the refusals as (property, reason).
    """
    try:
        checked = model.model_validate(dict(values))
    except ValidationError as error:
        refusals = []
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            path = ".".join(str(part) for part in one["loc"])
            if not (one["type"] == "missing" and path in unknown):
                refusals.append((path, _words(one["type"], one["msg"], model)))
        return dict(values), refusals
    refusals = [(about[0], reason) for about, reason in checked.contradictions() if not set(about) & set(unknown)]
    given = checked.model_dump(by_alias=True, exclude_none=True)
    return {name: value for name, value in given.items() if name not in unknown}, refusals


def _words(kind: str, message: str, model: type[Inputs]) -> str:
    if kind == "extra_forbidden":
        known = ", ".join(sorted(to_camel(name) for name in model.model_fields))
        return f"there is no such property; there are {known}"
    if kind == "missing":
        return "is required"
    return message.removeprefix("Value error, ")


def _bucket_name(name: str) -> str:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        if _BUCKET.fullmatch(name) and ".." not in name:
            return name
    raise ValueError(
        f"{name!r} is no bucket name: 3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit at both "
        "ends, not an IP address (S3's rules)"
    )


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("carries credentials, which would lie in the state as plain text: name a profile instead")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(
            f"{url!r} is no S3 endpoint: it has the form https://HOST or https://HOST:PORT, without a path"
        )
    return url.rstrip("/")


def _certificate(pem: str) -> str:
    try:
        certificates.load_certificate(pem, "it")
    except RefusalError as error:
        raise ValueError(str(error)) from None
    return pem


def _dns_name(name: str) -> str:
    if len(name) > 253 or not _DNS_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no DNS name (IP addresses belong into ipAddresses)")
    return name


def _ip_address(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise ValueError(f"{address!r} is no IP address (names belong into dnsNames)") from None


def _profile(name: str) -> str:
    if not _PROFILE.fullmatch(name):
        raise ValueError(f"{name!r} is no profile name: letters, digits and _ . @ + - only")
    return name


def _tag(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise ValueError(f"{text!r} is no tag: KEY=VALUE of letters, digits and _ . : / + @ -")
    return text


Certificate = Annotated[str, AfterValidator(_certificate)]
Profile = Annotated[str, AfterValidator(_profile)]


class BucketInputs(Inputs):
    """Of `vnaops:index:Bucket`."""

    bucket: Annotated[str, AfterValidator(_bucket_name)] = Field(description="the bucket's name")
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None, description="the store's address; by default what boto3's chain says (AWS_ENDPOINT_URL_S3, AWS)"
    )
    region: str = Field(default="us-east-1", min_length=1, description="as the store names it; look-alikes rarely care")
    profile: Profile | None = Field(
        default=None, description="of paths.credentials_file() or boto3's own files; by default boto3's chain"
    )
    object_lock: bool = Field(default=True, description="objects can be kept from deletion")
    versioning: bool = Field(default=True, description="overwritten and deleted objects stay as versions")
    retention_mode: RetentionMode | None = Field(default=None, description="default for new objects; none: no default")
    retention_days: int | None = Field(default=None, ge=1, le=36_500, description="default for new objects, in days")
    force_destroy: bool = Field(default=False, description="delete all objects with the bucket")
    ca_certificate: Certificate | None = Field(default=None, description="PEM: who signed the endpoint's certificate")
    tags: dict[str, str] = Field(default_factory=dict, description="of the bucket")
    expire_tagged: dict[Annotated[str, AfterValidator(_tag)], Annotated[int, Field(ge=1, le=36_500)]] = Field(
        default_factory=dict, description="days by KEY=VALUE: objects with this tag go then, once no lock holds them"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """Object lock needs versions; retention needs object lock; its two halves go together."""
        if self.object_lock and not self.versioning:
            yield (
                ("versioning", "objectLock"),
                "cannot be off while objectLock is on: S3 keeps locked objects as versions",
            )
        for name, value in (("retentionMode", self.retention_mode), ("retentionDays", self.retention_days)):
            if value is not None and not self.object_lock:
                yield (
                    (name, "objectLock"),
                    "cannot be set when objectLock is off: a bucket without object lock keeps nothing",
                )
        if self.retention_mode and not self.retention_days:
            yield ("retentionMode", "retentionDays"), "needs retentionDays: S3 has no default retention without an end"
        if self.retention_days and not self.retention_mode:
            yield ("retentionDays", "retentionMode"), "needs retentionMode: GOVERNANCE can be lifted, COMPLIANCE can't"
        if self.ca_certificate and self.endpoint and not self.endpoint.startswith("https:"):
            yield ("caCertificate", "endpoint"), "has no use without an https endpoint"


class SecretInputs(Inputs):
    """Of `vnaops:index:Secret`."""

    length: int = Field(default=32, ge=1, le=4096, description="in characters")
    alphabet: str = Field(default=secret_values.ALPHANUMERIC, min_length=1, description="characters to draw from")
    keepers: dict[str, str] = Field(default_factory=dict, description="when one changes, a new secret is made")

    def contradictions(self) -> Iterator[Contradiction]:
        """A secret must not be guessable."""
        has = secret_values.bits(self.length, self.alphabet)
        if has < secret_values.LEAST_BITS:
            yield (
                ("length", "alphabet"),
                f"{self.length} of {len(set(self.alphabet))} characters have {has:.0f} bits, fewer than "
                f"{secret_values.LEAST_BITS:.0f}: the secret could be guessed",
            )


class CertificateInputs(Inputs):
    """Of `vnaops:index:Certificate`."""

    secret: ClassVar[frozenset[str]] = frozenset({"caPrivateKey"})

    common_name: str = Field(min_length=1, max_length=64, description="for people; software looks at the other names")
    dns_names: list[Annotated[str, AfterValidator(_dns_name)]] = Field(default_factory=list)
    ip_addresses: list[Annotated[str, AfterValidator(_ip_address)]] = Field(default_factory=list)
    validity_days: int = Field(default=365, ge=1, le=36_500, description="from its making; ends with its authority")
    renew_before_days: int = Field(default=30, ge=0, description="the next `up` renews it when fewer days are left")
    is_ca: bool = Field(default=False, description="may sign others")
    ca_certificate: Certificate | None = Field(default=None, description="PEM: who signs it; by default its own key")
    ca_private_key: str | None = Field(default=None, description="PEM: the signer's key")
    usages: list[certificates.Usage] | None = Field(
        default=None, description="serverAuth, clientAuth; by default serverAuth, for an authority none"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """The signer is whole and may sign; renewal comes before the end; an authority is neither server nor client."""
        if self.renew_before_days >= self.validity_days:
            yield (
                ("renewBeforeDays", "validityDays"),
                f"{self.renew_before_days} is not below validityDays ({self.validity_days}): every `up` would renew",
            )
        if self.is_ca and self.usages:
            yield ("usages", "isCa"), "cannot be set when isCa is on: an authority signs, it is no server or client"
        signer = ("caCertificate", "caPrivateKey")
        if self.ca_certificate and not self.ca_private_key:
            yield signer, "needs caPrivateKey: nothing can be signed without the authority's key"
        if self.ca_private_key and not self.ca_certificate:
            yield signer[::-1], "needs caCertificate: the key alone does not say who signs"
        if self.ca_certificate and self.ca_private_key:
            try:
                certificates.check_authority(certificates.Authority(self.ca_certificate, self.ca_private_key))
            except RefusalError as error:
                yield signer, str(error)


class CredentialsInputs(Inputs):
    """Of `vnaops:index:Credentials`."""

    secret: ClassVar[frozenset[str]] = frozenset({"secretAccessKey"})

    profile: Profile = Field(description="its name in paths.credentials_file()")
    access_key_id: str | None = Field(default=None, min_length=1, description="keys that exist already; else new ones")
    secret_access_key: str | None = Field(default=None, min_length=1)

    def contradictions(self) -> Iterator[Contradiction]:
        """The two keys go together."""
        names = ("accessKeyId", "secretAccessKey")
        if self.access_key_id and not self.secret_access_key:
            yield names, "needs secretAccessKey: give both, or none for new keys"
        if self.secret_access_key and not self.access_key_id:
            yield names[::-1], "needs accessKeyId: give both, or none for new keys"
