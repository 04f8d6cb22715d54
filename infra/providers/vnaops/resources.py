"""The provider's resources as a Pulumi program uses them. What each property means is described in `inputs`."""

from collections.abc import Mapping, Sequence

from pulumi import CustomResource, Input, Output, ResourceOptions
from pydantic.alias_generators import to_camel, to_snake


def _options(opts: ResourceOptions | None, *secret_outputs: str) -> ResourceOptions:
    """The provider marks its secrets itself; said here too, they are secret in a preview before it ran."""
    return ResourceOptions.merge(ResourceOptions(additional_secret_outputs=list(secret_outputs)), opts)


class _Resource(CustomResource):
    """Properties have Python's names in a program and the provider's own (camelCase) outside it."""

    def translate_input_property(self, prop: str) -> str:
        return to_camel(prop)

    def translate_output_property(self, prop: str) -> str:
        return to_snake(prop)


class Bucket(_Resource):
    """An S3 bucket with object lock. Import: `pulumi import vnaops:index:Bucket NAME https://HOST:PORT/BUCKET`."""

    bucket: Output[str]
    endpoint: Output[str | None]
    arn: Output[str]
    object_lock: Output[bool]
    versioning: Output[bool]
    retention_mode: Output[str | None]
    retention_days: Output[int | None]

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
            "arn": None,
        }
        super().__init__("vnaops:index:Bucket", resource_name, properties, _options(opts))


class Secret(_Resource):
    """A random secret. Import: `pulumi import vnaops:index:Secret NAME FILE` (a file that holds the value)."""

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
        super().__init__("vnaops:index:Secret", resource_name, properties, _options(opts, "value"))


class Certificate(_Resource):
    """An X.509 certificate with its key (EC P-256), renewed by the `up` that finds it near its end.

    Import: `pulumi import vnaops:index:Certificate NAME FILE` (PEM: certificate, its authority's if any, private key).
    """

    certificate: Output[str]
    private_key: Output[str]
    not_after: Output[str]

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
        super().__init__("vnaops:index:Certificate", resource_name, properties, _options(opts, "privateKey"))


class Credentials(_Resource):
    """S3 keys, made or given, that lie as a profile in this machine's `paths.credentials_file()`.

    Import: `pulumi import vnaops:index:Credentials NAME PROFILE`.
    """

    profile: Output[str]
    access_key_id: Output[str]
    secret_access_key: Output[str]

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
        super().__init__("vnaops:index:Credentials", resource_name, properties, _options(opts, "secretAccessKey"))
