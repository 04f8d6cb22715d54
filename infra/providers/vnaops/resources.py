"""The provider's resources as a Pulumi program uses them. What each property means is described in `inputs`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import CustomResource, Input, Output, ResourceOptions


def _options(opts: ResourceOptions | None, *secret_outputs: str) -> ResourceOptions:
    """The provider marks its secrets itself; said here too, they are secret in a preview before it ran."""
    return ResourceOptions.merge(ResourceOptions(additional_secret_outputs=list(secret_outputs)), opts)


@pulumi.input_type
class _Names:
    """What the provider calls the inputs whose names have several words.

    With a type, the SDK translates these names and nothing else; by the resource's `translate_input_property` the keys
    of `tags` and `keepers` would be renamed too.
    """

    access_key_id: Any = pulumi.property("accessKeyId")
    ca_certificate: Any = pulumi.property("caCertificate")
    ca_private_key: Any = pulumi.property("caPrivateKey")
    common_name: Any = pulumi.property("commonName")
    dns_names: Any = pulumi.property("dnsNames")
    expire_tagged: Any = pulumi.property("expireTagged")
    force_destroy: Any = pulumi.property("forceDestroy")
    ip_addresses: Any = pulumi.property("ipAddresses")
    is_ca: Any = pulumi.property("isCa")
    object_lock: Any = pulumi.property("objectLock")
    renew_before_days: Any = pulumi.property("renewBeforeDays")
    retention_days: Any = pulumi.property("retentionDays")
    retention_mode: Any = pulumi.property("retentionMode")
    secret_access_key: Any = pulumi.property("secretAccessKey")
    validity_days: Any = pulumi.property("validityDays")


def _named(properties: dict[str, Any]) -> Any:
    typed = _Names.__new__(_Names)
    typed.__dict__.update(properties)
    return typed


class Bucket(CustomResource):
    """An S3 bucket with object lock. Import: `pulumi import vnaops:index:Bucket NAME https://HOST:PORT/BUCKET`."""

    bucket: Output[str]
    endpoint: Output[str | None]
    region: Output[str]
    profile: Output[str | None]
    arn: Output[str]
    object_lock: Output[bool] = pulumi.property("objectLock")
    versioning: Output[bool]
    retention_mode: Output[str | None] = pulumi.property("retentionMode")
    retention_days: Output[int | None] = pulumi.property("retentionDays")
    force_destroy: Output[bool] = pulumi.property("forceDestroy")
    ca_certificate: Output[str | None] = pulumi.property("caCertificate")
    tags: Output[Mapping[str, str]]
    expire_tagged: Output[Mapping[str, int]] = pulumi.property("expireTagged")

    def __init__(
        self,
        resource_name: str,
        *,
        bucket: Input[str],
        endpoint: Input[str] | None = None,
        region: Input[str] | None = None,
        profile: Input[str] | None = None,
        object_lock: Input[bool] | None = None,
        versioning: Input[bool] | None = None,
        retention_mode: Input[str] | None = None,
        retention_days: Input[int] | None = None,
        force_destroy: Input[bool] | None = None,
        ca_certificate: Input[str] | None = None,
        tags: Input[Mapping[str, Input[str]]] | None = None,
        expire_tagged: Input[Mapping[str, Input[int]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        properties = {
            "bucket": bucket,
            "endpoint": endpoint,
            "region": region,
            "profile": profile,
            "object_lock": object_lock,
            "versioning": versioning,
            "retention_mode": retention_mode,
            "retention_days": retention_days,
            "force_destroy": force_destroy,
            "ca_certificate": ca_certificate,
            "tags": tags,
            "expire_tagged": expire_tagged,
            "arn": None,
        }
        super().__init__("vnaops:index:Bucket", resource_name, _named(properties), _options(opts))


class Secret(CustomResource):
    """A random secret. Import: `pulumi import vnaops:index:Secret NAME FILE` (a file that holds the value)."""

    length: Output[int]
    alphabet: Output[str]
    keepers: Output[Mapping[str, str]]
    value: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        length: Input[int] | None = None,
        alphabet: Input[str] | None = None,
        keepers: Input[Mapping[str, Input[str]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        properties = {"length": length, "alphabet": alphabet, "keepers": keepers, "value": None}
        super().__init__("vnaops:index:Secret", resource_name, _named(properties), _options(opts, "value"))


class Certificate(CustomResource):
    """An X.509 certificate with its key (EC P-256), renewed by the `up` that finds it near its end.

    Import: `pulumi import vnaops:index:Certificate NAME FILE` (PEM: certificate, its authority's if any, private key).
    """

    common_name: Output[str] = pulumi.property("commonName")
    dns_names: Output[Sequence[str]] = pulumi.property("dnsNames")
    ip_addresses: Output[Sequence[str]] = pulumi.property("ipAddresses")
    validity_days: Output[int] = pulumi.property("validityDays")
    renew_before_days: Output[int] = pulumi.property("renewBeforeDays")
    is_ca: Output[bool] = pulumi.property("isCa")
    ca_certificate: Output[str | None] = pulumi.property("caCertificate")
    ca_private_key: Output[str | None] = pulumi.property("caPrivateKey")
    usages: Output[Sequence[str] | None]
    certificate: Output[str]
    private_key: Output[str] = pulumi.property("privateKey")
    not_after: Output[str] = pulumi.property("notAfter")

    def __init__(
        self,
        resource_name: str,
        *,
        common_name: Input[str],
        dns_names: Input[Sequence[Input[str]]] | None = None,
        ip_addresses: Input[Sequence[Input[str]]] | None = None,
        validity_days: Input[int] | None = None,
        renew_before_days: Input[int] | None = None,
        is_ca: Input[bool] | None = None,
        ca_certificate: Input[str] | None = None,
        ca_private_key: Input[str] | None = None,
        usages: Input[Sequence[Input[str]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        properties = {
            "common_name": common_name,
            "dns_names": dns_names,
            "ip_addresses": ip_addresses,
            "validity_days": validity_days,
            "renew_before_days": renew_before_days,
            "is_ca": is_ca,
            "ca_certificate": ca_certificate,
            "ca_private_key": None if ca_private_key is None else Output.secret(ca_private_key),
            "usages": usages,
            "certificate": None,
            "private_key": None,
            "not_after": None,
        }
        super().__init__("vnaops:index:Certificate", resource_name, _named(properties), _options(opts, "private_key"))


class Credentials(CustomResource):
    """S3 keys, made or given, that lie as a profile in this machine's `paths.credentials_file()`.

    Import: `pulumi import vnaops:index:Credentials NAME PROFILE`.
    """

    profile: Output[str]
    access_key_id: Output[str] = pulumi.property("accessKeyId")
    secret_access_key: Output[str] = pulumi.property("secretAccessKey")

    def __init__(
        self,
        resource_name: str,
        *,
        profile: Input[str],
        access_key_id: Input[str] | None = None,
        secret_access_key: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        properties = {
            "profile": profile,
            "access_key_id": access_key_id,
            "secret_access_key": None if secret_access_key is None else Output.secret(secret_access_key),
        }
        super().__init__(
            "vnaops:index:Credentials", resource_name, _named(properties), _options(opts, "secret_access_key")
        )
