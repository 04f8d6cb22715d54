"""Probes over TLS: real peers, and certificates as they shouldn't be."""

import asyncio
import datetime
import ipaddress
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporters.dicom_exporter.config import Config
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.runner import Runner
from exporters.dicom_exporter.target import Target
from tests.integration.exporters.odd_scp import Behaviour, Peer, behave, odd_scp
from tests.peers.dcmtk import StoreScp, storescp
from tests.peers.tls import Certificate, make_certificate

HOUR = 3600.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def dcmtk_scp(certificate: Certificate) -> Iterator[StoreScp]:
    with storescp(["+tls", str(certificate.key), str(certificate.certificate), "-ic"]) as server:
        yield server


def probed(port: int, tls: dict[str, object], prober: str = "echo", seconds: float = 20.0) -> Probe:
    """One probe with this section `tls`."""
    module = {"prober": prober, "called_ae_title": "STORESCP", "tls": tls}
    config = Config.model_validate({"targets": ["*"], "modules": {"secure": module}})
    return asyncio.run(Runner(config).probe(Target("127.0.0.1", port), "secure", seconds))


def reason(done: Probe) -> object:
    return done.log[-1][2].get("reason")


def odd(
    served: Certificate, tls: dict[str, object], behaviour: Behaviour = behave, *, server: ssl.SSLContext | None = None
) -> Probe:
    """One probe of the codec's own SCP behind this certificate."""
    module = {"prober": "echo", "called_ae_title": "ODD", "tls": tls}
    config = Config.model_validate({"targets": ["*"], "modules": {"secure": module}})

    async def run() -> Probe:
        async with odd_scp(behaviour, server or served.server()) as scp:
            return await Runner(config).probe(Target("127.0.0.1", scp.port), "secure", 5.0)

    return asyncio.run(run())


@pytest.mark.parametrize("prober", ["echo", "store"])
def test_a_probe_of_dcmtk_over_tls_says_version_and_end_of_the_certificate(
    dcmtk_scp: StoreScp, certificate: Certificate, prober: str
) -> None:
    done = probed(dcmtk_scp.port, {"ca_file": str(certificate.certificate)}, prober)

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases)[:4] == ["resolve", "connect", "tls", "associate"]
    assert done.phases["tls"] > 0
    assert done.certificate_not_after == pytest.approx(time.time() + HOUR, abs=600)
    lines = done.exposition().decode().splitlines()
    assert 'dicom_probe_tls_version_info{version="TLSv1.3"} 1.0' in lines
    (end,) = [line for line in lines if line.startswith("dicom_probe_certificate_not_after_timestamp_seconds ")]
    assert float(end.split()[1]) == done.certificate_not_after
    (left,) = [line for line in lines if line.startswith("dicom_probe_certificate_days_left ")]
    assert float(left.split()[1]) == pytest.approx(1 / 24, abs=0.01)


def test_a_client_certificate_is_shown_where_the_peer_wants_one(certificate: Certificate) -> None:
    wanted = ["+tls", str(certificate.key), str(certificate.certificate), "-rc", "+cf", str(certificate.certificate)]
    trust = {"ca_file": str(certificate.certificate)}
    with storescp(wanted) as server:
        own = {"cert_file": str(certificate.certificate), "key_file": str(certificate.key)}
        assert probed(server.port, trust | own).outcome is Outcome.ACCEPTED
        done = probed(server.port, trust)

    assert done.outcome in (Outcome.TLS_FAILED, Outcome.RESET)  # as dcmtk's alert or its end comes first


def test_an_expired_certificate_is_no_success_and_its_end_is_told(tmp_path: Path) -> None:
    expired = make_certificate(tmp_path, hours=-2)

    done = odd(expired, {"ca_file": str(expired.certificate)}, until_gone)

    assert done.outcome is Outcome.CERTIFICATE_INVALID
    assert reason(done) == "the certificate is not trusted: certificate has expired"
    assert done.certificate_not_after == pytest.approx(time.time() - 2 * HOUR, abs=600)
    assert b"dicom_probe_certificate_days_left -0.08" in done.exposition()


