"""X.509 certificates on EC P-256: authorities and leaves, and when one is to be renewed.

Rules: RFC 5280 (basic constraints, key usage, key identifiers, serial numbers); RFC 9525 (names are subject alternative
names, the common name is for people).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.providers.vnaops.errors import RefusalError

Usage = Literal["serverAuth", "clientAuth"]
CLOCK_SKEW = timedelta(minutes=5)  # a certificate is valid from a little before its making: clocks differ
WORTHWHILE = timedelta(days=1)  # a renewal that brings less is none (an authority near its own end)

_USAGES: dict[Usage, x509.ObjectIdentifier] = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
}


@dataclass(frozen=True)
class Authority:
    """Who signs. Both are PEM."""

    certificate: str
    private_key: str = field(repr=False)


@dataclass(frozen=True)
class Wish:
    """What a certificate is to say."""

    common_name: str
    dns_names: Sequence[str] = ()
    ip_addresses: Sequence[str] = ()
    validity_days: int = 365
    is_ca: bool = False
    usages: Sequence[Usage] = ("serverAuth",)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, both PEM (the key as unencrypted PKCS #8)."""

    certificate: str
    private_key: str = field(repr=False)
    not_after: datetime


def issue(wish: Wish, authority: Authority | None, now: datetime, *, private_key: str | None = None) -> Issued:
    """Sign a certificate: by the authority, or by its own key when there is none.

    Args:
        wish: names, validity and usages.
        authority: the signer; the certificate ends with it at the latest.
        now: the time of signing (aware).
        private_key: keep this key (an authority's renewal must, so that what it signed stays valid); else a new one.

    Raises:
        RefusalError: the authority or the key is of no use.
    """
    key = load_key(private_key, "privateKey") if private_key else ec.generate_private_key(ec.SECP256R1())
    if authority:
        check_authority(authority)
        signer_certificate = load_certificate(authority.certificate, "caCertificate")
        signer_key, issuer = load_key(authority.private_key, "caPrivateKey"), signer_certificate.subject
    else:
        signer_certificate, signer_key, issuer = None, key, _name(wish)
    not_after = end_of_issue(wish.validity_days, authority, now)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(wish))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=wish.is_ca, path_length=None), critical=True)
        .add_extension(_key_usage(is_ca=wish.is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), critical=False)
    )
    if names := _alternative_names(wish):
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if wish.usages and not wish.is_ca:
        usages = [_USAGES[usage] for usage in wish.usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    certificate = builder.sign(signer_key, hashes.SHA256())
    if signer_certificate:
        certificate.verify_directly_issued_by(signer_certificate)
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        not_after,
    )


def end_of_issue(validity_days: int, authority: Authority | None, now: datetime) -> datetime:
    """When a certificate that is signed now would end, in whole seconds: never after its authority."""
    end = (now + timedelta(days=validity_days)).replace(microsecond=0)
    if authority:
        end = min(end, load_certificate(authority.certificate, "caCertificate").not_valid_after_utc)
    return end


def renewal_is_due(not_after: datetime, renew_before_days: int, new_end: datetime, now: datetime) -> bool:
    """Whether less than `renew_before_days` are left and a renewal would bring a later end."""
    return now >= not_after - timedelta(days=renew_before_days) and new_end - not_after > WORTHWHILE


def check_authority(authority: Authority) -> None:
    """Raises `RefusalError` unless the certificate may sign others and the key is its own."""
    certificate = load_certificate(authority.certificate, "caCertificate")
    key = load_key(authority.private_key, "caPrivateKey")
    try:
        may_sign = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        may_sign = False
    if not may_sign:
        raise RefusalError("caCertificate is not an authority's certificate (basic constraints, CA:TRUE): give one")
    if certificate.public_key() != key.public_key():
        raise RefusalError("caPrivateKey does not belong to caCertificate: give the two of one authority")


def load_certificate(pem: str, name: str) -> x509.Certificate:
    """The first certificate of a PEM text; `name` is the property that a refusal names."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise RefusalError(f"{name} is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None


def load_key(pem: str, name: str) -> ec.EllipticCurvePrivateKey:
    """An unencrypted EC private key; a refusal names the property and never quotes the key."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise RefusalError(f"{name} is not an unencrypted private key in PEM form") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise RefusalError(f"{name} is not an elliptic-curve key: this provider makes and keeps those only")
    return key


def wish_of(certificate_pem: str) -> Wish:
    """What a certificate says, for taking it over (import)."""
    certificate = load_certificate(certificate_pem, "certificate")
    common_names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    extensions = {type(one.value): one.value for one in certificate.extensions}
    names = extensions.get(x509.SubjectAlternativeName)
    if not isinstance(names, x509.SubjectAlternativeName):
        names = x509.SubjectAlternativeName([])
    constraints = extensions.get(x509.BasicConstraints)
    extended = extensions.get(x509.ExtendedKeyUsage)
    oids = set(extended) if isinstance(extended, x509.ExtendedKeyUsage) else set()
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return Wish(
        common_name=str(common_names[0].value) if common_names else "",
        dns_names=names.get_values_for_type(x509.DNSName),
        ip_addresses=[str(one) for one in names.get_values_for_type(x509.IPAddress)],
        validity_days=max(1, round(lasts / timedelta(days=1))),
        is_ca=isinstance(constraints, x509.BasicConstraints) and constraints.ca,
        usages=[usage for usage, oid in _USAGES.items() if oid in oids],
    )


def utc_now() -> datetime:
    """The wall clock: certificates are about that, not about durations."""
    return datetime.now(UTC)


def _name(wish: Wish) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wish.common_name)])


def _alternative_names(wish: Wish) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in wish.dns_names] + [
        x509.IPAddress(ipaddress.ip_address(address)) for address in wish.ip_addresses
    ]


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,  # EC keys agree, they don't encipher
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
