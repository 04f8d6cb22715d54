"""Buckets against a real S3: made, read, changed part by part, removed, and everything that is refused in words."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from infra import paths
from infra.providers.vnaops import certificates, credentials_file, s3, s3_removal
from infra.providers.vnaops.credentials_file import Keys
from infra.providers.vnaops.errors import CancelledError, RefusalError
from infra.providers.vnaops.patience import Patience
from infra.providers.vnaops.s3 import BucketState
from infra.providers.vnaops.s3_endpoint import Endpoint, connected
from tests.peers.seaweedfs import SeaweedFS, free_ports, seaweedfs

GOVERNANCE = BucketState(retention_mode="GOVERNANCE", retention_days=1)


@pytest.fixture
def credentials(store: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's keys as boto3's default ones."""
    store.write_credentials(tmp_path / "credentials")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path / "state"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket() -> str:
    return f"archive-{uuid4().hex[:12]}"


@pytest.fixture
def endpoint(store: SeaweedFS, credentials: None) -> Endpoint:
    return Endpoint(store.endpoint)


def patient(seconds: float = 30.0, said: list[str] | None = None, cancelled: threading.Event | None = None) -> Patience:
    return Patience(seconds, (said if said is not None else []).append, cancelled or threading.Event(), every=0.05)


def make(endpoint: Endpoint, bucket: str, wanted: BucketState, said: list[str] | None = None) -> BucketState | None:
    with connected(endpoint) as client:
        made = s3.create(client, endpoint, bucket, patient(said=said), object_lock=wanted.object_lock)
        s3.update(client, bucket, made, wanted, print)
        return s3.read(client, bucket)


def remove(endpoint: Endpoint, bucket: str, *, force: bool, said: list[str] | None = None) -> None:
    with connected(endpoint) as client:
        s3_removal.remove(client, bucket, force=force, patience=patient(said=said))


def exists(store: SeaweedFS, bucket: str) -> bool:
    return any(one["Name"] == bucket for one in store.client().list_buckets()["Buckets"])


@pytest.mark.parametrize(
    "wanted",
    [
        BucketState(),
        BucketState(retention_mode="COMPLIANCE", retention_days=3650),
        BucketState(retention_mode="GOVERNANCE", retention_days=1, tags={"environment": "dev", "owner": "PACS"}),
        BucketState(expire_tagged={"class=probe": 2, "class=other": 30}),
        BucketState(object_lock=False, versioning=True),
        BucketState(object_lock=False, versioning=False),
    ],
)
def test_a_bucket_is_made_as_wanted(endpoint: Endpoint, bucket: str, wanted: BucketState) -> None:
    assert make(endpoint, bucket, wanted) == wanted


def test_a_new_object_gets_the_default_retention(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    make(endpoint, bucket, GOVERNANCE)
    store.client().put_object(Bucket=bucket, Key="object", Body=b"x")
    retention = store.client().get_object_retention(Bucket=bucket, Key="object")["Retention"]
    assert retention["Mode"] == "GOVERNANCE"
    assert timedelta(hours=23) < retention["RetainUntilDate"] - datetime.now(UTC) <= timedelta(days=1)


def test_a_bucket_that_does_not_exist_is_read_as_none(endpoint: Endpoint, bucket: str) -> None:
    with connected(endpoint) as client:
        assert s3.read(client, bucket) is None


def test_an_existing_bucket_is_never_taken_over(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    store.client().create_bucket(Bucket=bucket)
    with pytest.raises(RefusalError) as refusal:
        make(endpoint, bucket, GOVERNANCE)
    assert str(refusal.value) == (
        f"bucket {bucket} exists already and is not taken over silently: import it "
        f"(`pulumi import vnaops:index:Bucket NAME '{store.endpoint}/{bucket}'`) or choose another name"
    )
    with connected(endpoint) as client:
        assert s3.read(client, bucket) == BucketState(object_lock=False, versioning=False)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (GOVERNANCE, GOVERNANCE, []),
        (
            GOVERNANCE,
            BucketState(retention_mode="COMPLIANCE", retention_days=2),
            ["default retention of {bucket}: GOVERNANCE 1 d → COMPLIANCE 2 d"],
        ),
        (GOVERNANCE, BucketState(), ["default retention of {bucket}: GOVERNANCE 1 d → none"]),
        (BucketState(tags={"a": "1"}), BucketState(tags={"b": "2"}), ["tags of {bucket}"]),
        (BucketState(tags={"a": "1"}), BucketState(), ["tags of {bucket}"]),
        (
            BucketState(expire_tagged={"a=1": 1}),
            BucketState(expire_tagged={"a=1": 2}),
            ["life cycle rules of {bucket}"],
        ),
        (BucketState(expire_tagged={"a=1": 1}), BucketState(), ["life cycle rules of {bucket}"]),
        (
            BucketState(object_lock=False, versioning=True),
            BucketState(object_lock=False, versioning=False),
            ["versioning of {bucket}: suspended"],
        ),
        (
            BucketState(object_lock=False, versioning=False),
            GOVERNANCE,
            ["versioning of {bucket}: on", "default retention of {bucket}: none → GOVERNANCE 1 d"],
        ),
    ],
)
def test_an_update_touches_only_the_parts_that_differ(
    endpoint: Endpoint, bucket: str, before: BucketState, after: BucketState, said: list[str]
) -> None:
    make(endpoint, bucket, before)
    heard: list[str] = []
    with connected(endpoint) as client:
        s3.update(client, bucket, before, after, heard.append)
        assert s3.read(client, bucket) == after
    assert heard == [line.format(bucket=bucket) for line in said]


