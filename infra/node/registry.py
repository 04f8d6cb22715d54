"""The embedded registry: Debian's docker-registry on the bridge's address, TLS by the node's own authority."""

import contextlib
import http.client
import json
import shutil
import ssl
from pathlib import Path

from infra import paths
from infra.files import write
from infra.node.errors import NodeError
from infra.node.layout import ADDRESS, REGISTRY_PORT, Layout
from infra.node.pki import Pki
from infra.node.processes import Daemon, Daemons

NAME = "registry"
HOST = f"{ADDRESS}:{REGISTRY_PORT}"


def configuration(storage: Path, certificate: Path, key: Path) -> str:
    """Its configuration (JSON is YAML too). Deleting is allowed, so that old images can go."""
    return json.dumps(
        {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
            "http": {"addr": HOST, "tls": {"certificate": str(certificate), "key": str(key)}},
        },
        indent=1,
    )


def answers(ca: Path) -> bool:
    """Whether it answers, with a certificate of our authority."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPSConnection(
            ADDRESS, REGISTRY_PORT, timeout=2, context=ssl.create_default_context(cafile=str(ca))
        )
        with contextlib.closing(connection):
            connection.request("GET", "/v2/")
            return connection.getresponse().status == 200
    return False


def start(layout: Layout, daemons: Daemons, pki: Pki) -> bool:
    """Starts it unless it runs; says whether it did."""
    program = shutil.which("docker-registry")
    if program is None:
        raise NodeError(
            "docker-registry isn't installed: apt-get install docker-registry, or python -m infra.node.tools"
        )
    storage = paths.registry_dir()
    storage.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = layout.root / "registry.json"
    certificate, key = pki.file("registry.crt"), pki.file("registry.key")
    write(file, configuration(storage, certificate, key))
    began = daemons.ensure(Daemon(NAME, [program, "serve", str(file)], [file, certificate, key]))
    daemons.wait(NAME, lambda: answers(pki.ca), 15)
    return began
