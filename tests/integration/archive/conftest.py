"""The storage area under a sanitizer, a real S3, and a proxy between them."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from infra.components.object_store import aws_credentials, identities
from tests.integration.archive.plugin import Plugin, build, loaded
from tests.peers.s3_proxy import S3Proxy, s3_proxy
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

Load = Callable[..., AbstractContextManager[Plugin]]


@pytest.fixture(scope="session")
def built() -> Path:
    """The plug-in and its driver under the address and undefined-behaviour sanitizers."""
    return build("address,undefined")


@pytest.fixture(scope="session")
def s3() -> Iterator[SeaweedFS]:
    """One server for all tests: each has a bucket of its own."""
    with seaweedfs() as server:
        yield server


@pytest.fixture
def bucket(s3: SeaweedFS) -> str:
    """A new bucket with object lock."""
    name = f"archive-{secrets.token_hex(6)}"
    s3.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def as_archive(tmp_path: Path) -> Iterator[tuple[SeaweedFS, dict[str, Any]]]:
    """A server with a bucket `archive`, and the settings of a plug-in with the archive's own rights there."""
    keys = ("A" * 20, "s" * 40)
    others = identities("archive", ("B" * 20, "t" * 40), keys, ("C" * 20, "u" * 40))["identities"]
    with seaweedfs(others=others) as server:
        server.client().create_bucket(Bucket="archive", ObjectLockEnabledForBucket=True)
        file = tmp_path / "archive-credentials"
        file.write_text(aws_credentials(*keys))
        yield server, {"Endpoint": server.endpoint, "Bucket": "archive", "CredentialsFile": str(file)}


@pytest.fixture
def proxy(s3: SeaweedFS) -> Iterator[S3Proxy]:
    """A proxy in front of the server, without a plan."""
    with s3_proxy(s3.endpoint) as running:
        yield running


@pytest.fixture
def credentials(s3: SeaweedFS, tmp_path: Path) -> Path:
    """The server's keys in an AWS shared credentials file."""
    s3.write_credentials(tmp_path / "credentials")
    return tmp_path / "credentials"


@pytest.fixture
def section(s3: SeaweedFS, bucket: str, credentials: Path) -> dict[str, Any]:
    """The plug-in's settings: short time-outs, small parts."""
    return {
        "Endpoint": s3.endpoint,
        "Bucket": bucket,
        "Prefix": "objects",
        "RetentionMode": "GOVERNANCE",
        "RetentionDays": 1,
        "CredentialsFile": str(credentials),
        "PartSizeMB": 5,
        "ConnectTimeoutSeconds": 1,
        "ReadTimeoutSeconds": 2,
    }


@pytest.fixture
def load(built: Path, tmp_path: Path, section: dict[str, Any]) -> Load:
    """Loads the plug-in; keyword arguments are settings over the usual ones."""

    def start(**changes: Any) -> AbstractContextManager[Plugin]:
        return loaded(built, tmp_path, {"S3Storage": section | changes})

    return start


@pytest.fixture
def plugin(load: Load) -> Iterator[Plugin]:
    """The plug-in, straight in front of the server."""
    with load() as running:
        yield running


@pytest.fixture
def behind_proxy(load: Load, proxy: S3Proxy) -> Iterator[Plugin]:
    """The plug-in behind the proxy."""
    with load(Endpoint=proxy.endpoint) as running:
        yield running
