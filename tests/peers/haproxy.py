"""A real HAProxy with the front door's own configuration, on free ports of the loopback, before a test's server."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.components import haproxy as door
from infra.settings import Writers
from tests.peers.seaweedfs import free_ports
from tests.peers.tls import Certificate, make_certificate

START_SECONDS = 20.0
USER, PASSWORD = "tester", "a-password-of-the-test"


@dataclass(frozen=True)
class HAProxy:
    """Where HTTPS is served, whom to trust for it, and what has been logged."""

    port: int
    certificate: Certificate
    log_file: Path

    def log(self) -> str:
        """Its log until now."""
        return self.log_file.read_text()


@contextmanager
def haproxy(folder: Path, upstream: int, log: str) -> Iterator[HAProxy]:
    """Run it before what listens on port `upstream`; `log` is where its lines go besides its standard output.

    Health checks are left out, since the server need not speak DICOM; ports and the certificate are the test's.
    """
    ports = dict(
        zip((door.DICOM, door.DICOM_TLS, door.HTTPS, door.METRICS), free_ports(4), strict=True),
    )
    certificate = make_certificate(folder)
    (folder / "tls.pem").write_bytes(certificate.certificate.read_bytes() + certificate.key.read_bytes())
    text = door.configuration(
        ["127.0.0.1"],
        writers=Writers.ONE,
        calling="BALANCER",
        called="ARCHIVE",
        dicom_port=upstream,
        http_port=upstream,
        test_deletion=True,
        log=log,
    )
    text = re.sub(r"bind :(\d+)", lambda found: f"bind 127.0.0.1:{ports[int(found[1])]}", text)
    text = re.sub(r" (check inter .* rise 2|track \S+)", "", text).replace(door.CERTIFICATE, str(folder / "tls.pem"))
    (folder / "haproxy.cfg").write_text(text)
    (folder / "users.cfg").write_text(door.users(USER, PASSWORD))
    log_file = folder / "haproxy.log"
    command = ["haproxy", "-db", "-f", str(folder / "users.cfg"), "-f", str(folder / "haproxy.cfg")]
    with log_file.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        served = HAProxy(ports[door.HTTPS], certificate, log_file)
        try:
            _wait(process, ports[door.METRICS], log_file)
            yield served
        finally:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int, log_file: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"haproxy does not serve:\n{log_file.read_text()}")