async def until_gone(peer: Peer) -> None:
    await peer.until_closed()


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"ca_file": True}, "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        (
            {"ca_file": True, "server_name": "archive.example"},
            "Hostname mismatch, certificate is not valid for 'archive.example'.",
        ),
        ({}, "self-signed certificate"),
    ],
)
def test_a_certificate_of_another_host_or_of_nobody_known_is_invalid(
    tmp_path: Path, tls: dict[str, object], said: str
) -> None:
    other = make_certificate(tmp_path, "10.9.8.7")

    done = odd(other, tls | ({"ca_file": str(other.certificate)} if tls else {}), until_gone)

    assert (done.outcome, reason(done)) == (
        Outcome.CERTIFICATE_INVALID,
        f"the certificate is not trusted: {said}",
    )
    assert done.certificate_not_after == pytest.approx(time.time() + HOUR, abs=600)


def test_the_name_to_verify_can_be_given_and_verification_can_be_left_out(tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "10.9.8.7")

    named = odd(other, {"ca_file": str(other.certificate), "server_name": "10.9.8.7"})
    unverified = odd(other, {"insecure_skip_verify": True})

    assert (named.outcome, unverified.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    assert unverified.certificate_not_after == named.certificate_not_after is not None


def test_a_peer_without_tls_has_failed_the_handshake(certificate: Certificate) -> None:
    with storescp() as server:
        done = probed(server.port, {"ca_file": str(certificate.certificate)}, seconds=3.0)

    assert done.outcome in (Outcome.TLS_FAILED, Outcome.RESET, Outcome.TIMED_OUT)  # dcmtk waits, or ends, as it likes


def test_a_peer_that_is_silent_in_the_handshake_costs_the_deadline() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()

    async def run() -> Probe:
        module = {"prober": "echo", "called_ae_title": "ODD", "tls": {}}
        config = Config.model_validate({"targets": ["*"], "modules": {"secure": module}})
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await Runner(config).probe(Target("127.0.0.1", port), "secure", 0.5)

    done = asyncio.run(run())
    assert done.outcome is Outcome.TIMED_OUT
    assert done.phases["tls"] > 0.3
    assert done.duration < 5


def test_files_that_are_not_there_are_said(tmp_path: Path) -> None:
    with storescp() as server:
        done = probed(server.port, {"ca_file": str(tmp_path / "absent.pem")})

    assert done.outcome is Outcome.TLS_FAILED
    assert reason(done) == "the files of the section tls can't be used: No such file or directory"


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    old, new = make_certificate(tmp_path), make_certificate(tmp_path / "new")
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(old.certificate.read_bytes())
    assert odd(new, {"ca_file": str(trusted)}, until_gone).outcome is Outcome.CERTIFICATE_INVALID

    trusted.unlink()
    trusted.write_bytes(new.certificate.read_bytes())

    assert odd(new, {"ca_file": str(trusted)}).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("verified", [True, False])
def test_the_earliest_end_of_the_chain_is_told(tmp_path: Path, verified: bool) -> None:
    chain = Chain(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain.served, chain.key)

    tls: dict[str, object] = {"ca_file": str(chain.root)} if verified else {"insecure_skip_verify": True}
    done = odd(make_certificate(tmp_path), tls, server=server)

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert done.certificate_not_after == chain.intermediate_end


def test_an_intermediate_authority_may_be_all_that_is_trusted(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain.served, chain.key)

    done = odd(make_certificate(tmp_path), {"ca_file": str(chain.intermediate)}, server=server)

    assert done.outcome is Outcome.ACCEPTED, done.log


class Chain:
    """A leaf for the loopback under an intermediate authority that ends before it, under a root."""

    def __init__(self, folder: Path) -> None:
        self.served, self.key, self.root = folder / "chain.pem", folder / "leaf-key.pem", folder / "root.pem"
        self.intermediate = folder / "middle.pem"
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        middle_end = now + datetime.timedelta(hours=3)
        self.intermediate_end = middle_end.timestamp()
        keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "middle", "leaf")}

        def issue(name: str, issuer: str, end: datetime.datetime, extension: x509.ExtensionType) -> bytes:
            named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer)]
            certificate = (
                x509.CertificateBuilder()
                .subject_name(named[0])
                .issuer_name(named[1])
                .public_key(keys[name].public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(end)
                .add_extension(extension, critical=False)
                .sign(keys[issuer], hashes.SHA256())
            )
            return certificate.public_bytes(serialization.Encoding.PEM)

        year = now + datetime.timedelta(days=365)
        authority = x509.BasicConstraints(ca=True, path_length=None)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        middle = issue("middle", "root", middle_end, authority)
        self.root.write_bytes(issue("root", "root", year, authority))
        self.intermediate.write_bytes(middle)
        self.served.write_bytes(issue("leaf", "middle", year, address) + middle)
        none = serialization.NoEncryption()
        self.key.write_bytes(
            keys["leaf"].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
        )
