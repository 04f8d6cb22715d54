"""The S3 beneath the archive: the same bytes put into its bucket and got from it directly, with the archive's headers.

Requests are signed before the clock starts and sent with `sendmsg`, so that what is measured is the store, not a client
(boto3 costs 2.2 ms of processor a put, obstore 0.7, this 0.2).
"""

import base64
import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from loadtests.dataset import Buffer
from loadtests.environment import OutputsError
from loadtests.profiles.instance import Instance, as_file

RETENTION = timedelta(seconds=30)  # headers as the archive's, but nothing is kept for longer than the benchmark
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Store:
    """An S3 bucket and who puts into it; `ca_file` for https with an authority of one's own."""

    endpoint: str
    bucket: str
    credentials_file: str
    profile: str = "default"
    region: str = "us-east-1"
    ca_file: str | None = None


@dataclass(frozen=True)
class Request:
    """A signed request, whole: a put, a get or, at the end, the removal of what was made."""

    key: str
    buffers: tuple[Buffer, ...]
    method: str = "PUT"


def store_of(
    outputs: Path,
    credentials_file: Path,
    *,
    endpoint: str | None = None,
    bucket: str | None = None,
    profile: str | None = None,
    ca_file: Path | None = None,
) -> Store:
    """The environment's store: what its outputs say under `objectStore`, where nothing else is named.

    Raises:
        OutputsError: something is missing; the message names it.
    """
    try:
        known = json.loads(outputs.read_bytes()).get("objectStore") or {}
    except (OSError, ValueError, AttributeError) as error:
        raise OutputsError(f"{outputs}: {getattr(error, 'strerror', None) or 'no JSON object'}") from None
    found: dict[str, str] = {
        "endpoint": endpoint or known.get("adminEndpoint") or known.get("endpoint") or "",
        "bucket": bucket or known.get("bucket") or "",
        "profile": profile or known.get("profile") or "default",
    }
    for name, value in found.items():
        if not value:
            raise OutputsError(f"{outputs}: objectStore.{name} is missing: name it by --s3-{name}")
    if not credentials_file.exists():
        raise OutputsError(f"{credentials_file}: there is no such credentials file")
    return Store(credentials_file=str(credentials_file), ca_file=str(ca_file) if ca_file else None, **found)


class RawS3:
    """Prepares and sends puts, and gets of what they made. Objects lie under `bench-raw/` of the bucket."""

    def __init__(self, store: Store, run: str) -> None:
        self._store, self._run = store, run
        self._made: list[tuple[str, str]] = []
        self._lapses = datetime.now(UTC)
        parts = urlsplit(store.endpoint)
        self._address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context(cafile=store.ca_file) if parts.scheme == "https" else None
        session = botocore.session.Session(profile=store.profile)
        session.set_config_variable("credentials_file", store.credentials_file)
        credentials = session.get_credentials()
        if credentials is None:
            raise OutputsError(f"{store.credentials_file} has no profile {store.profile!r}")
        self._signer = SigV4Auth(credentials, "s3", store.region)

    def prepare(self, instances: Iterable[Instance]) -> list[Request]:
        """A signed put for each instance's file; valid for a quarter of an hour."""
        return [self.put(instance.sop_instance_uid, as_file(instance)) for instance in instances]

    def put(self, name: str, file: Sequence[Buffer]) -> Request:
        """A signed put of these bytes under this name; valid for a quarter of an hour."""
        digest = hashlib.sha256()
        for part in file:
            digest.update(part)
        key = f"/{self._store.bucket}/bench-raw/{self._run}/{name}"
        self._lapses = datetime.now(UTC) + RETENTION
        headers = {
            "Content-Length": str(sum(map(len, file))),
            "x-amz-checksum-sha256": base64.b64encode(digest.digest()).decode(),
            "X-Amz-Content-SHA256": digest.hexdigest(),
            "x-amz-meta-sha256": digest.hexdigest(),
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-retain-until-date": f"{self._lapses:%Y-%m-%dT%H:%M:%SZ}",
            "x-amz-storage-class": "STANDARD",
        }
        return Request(key, (self._head("PUT", key, headers), *file))

    def gets(self) -> list[Request]:
        """A signed get of each object that was put."""
        empty = {"X-Amz-Content-SHA256": hashlib.sha256().hexdigest()}
        return [Request(key, (self._head("GET", key, empty),), "GET") for key, _ in self._made]

    def _head(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        request = AWSRequest(method, self._store.endpoint.rstrip("/") + target, headers=headers)
        self._signer.add_auth(request)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {urlsplit(self._store.endpoint).netloc}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def remove(self) -> list[str]:
        """Remove what was put, version by version, once its retention has lapsed. Returns what could not be."""
        if not self._made:
            return []
        threading.Event().wait(max(0.0, (self._lapses - datetime.now(UTC)).total_seconds()))
        empty = hashlib.sha256().hexdigest()
        removals = [
            Request(
                key,
                (self._head("DELETE", f"{key}?versionId={quote(version, safe='')}", {"X-Amz-Content-SHA256": empty}),),
                "DELETE",
            )
            for key, version in self._made
        ]
        self._made = []
        return self.run(removals, 4)[2]

    def run(self, puts: list[Request], connections: int) -> tuple[float, list[float], list[str]]:
        """Send them over that many connections. Returns duration and latencies (seconds), and what failed."""
        waiting, lock = list(reversed(puts)), threading.Lock()
        latencies: list[float] = []
        failures: list[str] = []

        def work() -> None:
            connection = self._connect()
            with connection:
                while True:
                    with lock:
                        if not waiting:
                            return
                        put = waiting.pop()
                    begun = time.perf_counter()
                    status = self._send(connection, put)
                    if status in (200, 204):
                        latencies.append(time.perf_counter() - begun)
                    else:
                        failures.append(f"HTTP {status}")

        def guarded() -> None:
            try:
                work()
            except (OSError, http.client.HTTPException) as error:
                failures.append(type(error).__name__)

        threads = [threading.Thread(target=guarded) for _ in range(connections)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failures += ["not sent"] * len(waiting)
        return time.perf_counter() - begun, latencies, failures

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(connection, server_hostname=self._address[0]) if self._tls else connection

    def _send(self, connection: socket.socket, put: Request) -> int:
        if self._tls:
            connection.sendall(b"".join(put.buffers))
        else:
            buffers = [memoryview(one) for one in put.buffers]
            while buffers:
                sent = connection.sendmsg(buffers)
                while buffers and sent >= len(buffers[0]):
                    sent -= len(buffers.pop(0))
                if sent:
                    buffers[0] = buffers[0][sent:]
        response = http.client.HTTPResponse(connection, method=put.method)
        response.begin()
        while response.read(1 << 20):  # never a whole object in memory
            pass
        if put.method == "PUT" and (version := response.getheader("x-amz-version-id")):
            self._made.append((put.key, version))
        return response.status
