"""Builds the storage area with a sanitizer and drives it through a small stand-in for Orthanc (driver.cpp)."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[3]
DICOM = 1  # OrthancPluginContentType_Dicom

SUCCESS = 0
CANNOT_WRITE_FILE = 14
UNKNOWN_RESOURCE = 17
STORAGE_AREA_PLUGIN = 32

Sanitizer = Literal["address,undefined", "thread", ""]


def build(sanitizer: Sanitizer) -> Path:
    """The folder with `driver` and the plug-in, made by the archive's own Makefile where its sources have changed."""
    folder = ROOT / "build" / "archive" / (sanitizer.replace(",", "-") or "release")
    make = ["nice", "make", "-C", str(ROOT / "infra" / "archive"), "-j2", f"BUILD={folder}", f"SANITIZE={sanitizer}"]
    made = subprocess.run(
        [*make, f"{folder}/libVnaopsS3Storage.so", f"{folder}/driver"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr[:4000]
    return folder


@dataclass
class Plugin:
    """The loaded plug-in. Each method is one call of Orthanc's; what the plug-in logged meanwhile is in `log`."""

    process: "subprocess.Popen[str]"
    folder: Path
    log: list[str] = field(default_factory=list)

    def _ask(self, *words: object) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: what it said on standard error tells why
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise AssertionError(f"the driver ended:\n{(self.folder / 'stderr').read_text(errors='replace')}")
        answer: dict[str, Any] = json.loads(line)
        self.log += answer["log"]
        return answer

    def put(self, name: str, data: bytes, content_type: int = DICOM) -> int:
        """Store; Orthanc's error code, 0 for success."""
        (self.folder / "sent").write_bytes(data)
        return int(self._ask("put", name, content_type, self.folder / "sent")["code"])

    def get(self, name: str, content_type: int = DICOM) -> bytes | int:
        """Read the whole object: its bytes, or Orthanc's error code."""
        code = int(self._ask("get", name, content_type, self.folder / "got")["code"])
        return code or (self.folder / "got").read_bytes()

    def get_range(self, name: str, start: int, length: int, content_type: int = DICOM) -> bytes | int:
        """Read a part: its bytes, or Orthanc's error code."""
        code = int(self._ask("range", name, content_type, start, length, self.folder / "got")["code"])
        return code or (self.folder / "got").read_bytes()

    def remove(self, name: str, content_type: int = DICOM) -> int:
        """Remove; Orthanc's error code."""
        return int(self._ask("remove", name, content_type)["code"])

    def route(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        """Status, body and content type of a REST route."""
        answer = self._ask("route", method, path)
        assert answer["code"] == SUCCESS
        return answer["status"], answer["body"], answer["type"]

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Status and content of /ready."""
        status, body, content_type = self.route("/ready")
        assert content_type == "application/json"
        return status, json.loads(body)

    def metrics(self) -> dict[str, float]:
        """The series of /metrics/s3, by their full name."""
        _, body, _ = self.route("/metrics/s3")
        lines = (line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
        return {series.removeprefix("vnaops_s3_storage_"): float(value) for series, value in lines}

    def index(self, state: Literal["ok", "fail", "hang"]) -> None:
        """How Orthanc answers from now on when it is asked for its index."""
        self._ask("index", state)

    def started(self) -> None:
        """Tell it that Orthanc has started: the readiness checks begin."""
        self._ask("started")

    def stopped(self) -> None:
        """Tell it that Orthanc is stopping."""
        self._ask("stopped")

    def together(self, threads: int, rounds: int, size: int) -> int:
        """So many threads store, read, read a part and remove; how many of these went wrong."""
        return int(self._ask("together", threads, rounds, size)["wrong"])


@contextmanager
def loaded(built: Path, folder: Path, configuration: Mapping[str, Any]) -> Iterator[Plugin]:
    """Load the plug-in with this configuration of Orthanc; at the end its sanitizer must have found nothing.

    Raises:
        AssertionError: the plug-in refuses the configuration (words in the message), or a sanitizer has a finding.
    """
    settings = folder / f"orthanc-{uuid.uuid4().hex}.json"
    settings.write_text(json.dumps(configuration))
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            # Without address randomisation: gcc 12's thread sanitizer can't place its shadow in every layout.
            ["setarch", "-R", "setpriv", "--pdeathsig", "KILL", "--", str(built / "driver"),
             str(built / "libVnaopsS3Storage.so"), str(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
        )  # fmt: skip
    plugin = Plugin(process, folder)
    try:
        assert plugin._answer()["code"] == SUCCESS, plugin.log[-1]
        yield plugin
    finally:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, (folder / "stderr").read_text(errors="replace")


def new_name() -> str:
    """A name as Orthanc gives its attachments."""
    return str(uuid.uuid4())
