"""Certificates: made once, renewed in time, private."""

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509

from infra.node import pki as module
from infra.node.errors import NodeError
from infra.node.layout import Layout
from infra.node.pki import Pki


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty state folder."""
    return Layout(tmp_path / "node")


def contents(layout: Layout) -> dict[str, bytes]:
    """Every file."""
    return {file.name: file.read_bytes() for file in layout.pki.iterdir()}


def in_days(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Puts the clock forward."""
    later = module.now() + datetime.timedelta(days=days)
    monkeypatch.setattr(module, "now", lambda: later)


def certificate(layout: Layout, name: str) -> x509.Certificate:
    """One of the certificates."""
    return x509.load_pem_x509_certificate((layout.pki / f"{name}.crt").read_bytes())


def test_a_second_run_changes_nothing(layout: Layout) -> None:
    Pki(layout).ensure()
    Pki(layout).ensure_machine(layout.machine(1))
    before = contents(layout)
    assert Pki(layout).ensure() == []
    assert Pki(layout).ensure_machine(layout.machine(1)) == []
    assert contents(layout) == before


def test_private_files_are_for_root_only(layout: Layout) -> None:
    Pki(layout).ensure()
    public = {".crt", ".pub"}
    modes = {
        f.name: stat.S_IMODE(f.stat().st_mode) for f in [*layout.pki.iterdir(), layout.admin] if f.suffix not in public
    }
    assert set(modes.values()) == {0o600}


def test_every_certificate_is_the_authoritys_and_the_servers_carry_their_addresses(layout: Layout) -> None:
    Pki(layout).ensure()
    authority = certificate(layout, "ca")
    for file in layout.pki.glob("*.crt"):
        certificate(layout, file.stem).verify_directly_issued_by(authority)
    names = certificate(layout, "api-server").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.89.0.1", "10.96.0.1"]


def test_a_certificate_near_its_end_is_renewed_and_the_authority_stays(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pki(layout).ensure()
    before = contents(layout)
    in_days(monkeypatch, module.DAYS - module.RENEW_DAYS + 1)
    assert "api-server" in Pki(layout).ensure()
    after = contents(layout)
    assert after["ca.crt"] == before["ca.crt"]
    assert after["encryption.json"] == before["encryption.json"]
    assert after["api-server.crt"] != before["api-server.crt"]


def test_an_authority_near_its_end_is_replaced_with_all_its_certificates(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pki(layout).ensure()
    in_days(monkeypatch, module.CA_DAYS - module.RENEW_DAYS + 1)
    assert {"ca", "admin", "registry"} <= set(Pki(layout).ensure())
    certificate(layout, "admin").verify_directly_issued_by(certificate(layout, "ca"))


def test_a_lost_key_of_the_secrets_is_refused_when_there_is_data(layout: Layout) -> None:
    Pki(layout).ensure()
    (layout.pki / "encryption.json").unlink()
    (layout.etcd / "member").mkdir(parents=True)
    with pytest.raises(NodeError, match="the key of the cluster's secrets is gone and etcd has data"):
        Pki(layout).ensure()


def test_a_broken_certificate_is_refused_in_words(layout: Layout) -> None:
    Pki(layout).ensure()
    (layout.pki / "admin.crt").write_text("nonsense")
    with pytest.raises(NodeError, match=r"admin\.crt: not a certificate .* remove it and repeat"):
        Pki(layout).ensure()
