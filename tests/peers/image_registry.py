"""Debian's docker-registry on a free loopback port, by TLS with an authority of its own, with a login on request."""

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

from tests.peers.tls import make_certificate

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
    made = make_certificate(folder)
    configuration = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "tls": {"certificate": str(made.certificate), "key": str(made.key)}},
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
        yield ImageRegistry(host, made.certificate, log)
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
