"""Each kind of resource: what replaces it, what renews it, what an import takes over."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra import paths
from infra.providers.vnaops import certificates, credentials_file
from infra.providers.vnaops.credentials_file import Keys
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.inputs import CertificateInputs, check
from infra.providers.vnaops.kinds import bucket as bucket_kind
from infra.providers.vnaops.kinds.bucket import Bucket
from infra.providers.vnaops.kinds.certificate import Certificate
from infra.providers.vnaops.kinds.credentials import Credentials
from infra.providers.vnaops.kinds.secret import Secret
from infra.providers.vnaops.patience import Patience

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URN = "urn:pulumi:dev::vnaops::vnaops:index:Credentials::s3"
PATIENCE = Patience(1, lambda _: None, threading.Event())


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path / "state"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Its last entry is now."""
    times = [NOW]
    monkeypatch.setattr(certificates, "utc_now", lambda: times[-1])
    return times


def certificate_inputs(**values: Any) -> dict[str, Any]:
    checked, refusals = check(CertificateInputs, {"commonName": "archive", **values}, ())
    assert not refusals
    return checked


# Certificate


def test_a_certificate_is_stale_only_near_its_end(clock: list[datetime]) -> None:
    news = certificate_inputs(validityDays=90, renewBeforeDays=30)
    _, state = Certificate().create("", news, PATIENCE)
    clock.append(NOW + timedelta(days=59))
    assert Certificate().stale(state, news) == set()
    clock.append(NOW + timedelta(days=60))
    assert Certificate().stale(state, news) == {"certificate", "privateKey", "notAfter"}


def test_an_authority_keeps_its_key_when_it_is_renewed(clock: list[datetime]) -> None:
    news = certificate_inputs(validityDays=90, isCa=True)
    identity, state = Certificate().create("", news, PATIENCE)
    clock.append(NOW + timedelta(days=80))
    assert Certificate().stale(state, news) == {"certificate", "notAfter"}
    renewed = Certificate().update(identity, "", state, news, PATIENCE)
    assert renewed["privateKey"] == state["privateKey"]
    assert renewed["notAfter"] == (NOW + timedelta(days=170)).isoformat()


def test_a_leaf_gets_a_new_key_when_it_is_renewed(clock: list[datetime]) -> None:
    news = certificate_inputs(validityDays=90)
    identity, state = Certificate().create("", news, PATIENCE)
    clock.append(NOW + timedelta(days=80))
    assert Certificate().update(identity, "", state, news, PATIENCE)["privateKey"] != state["privateKey"]


@pytest.mark.usefixtures("clock")
def test_new_names_are_issued_and_a_new_renewal_window_is_only_noted() -> None:
    identity, state = Certificate().create("", certificate_inputs(), PATIENCE)
    noted = Certificate().update(identity, "", state, certificate_inputs(renewBeforeDays=10), PATIENCE)
    assert noted["certificate"] == state["certificate"]
    assert noted["renewBeforeDays"] == 10
    issued = Certificate().update(identity, "", state, certificate_inputs(dnsNames=["archive"]), PATIENCE)
    assert certificates.wish_of(issued["certificate"]).dns_names == ["archive"]


def test_another_subject_or_role_replaces_a_certificate() -> None:
    changed = {"commonName", "isCa", "dnsNames", "validityDays"}
    assert Certificate().replacing(changed, {}, {}) == {"commonName", "isCa"}


