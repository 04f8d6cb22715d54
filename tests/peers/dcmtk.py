"""dcmtk's tools: storescp to store to, echoscu and storescu to be asked by."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.seaweedfs import free_ports

START_SECONDS = 30.0  # 0.05 s alone; the machine may be shared by other builds

BIN = Path("/usr/bin")
"""Debian's. The virtual environment, first on PATH under `make`, has pynetdicom's tools of the same names."""

# Without it every answer waits 44 ms for the peer's delayed acknowledgement.
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


@dataclass(frozen=True)
class StoreScp:
    """Where it listens on the loopback, and the folder of what it has received (one file per instance)."""

    port: int
    received: Path
    ae_title: str = "STORESCP"

    def files(self) -> list[Path]:
        """What it has received until now."""
        return sorted(self.received.iterdir())


@contextmanager
def storescp(options: Sequence[str] = (), *, no_delay: bool = True) -> Iterator[StoreScp]:
    """Run one storescp with these further options; afterwards nothing of it is left. Without `no_delay` it stalls.

    Raises:
        RuntimeError: it ended or did not listen in time; its log is in the message.

    Call it from a thread that lives as long as the server (see `seaweedfs`).
    """
    home = Path(tempfile.mkdtemp(prefix="storescp-"))
    (home / "received").mkdir()
    try:
        for attempts_left in (2, 1, 0):  # a free port can be taken by somebody else between our look and the start
            server = StoreScp(free_ports(1)[0], home / "received")
            command = [
                str(BIN / "storescp"),
                "-aet",
                server.ae_title,
                "-od",
                str(server.received),
                *options,
                str(server.port),
            ]
            with (home / "log").open("wb") as log:
                process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", *command],
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    env=ENVIRONMENT | {"TCP_NODELAY": str(int(no_delay))},
                )
            try:
                if _listens(server.port, process):
                    yield server
                    return
                said = (home / "log").read_text(errors="replace")
                if "in use" not in said or not attempts_left:
                    raise RuntimeError(f"storescp did not start (exit code {process.poll()}):\n{said[-4000:]}")
            finally:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(home)


def run_scu(tool: str, *arguments: str, timeout: float = 60.0) -> "subprocess.CompletedProcess[str]":
    """Run echoscu or storescu to its end; whether it went well is the caller's to judge."""
    return subprocess.run(
        [str(BIN / tool), *arguments], capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT, check=False
    )


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the process listens: looked up in the kernel, since a knock would be an association that fails."""
    deadline, pause, listening = time.monotonic() + START_SECONDS, threading.Event(), f":{port:04X} 00000000:0000 0A"
    while process.poll() is None and time.monotonic() < deadline:
        if listening in Path("/proc/net/tcp").read_text():
            return True
        pause.wait(0.01)
    return False
