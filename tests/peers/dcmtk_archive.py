"""dcmtk's archive (dcmqrscp) and its worklist (wlmscpfs), each on a free port of the loopback."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.peers.dcmtk import BIN, ENVIRONMENT, START_SECONDS
from tests.peers.seaweedfs import free_ports

AE_TITLE = "DCMTK"
_WORKLIST = "1.2.840.10008.5.1.4.31"


@contextmanager
def dcmqrscp(destination: tuple[str, int] = ("NOBODY", 104)) -> Iterator[int]:
    """Its port. It takes any calling AE title, and knows one destination of C-MOVE: AE title and port."""
    with tempfile.TemporaryDirectory(prefix="dcmqrscp-") as folder:
        home = Path(folder)
        (home / "archive").mkdir()
        (port,) = free_ports(1)
        title, destination_port = destination
        (home / "config").write_text(
            f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\ndestination = ({title}, 127.0.0.1, {destination_port})\nHostTable END\n"
            "VendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\n{AE_TITLE} {home / 'archive'} RW (200, 1024mb) ANY\nAETable END\n"
        )
        # a process per association, which ends with it: with --single-process it ends after the first one
        with _running(home, port, [str(BIN / "dcmqrscp"), "-c", str(home / "config")]):
            yield port


@contextmanager
def wlmscpfs(steps: Sequence[Dataset]) -> Iterator[int]:
    """Its port; the steps are what is on the worklist."""
    with tempfile.TemporaryDirectory(prefix="wlmscpfs-") as folder:
        home = Path(folder)
        (home / AE_TITLE).mkdir()
        (home / AE_TITLE / "lockfile").touch()
        for number, step in enumerate(steps):
            step.file_meta = FileMetaDataset()
            step.file_meta.MediaStorageSOPClassUID = _WORKLIST
            step.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
            step.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            step.save_as(home / AE_TITLE / f"{number}.wl", enforce_file_format=True)
        (port,) = free_ports(1)
        command = [str(BIN / "wlmscpfs"), "--single-process", "--disable-file-reject", "-dfp", folder, str(port)]
        with _running(home, port, command):
            yield port


@contextmanager
def _running(home: Path, port: int, command: Sequence[str]) -> Iterator[None]:
    """The process; RuntimeError with its log if it does not listen in time."""
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
    try:
        # looked up in the kernel, since a knock would be an association that fails
        deadline, pause, listening = (
            time.monotonic() + START_SECONDS,
            threading.Event(),
            f":{port:04X} 00000000:0000 0A",
        )
        while listening not in Path("/proc/net/tcp").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{(home / 'log').read_text(errors='replace')[-4000:]}")
            pause.wait(0.01)
        yield
    finally:
        process.kill()
        process.wait()
