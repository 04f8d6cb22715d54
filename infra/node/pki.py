"""The embedded cluster's own certificate authority, its certificates, and the keys of tokens and of secrets at rest.

Certificates are made anew when they are near their end (`up` does it and restarts who uses them). A certificate
authority that is near its end is replaced too, and all its certificates with it. Private files have mode 0600.
"""

import base64
import datetime
import ipaddress
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.files import write
from infra.node.errors import NodeError
from infra.node.layout import ADDRESS, API_PORT, API_SERVICE, CLUSTER_DOMAIN, Layout, Machine

CA_DAYS = 3650
DAYS = 365
RENEW_DAYS = 60
"""A certificate with less than this left is made anew."""


@dataclass(frozen=True)
class Subject:
    """Who a certificate is for: user and group in Kubernetes' eyes, and the names a server answers to."""

    file: str
    user: str
    group: str = ""
    names: Sequence[str] = ()
    addresses: Sequence[str] = ()


def now() -> datetime.datetime:
    """The wall clock: certificates end by it."""
    return datetime.datetime.now(datetime.UTC)


class Pki:
    """The folder of certificates of one cluster."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.pki

    @property
    def ca(self) -> Path:
        """The certificate authority's certificate."""
        return self._folder / "ca.crt"

    @property
    def encryption(self) -> Path:
        """The API server's EncryptionConfiguration: secrets are encrypted at rest with its key."""
        return self._folder / "encryption.json"

    def file(self, name: str) -> Path:
        """One of its files: `NAME.crt`, `NAME.key`."""
        return self._folder / name

    def ensure(self) -> list[str]:
        """Makes or renews what belongs to the control plane; says which files are new."""
        new = self._ensure_ca()
        new += self._ensure_signer()
        self._ensure_encryption()
        for subject in (
            Subject(
                "api-server",
                "kube-apiserver",
                names=(
                    "kubernetes",
                    "kubernetes.default",
                    "kubernetes.default.svc",
                    f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
                ),
                addresses=(ADDRESS, API_SERVICE),
            ),
            Subject("api-server-to-kubelet", "vnaops:api-server"),
            Subject("admin", "admin", group="system:masters"),
            Subject("kube-controller-manager", "system:kube-controller-manager"),
            Subject("kube-scheduler", "system:kube-scheduler"),
            Subject("kube-proxy", "system:kube-proxy"),
            Subject("policy-agent", "vnaops:policy-agent"),
            Subject("volumes", "vnaops:volumes"),
            Subject("registry", "registry", addresses=(ADDRESS,)),
        ):
            new += self.ensure_certificate(subject)
            if subject.file not in ("api-server", "api-server-to-kubelet", "registry"):
                self._kubeconfig(subject.file, self._layout.admin if subject.file == "admin" else None)
        return new

    def ensure_machine(self, machine: Machine) -> list[str]:
        """A node's certificate, as a client of the API server and as kubelet's server; says which files are new."""
        subject = Subject(
            machine.name, f"system:node:{machine.name}", "system:nodes", (machine.name,), (machine.address,)
        )
        new = self.ensure_certificate(subject)
        self._kubeconfig(machine.name)
        return new

    def _ensure_ca(self) -> list[str]:
        if self.ca.is_file() and self.file("ca.key").is_file() and _days_left(_certificate(self.ca)) > RENEW_DAYS:
            return []
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"vnaops embedded node {secrets.token_hex(4)}")])
        certificate = (
            _builder(name, name, key.public_key(), CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        write(self.file("ca.key"), _pem(key))
        write(self.ca, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return ["ca"]

    def _ensure_signer(self) -> list[str]:
        if self.file("service-account.key").is_file() and self.file("service-account.pub").is_file():
            return []
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write(self.file("service-account.key"), _pem(key))
        write(self.file("service-account.pub"), public, 0o644)
        return ["service-account"]

    def _ensure_encryption(self) -> None:
        if self.encryption.is_file():
            return
        if (self._layout.etcd / "member").is_dir():
            raise NodeError(
                f"{self.encryption}: the key of the cluster's secrets is gone and etcd has data; "
                "put it back from a backup, "
                "or start anew: python -m infra.node wipe"
            )
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        providers = [{"secretbox": {"keys": [{"name": "key1", "secret": key}]}}, {"identity": {}}]
        configuration = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": ["secrets"], "providers": providers}],
        }
        write(self.encryption, json.dumps(configuration))

    def ensure_certificate(self, subject: Subject) -> list[str]:
        """A certificate of our authority for the subject, valid for server and client; says if it is new."""
        path, key_path = self.file(f"{subject.file}.crt"), self.file(f"{subject.file}.key")
        authority = _certificate(self.ca)
        if path.is_file() and key_path.is_file() and self._good(_certificate(path), authority):
            return []
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject.user)]
        if subject.group:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.group))
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in subject.names]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in subject.addresses]
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if names else [])]
        builder = (
            _builder(x509.Name(attributes), authority.subject, key.public_key(), DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signer = serialization.load_pem_private_key(self.file("ca.key").read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise NodeError(f"{self.file('ca.key')}: not a key of ours; start anew: python -m infra.node wipe")
        write(key_path, _pem(key))
        write(path, builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)
        return [subject.file]

    @staticmethod
    def _good(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return _days_left(certificate) > RENEW_DAYS

    def _kubeconfig(self, user: str, path: Path | None = None) -> None:
        """Written as JSON, which is YAML too: the agents read it without a YAML parser."""
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "vnaops",
                    "cluster": {"server": f"https://{ADDRESS}:{API_PORT}", "certificate-authority": str(self.ca)},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate": str(self.file(f"{user}.crt")),
                        "client-key": str(self.file(f"{user}.key")),
                    },
                }
            ],
            "contexts": [{"name": "vnaops", "context": {"cluster": "vnaops", "user": user}}],
            "current-context": "vnaops",
        }
        write(path or self._layout.kubeconfig(user), json.dumps(configuration, indent=1))


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise NodeError(f"{path}: not a certificate ({error}); remove it and repeat") from error


def _days_left(certificate: x509.Certificate) -> float:
    return (certificate.not_valid_after_utc - now()) / datetime.timedelta(days=1)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    begin = now() - datetime.timedelta(minutes=5)  # a clock that is set back a little doesn't stop the node
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