def test_object_lock_is_not_switched_off(endpoint: Endpoint, bucket: str) -> None:
    make(endpoint, bucket, GOVERNANCE)
    with (
        pytest.raises(RefusalError, match=r"can't be switched off: S3 has no such act; replace the bucket$"),
        connected(endpoint) as client,
    ):
        s3.update(client, bucket, GOVERNANCE, BucketState(object_lock=False), print)


def test_an_empty_bucket_is_removed_without_force(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    make(endpoint, bucket, GOVERNANCE)
    remove(endpoint, bucket, force=False)
    assert not exists(store, bucket)


def test_removing_a_bucket_that_is_gone_is_fine(endpoint: Endpoint, bucket: str) -> None:
    remove(endpoint, bucket, force=False)
    remove(endpoint, bucket, force=True)


@pytest.mark.parametrize("wanted", [GOVERNANCE, BucketState(object_lock=False, versioning=False)])
def test_objects_are_not_deleted_without_force(
    store: SeaweedFS, endpoint: Endpoint, bucket: str, wanted: BucketState
) -> None:
    make(endpoint, bucket, wanted)
    store.client().put_object(Bucket=bucket, Key="object", Body=b"x")
    with pytest.raises(RefusalError) as refusal:
        remove(endpoint, bucket, force=False)
    assert str(refusal.value) == (
        f"bucket {bucket} holds objects or versions of them and was not deleted: empty it yourself, or set "
        "forceDestroy to true, `pulumi up`, and repeat (all objects and versions are deleted then)"
    )
    assert store.client().get_object(Bucket=bucket, Key="object")["Body"].read() == b"x"


def test_a_deleted_object_s_versions_count_as_objects(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    make(endpoint, bucket, BucketState())
    store.client().put_object(Bucket=bucket, Key="object", Body=b"x")
    store.client().delete_object(Bucket=bucket, Key="object")
    with pytest.raises(RefusalError, match="holds objects or versions"):
        remove(endpoint, bucket, force=False)


def test_force_removes_versions_markers_and_unfinished_uploads_under_governance(
    store: SeaweedFS, endpoint: Endpoint, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(endpoint, bucket, GOVERNANCE)
    client = store.client()
    for number in range(7):
        client.put_object(Bucket=bucket, Key=f"object {number}", Body=b"x")
    client.put_object(Bucket=bucket, Key="object 0", Body=b"y")
    client.delete_object(Bucket=bucket, Key="object 1")
    client.create_multipart_upload(Bucket=bucket, Key="unfinished")
    monkeypatch.setattr(s3_removal, "BATCH", 4)
    said: list[str] = []
    remove(endpoint, bucket, force=True, said=said)
    assert not exists(store, bucket)
    assert said[-1] == f"emptying {bucket}: 9 versions deleted"
    assert len(said) > 1


def test_compliance_is_refused_with_its_end_and_nothing_is_deleted(
    store: SeaweedFS, endpoint: Endpoint, bucket: str
) -> None:
    make(endpoint, bucket, BucketState(retention_mode="COMPLIANCE", retention_days=1))
    client = store.client()
    client.put_object(Bucket=bucket, Key="object", Body=b"x")
    end = client.get_object_retention(Bucket=bucket, Key="object")["Retention"]["RetainUntilDate"].astimezone(UTC)
    with pytest.raises(RefusalError) as refusal:
        remove(endpoint, bucket, force=True)
    assert str(refusal.value) == (
        f"bucket {bucket} was not deleted, and nothing in it: 1 versions are under COMPLIANCE retention, which nobody "
        f"can lift; it ends on {end:%Y-%m-%d %H:%M} UTC at the earliest: repeat after that"
    )


def test_compliance_of_single_objects_is_found_while_emptying(
    store: SeaweedFS, endpoint: Endpoint, bucket: str
) -> None:
    make(endpoint, bucket, GOVERNANCE)
    client = store.client()
    client.put_object(Bucket=bucket, Key="a", Body=b"x")
    end = datetime.now(UTC) + timedelta(days=2)
    client.put_object(Bucket=bucket, Key="b", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=end)
    with pytest.raises(RefusalError) as refusal:
        remove(endpoint, bucket, force=True)
    assert str(refusal.value) == (
        f"bucket {bucket} was not deleted: 1 versions are under COMPLIANCE retention, which nobody can lift; it ends "
        f"on {end:%Y-%m-%d %H:%M} UTC at the earliest: repeat after that (1 versions were deleted, 1 of the last "
        "2 were kept)"
    )


def test_a_legal_hold_is_refused_in_words(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    make(endpoint, bucket, BucketState())
    store.client().put_object(Bucket=bucket, Key="a", Body=b"x", ObjectLockLegalHoldStatus="ON")
    with pytest.raises(RefusalError, match=r"1 versions are under legal hold: lift it \(PutObjectLegalHold OFF\)"):
        remove(endpoint, bucket, force=True)


def test_emptying_stops_when_it_is_cancelled(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    make(endpoint, bucket, GOVERNANCE)
    store.client().put_object(Bucket=bucket, Key="a", Body=b"x")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError), connected(endpoint) as client:
        s3_removal.remove(client, bucket, force=True, patience=patient(cancelled=cancelled))
    assert exists(store, bucket)


def test_wrong_keys_are_refused_at_once(store: SeaweedFS, endpoint: Endpoint, tmp_path: Path, bucket: str) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = WRONG\naws_secret_access_key = topsecret\n")
    with pytest.raises(RefusalError) as refusal:
        make(endpoint, bucket, GOVERNANCE)
    assert str(refusal.value) == (
        f"S3 endpoint {store.endpoint} does not accept the keys of boto3's default credentials (InvalidAccessKeyId): "
        "correct them and repeat"
    )


def test_missing_credentials_are_refused(endpoint: Endpoint, tmp_path: Path, bucket: str) -> None:
    (tmp_path / "credentials").unlink()
    with pytest.raises(
        RefusalError, match=r"^no credentials for S3 endpoint http.*: name a profile, or give boto3 some"
    ):
        make(endpoint, bucket, GOVERNANCE)


def test_a_missing_profile_is_refused(store: SeaweedFS, credentials: None, bucket: str) -> None:
    with pytest.raises(
        RefusalError, match=r"^profile 'dev' is neither in .*s3-credentials nor in boto3's own files: run"
    ):
        make(Endpoint(store.endpoint, profile="dev"), bucket, GOVERNANCE)


def test_a_profile_of_our_file_wins_over_keys_in_the_environment(
    store: SeaweedFS, credentials: None, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "WRONG")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    keys = Keys(store.access_key, store.secret_key)
    credentials_file.write(paths.credentials_file(), "dev", keys, "urn")
    assert make(Endpoint(store.endpoint, profile="dev"), bucket, GOVERNANCE) == GOVERNANCE


def test_a_site_s_own_profile_is_found_in_boto3_s_file(
    store: SeaweedFS, tmp_path: Path, credentials: None, bucket: str
) -> None:
    credentials_file.write(paths.credentials_file(), "dev", Keys("A", "B"), "urn")
    store.write_credentials(tmp_path / "credentials", "site")
    assert make(Endpoint(store.endpoint, profile="site"), bucket, GOVERNANCE) == GOVERNANCE


def test_an_endpoint_that_comes_later_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    port = free_ports(1)[0]
    endpoint = Endpoint(f"http://127.0.0.1:{port}")
    waits = threading.Event()
    said: list[str] = []
    outcome: list[object] = []

    def progress(line: str) -> None:
        said.append(line)
        waits.set()

    def create() -> None:
        try:
            with connected(endpoint) as client:
                patience = Patience(60, progress, threading.Event())
                outcome.append(s3.create(client, endpoint, bucket, patience, object_lock=True))
        except Exception as error:
            outcome.append(error)

    SeaweedFS(str(endpoint.url), "KEYID", "its secret").write_credentials(tmp_path / "credentials")
    creator = threading.Thread(target=create)
    creator.start()
    assert waits.wait(30)
    with seaweedfs(s3_port=port, keys=("KEYID", "its secret")):
        creator.join(60)
    assert outcome == [BucketState()]
    assert said[0] == f"waiting for the S3 endpoint http://127.0.0.1:{port}: no answer (0 s of 60 s)"


def test_an_endpoint_that_never_comes_is_refused_when_the_time_is_over(credentials: None, bucket: str) -> None:
    endpoint = Endpoint(f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(RefusalError) as refusal, connected(endpoint) as client:
        s3.create(client, endpoint, bucket, patient(0.2), object_lock=True)
    assert str(refusal.value) == (
        f"S3 endpoint {endpoint.url} can't be reached: check the address, the network policy and that the store runs"
    )


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    folder = tmp_path_factory.mktemp("tls")
    now = certificates.utc_now()
    root = certificates.issue(certificates.Wish("root", is_ca=True, usages=()), None, now)
    leaf = certificates.issue(
        certificates.Wish("store", ip_addresses=["127.0.0.1"]),
        certificates.Authority(root.certificate, root.private_key),
        now,
    )
    files = (folder / "crt", folder / "key", folder / "ca")
    for file, pem in zip(files, (leaf.certificate, leaf.private_key, root.certificate), strict=True):
        file.write_text(pem)
    with seaweedfs(tls=files) as running:
        yield running


def test_a_private_authority_is_trusted_when_it_is_given(
    tls: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    tls.write_credentials(tmp_path / "credentials")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert tls.ca_file is not None
    trusted = Endpoint(tls.endpoint, ca_certificate=tls.ca_file.read_text())
    assert make(trusted, bucket, GOVERNANCE) == GOVERNANCE
    with pytest.raises(RefusalError) as refusal:
        make(Endpoint(tls.endpoint), bucket, GOVERNANCE)
    assert str(refusal.value) == (
        f"S3 endpoint {tls.endpoint}: its TLS certificate is not trusted (certificate verify failed: unable to get "
        "local issuer certificate): give the authority in caCertificate"
    )


class _WithoutObjectLock(BaseHTTPRequestHandler):
    """The few answers of a store that never heard of object lock: no real one without it can be had here."""

    buckets: set[str]
    refuses: bool

    def _answer(self, status: int, body: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self) -> None:
        if self.refuses and self.headers.get("x-amz-bucket-object-lock-enabled"):
            self._answer(501, "<Error><Code>NotImplemented</Code></Error>")
            return
        self.buckets.add(self.path)
        self._answer(200)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in self.buckets:
            self._answer(404, "<Error><Code>NoSuchBucket</Code></Error>")
        elif "versioning" in self.path:
            self._answer(200, "<VersioningConfiguration/>")
        else:
            self._answer(501, "<Error><Code>NotImplemented</Code></Error>")

    def do_DELETE(self) -> None:
        self.buckets.discard(self.path)
        self._answer(204)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def without_object_lock(*, refuses: bool) -> Iterator[tuple[str, set[str]]]:
    buckets: set[str] = set()
    handler = type("Handler", (_WithoutObjectLock,), {"buckets": buckets, "refuses": refuses})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", buckets
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize("refuses", [True, False])
def test_an_endpoint_without_object_lock_is_refused_and_nothing_stays_there(
    credentials: None, bucket: str, *, refuses: bool
) -> None:
    with without_object_lock(refuses=refuses) as (url, buckets):
        with pytest.raises(RefusalError) as refusal:
            make(Endpoint(url), bucket, GOVERNANCE)
        assert str(refusal.value) == (
            f"S3 endpoint {url} has no object lock: use a store that has it, or set objectLock to false for a bucket "
            "that protects nothing from deletion"
        )
        assert not buckets


def test_errors_that_nobody_foresaw_keep_s3_s_own_words(store: SeaweedFS, endpoint: Endpoint, bucket: str) -> None:
    with pytest.raises(RefusalError, match=r"refuses GetObject: HTTP 404 NoSuchBucket"), connected(endpoint) as client:
        client.get_object(Bucket=bucket, Key="object")
    with pytest.raises(ClientError):
        store.client().head_bucket(Bucket=bucket)
