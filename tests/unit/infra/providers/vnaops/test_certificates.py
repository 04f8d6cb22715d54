"""Certificates say what was wished, verify, and are renewed in time."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from infra.providers.vnaops.certificates import (
    Authority,
    Issued,
    Wish,
    end_of_issue,
    issue,
    load_certificate,
    load_key,
    renewal_is_due,
    wish_of,
)
from infra.providers.vnaops.errors import RefusalError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def root(validity_days: int = 3650) -> Issued:
    return issue(Wish("vnaops root", validity_days=validity_days, is_ca=True, usages=()), None, NOW)


def authority(of: Issued) -> Authority:
    return Authority(of.certificate, of.private_key)


def verify(leaf: Issued, trusted: Issued, name: x509.GeneralName, at: datetime = NOW) -> None:
    """As a client does: path validation by web browsers' rules (cryptography's verifier)."""
    assert isinstance(name, x509.DNSName | x509.IPAddress)
    store = Store([load_certificate(trusted.certificate, "root")])
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(name)
    verifier.verify(load_certificate(leaf.certificate, "leaf"), [])


def test_a_leaf_verifies_for_its_names_and_addresses_and_for_no_others() -> None:
    ca = root()
    leaf = issue(Wish("archive", ["archive.dev.svc"], ["10.89.0.1"]), authority(ca), NOW)
    verify(leaf, ca, x509.DNSName("archive.dev.svc"))
    verify(leaf, ca, x509.IPAddress(ipaddress.ip_address("10.89.0.1")))
    with pytest.raises(VerificationError):
        verify(leaf, ca, x509.DNSName("other.dev.svc"))


def test_a_leaf_does_not_verify_under_another_authority() -> None:
    leaf = issue(Wish("archive", ["archive"]), authority(root()), NOW)
    with pytest.raises(VerificationError):
        verify(leaf, root(), x509.DNSName("archive"))


def test_a_renewed_authority_keeps_its_key_so_that_what_it_signed_stays_valid() -> None:
    ca = root(400)
    leaf = issue(Wish("archive", ["archive"]), authority(ca), NOW)
    later = NOW + timedelta(days=200)
    renewed = issue(
        Wish("vnaops root", validity_days=400, is_ca=True, usages=()), None, later, private_key=ca.private_key
    )
    assert renewed.private_key == ca.private_key
    assert renewed.not_after == later + timedelta(days=400)
    verify(leaf, renewed, x509.DNSName("archive"), at=later)


def test_a_leaf_carries_its_usages_and_may_not_sign() -> None:
    leaf = load_certificate(issue(Wish("x", usages=("clientAuth",)), None, NOW).certificate, "leaf")
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_leaf_ends_with_its_authority_at_the_latest() -> None:
    ca = root(100)
    assert issue(Wish("x", validity_days=365), authority(ca), NOW).not_after == ca.not_after


def test_a_certificate_is_valid_a_little_before_its_making_because_clocks_differ() -> None:
    made = load_certificate(issue(Wish("x"), None, NOW).certificate, "it")
    assert made.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert made.not_valid_after_utc == NOW + timedelta(days=365)


@pytest.mark.parametrize(("days_left", "due"), [(31, False), (30, True), (29, True), (-5, True)])
def test_renewal_is_due_when_no_more_than_renew_before_days_are_left(days_left: int, *, due: bool) -> None:
    not_after = NOW + timedelta(days=days_left)
    assert renewal_is_due(not_after, 30, end_of_issue(365, None, NOW), NOW) is due


def test_a_renewal_that_brings_no_later_end_is_not_due() -> None:
    ca = root(20)
    leaf = issue(Wish("x", validity_days=365), authority(ca), NOW)
    assert not renewal_is_due(leaf.not_after, 30, end_of_issue(365, authority(ca), NOW), NOW)


def test_what_a_certificate_says_can_be_read_back() -> None:
    wish = Wish(
        "archive", ["a.example", "*.b.example"], ["10.0.0.1", "fd00::1"], 90, usages=["serverAuth", "clientAuth"]
    )
    assert wish_of(issue(wish, None, NOW).certificate) == wish


def test_an_authority_that_may_not_sign_is_refused() -> None:
    leaf = issue(Wish("x"), None, NOW)
    with pytest.raises(RefusalError, match=r"^caCertificate is not an authority's certificate"):
        issue(Wish("y"), authority(leaf), NOW)


def test_a_key_of_another_kind_is_refused_without_quoting_it() -> None:
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(
        RefusalError, match=r"^caPrivateKey is not an elliptic-curve key: this provider makes and keeps those only$"
    ):
        load_key(key.decode(), "caPrivateKey")


def test_a_private_key_is_not_in_the_representation() -> None:
    made = root()
    assert "PRIVATE" not in repr(made)
    assert "PRIVATE" not in repr(authority(made))
