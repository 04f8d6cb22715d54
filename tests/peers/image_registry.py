"""Debian's docker-registry on a free loopback port, by TLS with an authority of its own, with a login on request."""

import datetime
import ipaddress
import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

START_SECONDS = 30.0
USER, PASSWORD = "site", "wrong-horse"
_BCRYPT = "$2b$05$abcdefghijklmnopqrstuuyCnsAYO9pnqNJ9eTqcIXf3IimeqaH.e"
"""Of PASSWORD: the only form that docker-registry reads, and nothing in Python's library makes it."""


@dataclass(frozen=True)
class ImageRegistry:
    """Where it listens (`HOST:PORT`), the certificate to trust, and its log."""

    host: str
    ca: Path
    log: Path


@contextmanager
def image_registry(folder: Path, *, login: bool = False) -> Iterator[ImageRegistry]:
    """A registry that keeps everything in `folder` and is ended on leaving. With `login` it wants USER and PASSWORD."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = _certificate(folder)
    configuration = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "tls": {"certificate": str(certificate), "key": str(key)}},
    }
    if login:
        (folder / "htpasswd").write_text(f"{USER}:{_BCRYPT}\n")
        configuration["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "registry.json").write_text(json.dumps(configuration))
    log = folder / "registry.log"
    command = ["docker-registry", "serve", str(folder / "registry.json")]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, log, address))
    reader.start()
    try:
        host = address.get(timeout=START_SECONDS)
        assert host, f"docker-registry didn't start: {log.read_text()}"
        yield ImageRegistry(host, certificate, log)
    finally:
        process.terminate()
        process.wait()
        reader.join()


def _read(output: IO[str], log: Path, address: "queue.Queue[str]") -> None:
    """Copies the output into the log; puts the address that it names into the queue, or "" if it ends without one."""
    with output, log.open("w") as written:
        for line in output:
            written.write(line)
            written.flush()
            if match := re.search(r"listening on (127\.0\.0\.1:\d+)", line):
                address.put(match[1])
    address.put("")


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test registry")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "registry.crt", folder / "registry.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file
