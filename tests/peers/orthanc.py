"""A plain Orthanc (SQLite, files in a folder of its own) on free ports: the DICOM archive to store to and query."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.seaweedfs import free_ports

START_SECONDS = 60.0  # 0.5 s alone; the machine may be shared by other builds
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Orthanc:
    """Where it listens on the loopback. It takes any calling AE title and stores whatever it is sent."""

    ae_title: str
    dicom_port: int
    http_port: int
    log_file: Path

    @property
    def url(self) -> str:
        """The REST API's address, without a trailing slash and without a password."""
        return f"http://127.0.0.1:{self.http_port}"

    def get(self, path: str, timeout: float = 30.0) -> Any:
        """The JSON answer to GET `path` ("/instances").

        Raises:
            urllib.error.HTTPError: the status is not 2xx.
        """
        with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:  # noqa: S310  (http by construction)
            return json.load(answer)

    def log(self) -> str:
        """What it has logged until now."""
        return self.log_file.read_text(errors="replace")


@contextmanager
def orthanc(
    configuration: Mapping[str, Any] | None = None,
    *,
    ae_title: str = "ORTHANC",
    plugins: Sequence[Path] = (),
    modalities: Mapping[str, tuple[str, str, int]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Orthanc]:
    """Run one Orthanc with an empty index; afterwards nothing of it is left.

    Args:
        configuration: settings over the defaults here (Orthanc's own names).
        ae_title: its AE title.
        plugins: shared libraries to load; Orthanc's folder of installed plug-ins is not looked at.
        modalities: name -> (AE title, host, port), where C-MOVE may send to.
        environment: further environment variables of the process.

    Raises:
        RuntimeError: it ended or was not ready in time; its log is in the message.

    Call it from a thread that lives as long as the server (see `seaweedfs`).
    """
    home = Path(tempfile.mkdtemp(prefix="orthanc-"))
    try:
        for attempts_left in (2, 1, 0):  # a free port can be taken by somebody else between our look and the start
            dicom_port, http_port = free_ports(2)
            server = Orthanc(ae_title, dicom_port, http_port, home / "log")
            settings: dict[str, Any] = {
                "Name": ae_title,
                "DicomAet": ae_title,
                "DicomPort": dicom_port,
                "HttpPort": http_port,
                "StorageDirectory": str(home / "storage"),
                "IndexDirectory": str(home / "index"),
                "Plugins": [str(plugin) for plugin in plugins],
                "DicomModalities": modalities or {},
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomCheckCalledAet": False,
                "DicomCheckModalityHost": False,
                "DicomAlwaysAllowEcho": True,
                "DicomAlwaysAllowStore": True,
                "DicomAlwaysAllowFind": True,
                "DicomAlwaysAllowGet": True,
                "DicomAlwaysAllowMove": True,
                "UnknownSopClassAccepted": True,
                "StableAge": 1,
                **(configuration or {}),
            }
            (home / "orthanc.json").write_text(json.dumps(settings))
            with server.log_file.open("wb") as log:
                process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", "Orthanc", str(home / "orthanc.json")],
                    cwd=home,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    # Without TCP_NODELAY every answer waits 44 ms for the peer's delayed acknowledgement.
                    env={**os.environ, "TMPDIR": str(home), "TCP_NODELAY": "1", **(environment or {})},
                )
            try:
                if _ready(server, process):
                    yield server
                    return
                if "port" not in server.log() or not attempts_left:
                    raise RuntimeError(f"Orthanc did not start (exit code {process.poll()}):\n{server.log()[-4000:]}")
            finally:
                _stop(process)
    finally:
        shutil.rmtree(home)


def _ready(server: Orthanc, process: "subprocess.Popen[bytes]") -> bool:
    """Whether it answers: the HTTP server starts last, after the index and the DICOM server."""
    deadline, pause = time.monotonic() + START_SECONDS, threading.Event()
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.get("/system", timeout=2)
            return True
        except (urllib.error.URLError, OSError):
            pause.wait(0.05)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
