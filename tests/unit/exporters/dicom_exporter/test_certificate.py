"""The end of a certificate, against `cryptography`'s reading of the same bytes."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporters.dicom_exporter.certificate import not_after


def made(end: datetime.datetime, name: str = "archive") -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(1960, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "end",
    [
        datetime.datetime(1999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC),  # UTCTime
        datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.UTC),
        datetime.datetime(2050, 1, 1, tzinfo=datetime.UTC),  # GeneralizedTime
        datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC),
    ],
)
def test_the_end_is_read_in_both_forms_of_time(end: datetime.datetime) -> None:
    assert not_after(made(end)) == end.timestamp()


def test_a_long_issuer_is_passed_over() -> None:
    end = datetime.datetime(2030, 6, 1, tzinfo=datetime.UTC)

    assert not_after(made(end, "a" * 64)) == end.timestamp()


def test_what_is_no_certificate_is_refused_wherever_it_is_cut() -> None:
    der = made(datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC))

    for length in range(200):
        with pytest.raises(ValueError, match="certificate"):
            not_after(der[:length])
    with pytest.raises(ValueError, match="where 0x30 belongs"):
        not_after(b"HTTP/1.1 200 OK")
