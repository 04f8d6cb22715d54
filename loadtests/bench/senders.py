"""Runs the senders of the generator's benchmark, each in processes of its own, and measures them.

TCP_NODELAY is set for every one: dcmtk's take it from the environment, pynetdicom is helped (see `sender`).
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path("/usr/bin")
"""Debian's dcmtk. The virtual environment, first on PATH under `make`, has pynetdicom's tools of the same names."""

ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
_TOOLS = {
    "storescu": ["-R", "-pdu", "131072", "+sd"],
    "dcmsend": ["-nuc", "-pdu", "131072", "+sd"],
}
SENDERS = ("ours", "lean", *_TOOLS, "pynetdicom")


class BenchError(Exception):
    """There is nothing to measure; the message says why."""


@dataclass
class Figure:
    """Sums over rounds: instances beyond the first of each association's start-up, seconds, processor seconds."""

    instances: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    startup_seconds: float = 0.0

    def add(self, other: "Figure") -> None:
        """Another round."""
        self.instances += other.instances
        self.seconds += other.seconds
        self.processor_seconds += other.processor_seconds
        self.startup_seconds += other.startup_seconds

    @property
    def rate(self) -> float | None:
        """Instances/s; None where start-up hides it: too few instances."""
        return self.instances / self.seconds if self.seconds > 0 else None


class Files:
    """A folder of instances, and the same shared among associations (hard links)."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.paths = sorted(folder.iterdir())

    def shared(self, count: int, associations: int) -> list[Path]:
        """A folder for each association, of together `count` instances."""
        name = f"{self.folder.name}-{count}-{associations}"
        folders = [self.folder.parent / f"{name}-{number}" for number in range(associations)]
        if not folders[0].exists():
            for number, folder in enumerate(folders):
                folder.mkdir()
                for at in range(number, count, associations):
                    os.link(self.paths[at % len(self.paths)], folder / f"{at:06d}.dcm")
        return folders


def measure(sender: str, port: int, files: Files, count: int, associations: int, lean: Path | None) -> Figure:
    """Send so many instances over so many associations.

    Raises:
        BenchError: a sender has failed.
    """
    if sender in _TOOLS:
        whole = _tools(sender, port, files.shared(count, associations))
        first = _tools(sender, port, files.shared(associations, associations))
        return Figure(
            count - associations,
            whole.seconds - first.seconds,
            max(0.0, whole.processor_seconds - first.processor_seconds),
            first.seconds,
        )
    if sender == "pynetdicom":  # a process for each association, as with dcmtk's: in threads it would have one core
        folders, per_process = files.shared(count, associations), 1
    else:
        folders, per_process = [files.folder], associations
    return _engines(sender, port, folders, count // len(folders), per_process, lean)


def _engines(
    engine: str, port: int, folders: Sequence[Path], count: int, associations: int, lean: Path | None
) -> Figure:
    """One process for each folder; they begin at once, when all have read theirs."""
    command = [sys.executable, "-m", "loadtests.bench.sender", engine, str(port)]
    options = ["--count", str(count), "--associations", str(associations), *(["--lean", str(lean)] if lean else [])]
    processes = [
        subprocess.Popen(
            [*command, str(folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in folders
    ]
    try:
        for process in processes:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise BenchError(f"{engine} failed: {_last_words(process.communicate()[1])}")
        for process in processes:
            if process.stdin is not None:
                process.stdin.write("\n")
                process.stdin.flush()
        ended = [process.communicate() for process in processes]
    finally:
        _end(processes)
    for process, (_, errors) in zip(processes, ended, strict=True):
        if process.returncode:
            raise BenchError(f"{engine} failed: {_last_words(errors)}")
    said = [json.loads(words) for words, _ in ended]
    return Figure(
        sum(one["instances"] for one in said),
        max(one["ended"] for one in said) - min(one["begun"] for one in said),
        sum(one["processor_seconds"] for one in said),
    )


def _tools(tool: str, port: int, folders: Sequence[Path]) -> Figure:
    """One process for each folder, all at once."""
    used, begun = _processor_seconds(), time.perf_counter()
    processes = [
        subprocess.Popen(
            [str(BIN / tool), *_TOOLS[tool], "-aec", "ANY-SCP", "127.0.0.1", str(port), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for folder in folders
    ]
    try:
        said = [process.communicate()[1] for process in processes]
    finally:
        _end(processes)
    seconds = time.perf_counter() - begun
    for process, errors in zip(processes, said, strict=True):
        if process.returncode:
            raise BenchError(f"{tool} ended with exit code {process.returncode}: {_last_words(errors)}")
    return Figure(0, seconds, _processor_seconds() - used)


def _end(processes: "Sequence[subprocess.Popen[str]]") -> None:
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _last_words(errors: str) -> str:
    return (errors.strip().splitlines() or ["without a word"])[-1]


def _processor_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
