"""A SeaweedFS server with its S3 gateway: the S3 that has object lock, versions and retention, and starts quickly."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

START_SECONDS = 60.0  # 2.4 s alone; the machine may be shared by other builds


@dataclass(frozen=True)
class SeaweedFS:
    """Where the gateway listens, and the one identity it knows (it may do everything)."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    ca_file: Path | None = None

    def client(self) -> "S3Client":
        """A boto3 client with the identity; its checksums are off, as look-alikes want it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            verify=str(self.ca_file) if self.ca_file else None,
            config=Config(
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
                connect_timeout=2,
                read_timeout=10,
                retries={"total_max_attempts": 1},
            ),
        )

    def write_credentials(self, path: Path, profile: str = "default") -> None:
        """Write the identity as an AWS shared credentials file of mode 0600 with this one profile."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(
                f"[{profile}]\naws_access_key_id = {self.access_key}\naws_secret_access_key = {self.secret_key}\n"
            )


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports that are free on the loopback now: held together, then let go."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def seaweedfs(
    *,
    s3_port: int | None = None,
    keys: tuple[str, str] | None = None,
    tls: tuple[Path, Path, Path] | None = None,
    others: Sequence[Mapping[str, Any]] = (),
    environment: Callable[[int], Mapping[str, str]] = lambda s3_grpc_port: {},
) -> Iterator[SeaweedFS]:
    """Run one server on the loopback with an empty store and random keys; afterwards nothing of it is left.

    Args:
        s3_port: the gateway's port, for a test that needs the address before the server is there; else a free one.
        keys: access key and secret key, for a test that needs them before; else random ones.
        tls: certificate, private key and authority (PEM files); the endpoint is https then.
        others: more identities, as s3.json has them.
        environment: further environment variables, by the gateway's gRPC port.

    Raises:
        RuntimeError: the server ended or was not ready in time; its log is in the message.

    Call it from a thread that lives as long as the server: the kernel kills the server when that thread ends, so that
    not even a killed test run leaves one behind.
    """
    weed = Path(sys.executable).with_name("weed")
    home = Path(tempfile.mkdtemp(prefix="seaweedfs-"))
    try:
        access_key, secret_key = keys or (secrets.token_hex(10).upper(), secrets.token_urlsafe(30))
        _configure(home, access_key, secret_key, others)
        for attempts_left in (2, 1, 0):  # a free port can be taken by somebody else between our look and the start
            ports = free_ports(8)
            ports[0] = s3_port or ports[0]
            server = SeaweedFS(
                endpoint=f"{'https' if tls else 'http'}://127.0.0.1:{ports[0]}",
                access_key=access_key,
                secret_key=secret_key,
                ca_file=tls[2] if tls else None,
            )
            with (home / "log").open("wb") as log:
                process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", str(weed), *_arguments(home, ports, tls)],
                    cwd=home,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **environment(ports[1])},
                )
            try:
                if _ready(server, process):
                    yield server
                    return
                said = (home / "log").read_text(errors="replace")
                if "address already in use" not in said or not attempts_left:
                    raise RuntimeError(f"SeaweedFS did not start (exit code {process.poll()}):\n{said[-4000:]}")
            finally:
                _stop(process, ports)
    finally:
        shutil.rmtree(home)


def _configure(home: Path, access_key: str, secret_key: str, others: Sequence[Mapping[str, Any]]) -> None:
    identity = {
        "name": "test",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (home / "s3.json").write_text(json.dumps({"identities": [identity, *others]}))
    # Seven volumes per bucket are made by default: one is enough, and a bucket is made at once.
    (home / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
    (home / "data").mkdir()


def _arguments(home: Path, ports: list[int], tls: tuple[Path, Path, Path] | None) -> list[str]:
    names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
    arguments = [f"-{name}={port}" for name, port in zip(names, ports, strict=False)]
    arguments += [f"-filer.port={ports[6]}", f"-filer.port.grpc={ports[7]}"]
    if tls:
        arguments += [f"-s3.cert.file={tls[0]}", f"-s3.key.file={tls[1]}"]
    return [
        "-logtostderr",
        f"-config_dir={home}",
        "server",
        "-s3",
        f"-s3.config={home / 's3.json'}",
        f"-dir={home / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *arguments,
        "-s3.port.iceberg=0",  # on fixed ports by default, as the next one
        "-s3.port.lance=0",
        f"-s3.localSocket={home / 's3.sock'}",  # in /tmp by default, and left there
        f"-filer.localSocket={home / 'filer.sock'}",
        "-master.telemetry=false",  # on by default: reports to the maker's server
        "-master.volumeSizeLimitMB=256",
        "-volume.max=200",
        "-master.peers=none",  # a single master without an election, which takes up to 5 s
    ]


def _ready(server: SeaweedFS, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the gateway takes a write: it answers lists before the volume server has registered."""
    client, deadline, pause = server.client(), time.monotonic() + START_SECONDS, threading.Event()
    bucket_made = False
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if not bucket_made:
                client.create_bucket(Bucket="is-it-ready")
                bucket_made = True
            client.put_object(Bucket="is-it-ready", Key="object", Body=b"?")
            client.delete_object(Bucket="is-it-ready", Key="object")
            client.delete_bucket(Bucket="is-it-ready")
            return True
        except (BotoCoreError, ClientError):
            pause.wait(0.05)
    return False


def _stop(process: "subprocess.Popen[bytes]", ports: list[int]) -> None:
    process.kill()  # on SIGTERM it takes more than 10 s to go, whatever its options say
    process.wait()
    for port in ports:
        for socket_file in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):  # noqa: S108  (its choice, not ours)
            socket_file.unlink()
