"""Wireshark's DICOM dissector: an observer that shares no code with ours."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CAPTURING = b"Capturing on"
SETTLE_SECONDS = 0.5  # dumpcap writes what the kernel holds for it


@dataclass(frozen=True)
class Message:
    """A DIMSE command that the dissector saw begin, at so many seconds after 1970."""

    at: float
    name: str
    """As the dissector writes it: C-STORE-RQ, C-FIND-RSP."""
    to_port: int


def capture(port: int, file: Path, during: Callable[[], None]) -> None:
    """Captures what passes that port of the loopback into a file."""
    command = ["dumpcap", "-i", "lo", "-f", f"tcp port {port}", "-B", "256", "-w", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith(b"File:"):
                    break
            during()
            time.sleep(SETTLE_SECONDS)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def messages(file: Path, port: int) -> list[Message]:
    """The commands of a capture in the order of time. A PDU that needs several frames counts from its first."""
    fields = ["frame.number", "frame.time_epoch", "tcp.dstport", "tcp.segment", "dicom.pdv.len", "_ws.col.Info"]
    shown = [part for field in fields for part in ("-e", field)]
    options = ["-d", f"tcp.port=={port},dicom", "-o", "tcp.no_subdissector_on_error:FALSE", "-n"]
    done = subprocess.run(
        ["tshark", "-r", str(file), *options, "-T", "fields", *shown], capture_output=True, text=True, check=True
    )
    frames = [line.split("\t") for line in done.stdout.splitlines()]
    at = {frame[0]: float(frame[1]) for frame in frames}
    found = []
    for number, _, to_port, segments, _, info in frames:
        first = segments.split(",")[0] or number
        for part in info.replace(",", " ").split():
            if part.startswith(("C-", "N-")) and part.endswith(("-RQ", "-RSP")):
                found.append(Message(at.get(first, at[number]), part, int(to_port)))
    return found
