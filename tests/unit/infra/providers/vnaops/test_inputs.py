"""Every rule of the inputs has one input that breaks it, and the exact message."""

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.providers.vnaops import certificates
from infra.providers.vnaops.inputs import (
    BucketInputs,
    CertificateInputs,
    CredentialsInputs,
    Inputs,
    SecretInputs,
    check,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = certificates.issue(certificates.Wish("root", is_ca=True, usages=()), None, NOW)
OTHER_ROOT = certificates.issue(certificates.Wish("other", is_ca=True, usages=()), None, NOW)
LEAF = certificates.issue(certificates.Wish("leaf"), None, NOW)

BUCKET_NAME = (
    "is no bucket name: 3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit at both ends, "
    "not an IP address (S3's rules)"
)

BROKEN: list[tuple[type[Inputs], dict[str, Any], str, str]] = [
    (BucketInputs, {}, "bucket", "is required"),
    (BucketInputs, {"bucket": "No"}, "bucket", f"'No' {BUCKET_NAME}"),
    (BucketInputs, {"bucket": "10.0.0.1"}, "bucket", f"'10.0.0.1' {BUCKET_NAME}"),
    (BucketInputs, {"bucket": "a..b"}, "bucket", f"'a..b' {BUCKET_NAME}"),
    (
        BucketInputs,
        {"bucket": "archive", "endpoint": "store:8333"},
        "endpoint",
        "'store:8333' is no S3 endpoint: it has the form https://HOST or https://HOST:PORT, without a path",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "endpoint": "https://key:topsecret@store"},
        "endpoint",
        "carries credentials, which would lie in the state as plain text: name a profile instead",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "profile": "two words"},
        "profile",
        "'two words' is no profile name: letters, digits and _ . @ + - only",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "retentionMode": "governance", "retentionDays": 1},
        "retentionMode",
        "Input should be 'GOVERNANCE' or 'COMPLIANCE'",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "retentionMode": "GOVERNANCE", "retentionDays": 0},
        "retentionDays",
        "Input should be greater than or equal to 1",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "retentionMode": "GOVERNANCE", "retentionDays": 1.5},
        "retentionDays",
        "Input should be a valid integer, got a number with a fractional part",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "retentionMode": "GOVERNANCE"},
        "retentionMode",
        "needs retentionDays: S3 has no default retention without an end",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "retentionDays": 1},
        "retentionDays",
        "needs retentionMode: GOVERNANCE can be lifted, COMPLIANCE can't",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "objectLock": False, "retentionMode": "GOVERNANCE", "retentionDays": 1},
        "retentionDays",
        "cannot be set when objectLock is off: a bucket without object lock keeps nothing",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "versioning": False},
        "versioning",
        "cannot be off while objectLock is on: S3 keeps locked objects as versions",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "caCertificate": "nonsense"},
        "caCertificate",
        "it is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "endpoint": "http://store", "caCertificate": ROOT.certificate},
        "caCertificate",
        "has no use without an https endpoint",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "retention": 1},
        "retention",
        "there is no such property; there are bucket, caCertificate, endpoint, expireTagged, forceDestroy, objectLock, "
        "profile, region, retentionDays, retentionMode, tags, versioning",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "expireTagged": {"probe": 1}},
        "expireTagged.probe.[key]",
        "'probe' is no tag: KEY=VALUE of letters, digits and _ . : / + @ -",
    ),
    (
        BucketInputs,
        {"bucket": "archive", "expireTagged": {"class=probe": 0}},
        "expireTagged.class=probe",
        "Input should be greater than or equal to 1",
    ),
    (
        SecretInputs,
        {"length": 8},
        "length",
        "8 of 62 characters have 48 bits, fewer than 64: the secret could be guessed",
    ),
    (
        SecretInputs,
        {"length": 64, "alphabet": "aaaaaaaa"},
        "length",
        "64 of 1 characters have 0 bits, fewer than 64: the secret could be guessed",
    ),
    (SecretInputs, {"alphabet": ""}, "alphabet", "String should have at least 1 character"),
    (CertificateInputs, {}, "commonName", "is required"),
    (
        CertificateInputs,
        {"commonName": "x", "dnsNames": ["archive", "10.0.0.1:80"]},
        "dnsNames.1",
        "'10.0.0.1:80' is no DNS name (IP addresses belong into ipAddresses)",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "ipAddresses": ["archive"]},
        "ipAddresses.0",
        "'archive' is no IP address (names belong into dnsNames)",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "validityDays": 30},
        "renewBeforeDays",
        "30 is not below validityDays (30): every `up` would renew",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "isCa": True, "usages": ["serverAuth"]},
        "usages",
        "cannot be set when isCa is on: an authority signs, it is no server or client",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "usages": ["codeSigning"]},
        "usages.0",
        "Input should be 'serverAuth' or 'clientAuth'",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "caCertificate": ROOT.certificate},
        "caCertificate",
        "needs caPrivateKey: nothing can be signed without the authority's key",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "caPrivateKey": ROOT.private_key},
        "caPrivateKey",
        "needs caCertificate: the key alone does not say who signs",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "caCertificate": ROOT.certificate, "caPrivateKey": OTHER_ROOT.private_key},
        "caCertificate",
        "caPrivateKey does not belong to caCertificate: give the two of one authority",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "caCertificate": ROOT.certificate, "caPrivateKey": "topsecret"},
        "caCertificate",
        "caPrivateKey is not an unencrypted private key in PEM form",
    ),
    (
        CertificateInputs,
        {"commonName": "x", "caCertificate": LEAF.certificate, "caPrivateKey": LEAF.private_key},
        "caCertificate",
        "caCertificate is not an authority's certificate (basic constraints, CA:TRUE): give one",
    ),
    (CredentialsInputs, {}, "profile", "is required"),
    (
        CredentialsInputs,
        {"profile": "x", "accessKeyId": "id"},
        "accessKeyId",
        "needs secretAccessKey: give both, or none for new keys",
    ),
    (
        CredentialsInputs,
        {"profile": "x", "secretAccessKey": "topsecret"},
        "secretAccessKey",
        "needs accessKeyId: give both, or none for new keys",
    ),
]