def test_an_imported_certificate_is_not_issued_again_by_the_program_that_describes_it(
    clock: list[datetime], tmp_path: Path
) -> None:
    root = Certificate().create("", certificate_inputs(commonName="root", isCa=True), PATIENCE)[1]
    signer = {"caCertificate": root["certificate"], "caPrivateKey": root["privateKey"]}
    news = certificate_inputs(dnsNames=["a.example"], ipAddresses=["10.0.0.1"], **signer)
    _, state = Certificate().create("", news, PATIENCE)
    file = tmp_path / "bundle.pem"
    file.write_text(state["certificate"] + root["certificate"] + state["privateKey"])
    found = Certificate().read(str(file), "", {}, {})
    assert found is not None
    assert found.state["certificate"] == state["certificate"]
    assert {name for name in news if news[name] != found.inputs.get(name)} == {"caPrivateKey"}
    assert Certificate().unknown_after_update({"caPrivateKey"}, found.state, news) == set()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            None,
            "No such file or directory: the id of an import is a file that holds the certificate and its private key",
        ),
        ("", "is empty: the id of an import is a file that holds the certificate and its private key (PEM)"),
        ("topsecret", "needs one private key and at least one certificate in PEM form"),
    ],
)
def test_a_file_that_holds_no_certificate_is_not_imported(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "bundle.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RefusalError) as refusal:
        Certificate().read(str(file), "", {}, {})
    assert reason in str(refusal.value)
    assert "topsecret" not in str(refusal.value)


def test_a_key_that_is_not_the_certificate_s_is_not_imported(tmp_path: Path) -> None:
    one, other = (Certificate().create("", certificate_inputs(), PATIENCE)[1] for _ in range(2))
    file = tmp_path / "bundle.pem"
    file.write_text(one["certificate"] + other["privateKey"])
    with pytest.raises(RefusalError, match=r"^the private key in .* does not belong to its first certificate$"):
        Certificate().read(str(file), "", {}, {})


# Secret


def test_every_change_replaces_a_secret() -> None:
    assert Secret().replacing({"length", "keepers"}, {}, {}) == {"length", "keepers"}


def test_the_id_of_a_secret_says_nothing_about_it() -> None:
    identity, state = Secret().create("", {"length": 32, "alphabet": "abc", "keepers": {}}, PATIENCE)
    assert len(state["value"]) == 32
    assert identity not in state["value"]


def test_an_imported_secret_comes_from_a_file_and_not_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("grown-over-years!\n")
    found = Secret().read(str(file), "", {}, {})
    assert found is not None
    assert found.state["value"] == "grown-over-years!"
    assert found.inputs["length"] == 17
    assert set("-!") < set(found.inputs["alphabet"])
    assert "grown" not in found.id


# Credentials


def test_new_credentials_lie_in_the_file_and_in_the_state() -> None:
    identity, state = Credentials().create(URN, {"profile": "dev"}, PATIENCE)
    assert identity == "dev"
    assert credentials_file.read(paths.credentials_file(), "dev") == Keys(
        state["accessKeyId"], state["secretAccessKey"]
    )
    assert Credentials().stale(state, {}) == set()


def test_given_keys_are_kept() -> None:
    news = {"profile": "dev", "accessKeyId": "A", "secretAccessKey": "B"}
    assert Credentials().create(URN, news, PATIENCE)[1] == news


def test_credentials_that_are_missing_on_this_machine_are_stale_and_written_by_an_update() -> None:
    _, state = Credentials().create(URN, {"profile": "dev"}, PATIENCE)
    paths.credentials_file().unlink()
    assert Credentials().stale(state, {}) == {"accessKeyId", "secretAccessKey"}
    assert Credentials().update("dev", URN, state, {"profile": "dev"}, PATIENCE) == state
    assert Credentials().stale(state, {}) == set()


def test_a_refresh_writes_missing_credentials_too() -> None:
    _, state = Credentials().create(URN, {"profile": "dev"}, PATIENCE)
    paths.credentials_file().unlink()
    found = Credentials().read("dev", URN, {"profile": "dev"}, state)
    assert found is not None
    assert found.state == state
    assert Credentials().stale(state, {}) == set()


def test_an_existing_profile_can_be_imported_and_is_owned_then() -> None:
    credentials_file.write(paths.credentials_file(), "dev", Keys("A", "B"), "somebody else")
    with pytest.raises(RefusalError, match="belongs to somebody else"):
        Credentials().create(URN, {"profile": "dev"}, PATIENCE)
    found = Credentials().read("dev", URN, {}, {})
    assert found is not None
    assert found.state == {"profile": "dev", "accessKeyId": "A", "secretAccessKey": "B"}
    assert Credentials().update("dev", URN, found.state, {"profile": "dev"}, PATIENCE) == found.state


def test_a_profile_that_does_not_exist_is_not_imported() -> None:
    with pytest.raises(RefusalError) as refusal:
        Credentials().read("dev", URN, {}, {})
    assert str(refusal.value) == (
        f"there is no profile 'dev' in {paths.credentials_file()}: write it there, then repeat the import"
    )


def test_deleted_credentials_are_gone_from_the_file() -> None:
    _, state = Credentials().create(URN, {"profile": "dev"}, PATIENCE)
    Credentials().delete("dev", state, PATIENCE)
    assert credentials_file.profiles(paths.credentials_file()) == []


# Bucket


@pytest.mark.parametrize(
    ("changed", "state", "news", "replaced"),
    [
        ({"bucket", "tags"}, {}, {}, {"bucket"}),
        ({"objectLock"}, {"objectLock": True}, {"objectLock": False}, {"objectLock"}),
        ({"objectLock"}, {"objectLock": False}, {"objectLock": True}, set()),
        ({"endpoint", "region", "retentionDays", "forceDestroy"}, {}, {}, set()),
    ],
)
def test_a_bucket_is_replaced_by_another_name_or_when_its_lock_is_to_go(
    changed: set[str], state: dict[str, Any], news: dict[str, Any], replaced: set[str]
) -> None:
    assert Bucket().replacing(changed, state, news) == replaced


@pytest.mark.parametrize(
    ("identity", "properties"),
    [
        ("archive", {"bucket": "archive"}),
        ("https://store:8333/archive", {"bucket": "archive", "endpoint": "https://store:8333"}),
        (
            "http://store/archive?profile=site&region=eu",
            {"bucket": "archive", "endpoint": "http://store", "profile": "site", "region": "eu"},
        ),
    ],
)
def test_an_import_names_a_bucket_and_where_it_is(identity: str, properties: dict[str, str]) -> None:
    assert bucket_kind.of_import(identity) == {"region": "us-east-1", "forceDestroy": False, **properties}


@pytest.mark.parametrize("identity", ["https://store", "https://store/a/b", "ftp://store/a", "https://store/a?key=x"])
def test_an_import_that_names_no_bucket_is_refused(identity: str) -> None:
    with pytest.raises(RefusalError) as refusal:
        bucket_kind.of_import(identity)
    assert str(refusal.value) == (
        f"{identity!r} does not name a bucket: use https://HOST:PORT/BUCKET or "
        "https://HOST:PORT/BUCKET?profile=NAME&region=NAME, or BUCKET for boto3's chain"
    )
