"""The ledger: what an archive has acknowledged, on disk before the association's next request.

Append-only JSON lines. An instance is announced before it is sent (not synchronised: it survives the generator's death,
which is what it is for) and concluded when its answer is there (synchronised before `conclude` returns). Announced
without a conclusion means `unknown`: the archive may have it. Only what the archive itself refused is `refused`.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from loadtests.profiles.instance import Instance

VERSION = 1


class LedgerError(Exception):
    """The ledger can't be read or written; the message says where and why."""


class State(StrEnum):
    """What is known about an instance that was sent."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True, frozen=True)
class Conclusion:
    """How the sending of one instance ended. `status` is a DIMSE status or an HTTP status with its reason, as words."""

    sop_instance_uid: str
    state: State
    status: str
    seconds: float


@dataclass(slots=True, frozen=True)
class Entry:
    """All that the ledger says about one instance."""

    operation: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    pixel_sha256: str
    size: int
    state: State
    status: str


def _directly(call: Callable[[int], None], argument: int) -> None:
    call(argument)


class Ledger:
    """Writes a new ledger; users of any number of threads or greenlets share it, and share the waiting for the disk.

    Args:
        path: the file to make.
        header: what the first line says about the campaign; never a secret.
        blocking: how to make the call that waits for the disk (1.6 ms); under gevent it belongs into a real thread.

    Raises:
        LedgerError: the file exists or can't be made.
    """

    def __init__(
        self, path: Path, header: dict[str, Any], blocking: Callable[[Callable[[int], None], int], object] = _directly
    ) -> None:
        self.path = path
        self._blocking = blocking
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise LedgerError(f"{path} exists: a ledger is never written over; name another folder") from None
        except OSError as error:
            raise LedgerError(f"{path} can't be made: {error.strerror}") from None
        self._write_lock, self._sync_lock = threading.Lock(), threading.Lock()
        self._written = self._synced = 0
        self._broken: str | None = None
        self._durable([{"ledger": VERSION, **header}])
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the file's name must survive too
        finally:
            os.close(folder)

    def announce(self, operation: str, instances: Iterable[Instance]) -> None:
        """Say that these are about to be sent in one request.

        Raises:
            LedgerError: it can't be written; nothing may be sent then.
        """
        moment = _now()
        self._append(
            {
                "time": moment,
                "state": "sending",
                "operation": operation,
                "study": one.study_uid,
                "series": one.series_uid,
                "uid": one.sop_instance_uid,
                "pixel_sha256": one.pixel_sha256,
                "bytes": one.size,
            }
            for one in instances
        )

    def conclude(self, conclusions: Iterable[Conclusion]) -> None:
        """Say how it ended. When this returns it is on the disk.

        Raises:
            LedgerError: it can't be written; nothing more may be sent then.
        """
        moment = _now()
        self._durable(
            {
                "time": moment,
                "state": one.state,
                "uid": one.sop_instance_uid,
                "status": one.status,
                "seconds": round(one.seconds, 6),
            }
            for one in conclusions
        )

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, records: Iterable[dict[str, Any]]) -> int:
        lines = b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)
        with self._write_lock:
            if self._broken:
                raise LedgerError(self._broken)
            try:
                while lines:
                    lines = lines[os.write(self._file, lines) :]
            except OSError as error:
                self._broken = f"{self.path} can't be written: {error.strerror}"
                raise LedgerError(self._broken) from None
            self._written += 1
            return self._written

    def _durable(self, records: Iterable[dict[str, Any]]) -> None:
        mine = self._append(records)
        with self._sync_lock:
            if self._synced >= mine:
                return  # somebody else's waiting has covered it
            covered = self._written
            try:
                self._blocking(os.fdatasync, self._file)
            except OSError as error:
                # What a failed fsync has thrown away can't be known: never try again and believe it.
                self._broken = f"{self.path} can't be synchronised: {error.strerror}"
                raise LedgerError(self._broken) from None
            self._synced = covered


def read(*paths: Path) -> tuple[dict[str, Any], list[Entry]]:
    """Header and instances of ledgers, in the order in which they were first sent. Torn last lines are passed over.

    What several workers have written is one ledger: an instance that two of them sent is acknowledged if one of them
    was told so, and refused only if none of them was left in doubt.

    Args:
        paths: ledgers, or folders whose `ledger*.jsonl` are meant; the header is that of the first.

    Raises:
        LedgerError: one can't be read, or is no ledger, or is of another run; the message names the line.
    """
    header: dict[str, Any] = {}
    entries: dict[str, Entry] = {}
    for file in _files(paths):
        known: dict[str, Entry] = {}
        said = _read_file(file, known)
        if header and said.get("run") != header.get("run"):
            raise LedgerError(f"{file}: of run {said.get('run')}, the others are of {header.get('run')}")
        header = header or said
        for uid, entry in known.items():
            before = entries.setdefault(uid, entry)
            if _CERTAINTY[entry.state] > _CERTAINTY[before.state]:
                entries[uid] = entry
    return header, list(entries.values())


_CERTAINTY = {State.REFUSED: 0, State.UNKNOWN: 1, State.ACKNOWLEDGED: 2}


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("ledger*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise LedgerError(f"{path}: the folder holds no ledger (ledger*.jsonl)")
        files += found
    return files


def _read_file(path: Path, entries: dict[str, Entry]) -> dict[str, Any]:
    """Fills `entries`; returns the header."""
    header: dict[str, Any] | None = None
    doubtful: set[str] = set()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break  # torn
                try:
                    record = json.loads(line)
                    if header is None:
                        header = _header(path, record)
                    else:
                        _apply(entries, doubtful, record)
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise LedgerError(f"{path}, line {number}: no record of a ledger: {line[:60]!r}") from None
    except OSError as error:
        raise LedgerError(f"{path} can't be read: {error.strerror}") from None
    if header is None:
        raise LedgerError(f"{path} is no ledger: it has no whole line")
    return header


def _header(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    if record["ledger"] != VERSION:
        raise LedgerError(f"{path}: version {record['ledger']} of the ledger's form; {VERSION} is read here")
    return record


def _apply(entries: dict[str, Entry], doubtful: set[str], record: dict[str, Any]) -> None:
    uid = record["uid"]
    known = entries.get(uid)
    if record["state"] == "sending":
        if known is not None and known.state is State.ACKNOWLEDGED:
            return  # sent again: what was acknowledged once stays so
        if known is not None and known.state is State.UNKNOWN:
            doubtful.add(uid)
        entries[uid] = Entry(
            operation=record["operation"],
            study_uid=record["study"],
            series_uid=record["series"],
            sop_instance_uid=uid,
            pixel_sha256=record["pixel_sha256"],
            size=record["bytes"],
            state=State.UNKNOWN,
            status="no answer",
        )
        return
    if known is None:
        raise KeyError(uid)
    state = State(record["state"])
    if state is State.REFUSED and uid in doubtful:
        state = State.UNKNOWN  # an earlier sending may have arrived
    if known.state is not State.ACKNOWLEDGED:
        entries[uid] = replace(known, state=state, status=record["status"])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