@pytest.mark.parametrize(
    ("model", "values", "path", "reason"), BROKEN, ids=[f"{m.__name__}-{p}" for m, _, p, _ in BROKEN]
)
def test_a_broken_rule_is_refused_with_its_property_and_reason(
    model: type[Inputs], values: dict[str, Any], path: str, reason: str
) -> None:
    _, refusals = check(model, values, unknown=())
    assert (path, reason) in refusals
    assert "topsecret" not in str(refusals)


def test_defaults_are_filled_in() -> None:
    checked, refusals = check(
        BucketInputs, {"bucket": "archive", "retentionMode": "GOVERNANCE", "retentionDays": 30.0}, ()
    )
    assert not refusals
    assert checked == {
        "bucket": "archive",
        "region": "us-east-1",
        "objectLock": True,
        "versioning": True,
        "retentionMode": "GOVERNANCE",
        "retentionDays": 30,
        "forceDestroy": False,
        "tags": {},
        "expireTagged": {},
    }


def test_a_required_property_may_be_known_only_later() -> None:
    assert check(BucketInputs, {"endpoint": "http://store"}, unknown={"bucket"})[1] == []


def test_a_rule_about_a_value_known_only_later_is_left_for_then() -> None:
    values = {"commonName": "leaf", "caPrivateKey": ROOT.private_key}
    assert check(CertificateInputs, values, unknown={"caCertificate"})[1] == []


def test_a_known_value_is_checked_beside_one_known_only_later() -> None:
    refusals = check(BucketInputs, {"endpoint": "store"}, unknown={"bucket"})[1]
    assert [path for path, _ in refusals] == ["endpoint"]
