"""Raw data: every transaction of a campaign, append-only, so that it can be analysed again, merged and compared later.

CSV in zstd frames, each complete in itself (`zstd -dc FILE` reads all of them): whoever dies loses the last second, and
what was appended can be copied while the campaign runs. The first line is a comment with the header as JSON, the second
names the columns.
"""

import csv
import io
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from loadtests.analysis.columns import Columns, Labels
from loadtests.transactions import Outcome, Transaction

VERSION = 1
FLUSH_SECONDS = 1.0
FLUSH_ROWS = 8192
FIELDS = ("stream", "operation", "intended", "started", "end", "instances", "size", "outcome", "error", "status")
_LEVEL = 3


class RawError(ValueError):
    """Raw data can't be written or read; the message says where and why."""


class RawWriter:
    """Writes a new file; for any number of threads or greenlets. What is added is on its way within a second.

    Args:
        path: the file to make, `transactions-WORKER.csv.zst` in a campaign's folder.
        header: what is said about the whole; `worker` (words) and `started` (ISO 8601 with zone, when second 0 was) are
            read again. No secret.

    Raises:
        RawError: it exists or can't be made.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise RawError(f"{path} exists: raw data are never written over; name another folder") from None
        except OSError as error:
            raise RawError(f"{path} can't be made: {error.strerror}") from None
        self._lock = threading.Lock()
        self._text = io.StringIO()
        self._text.write(f"#{json.dumps({'transactions': VERSION, **header})}\n")
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow(FIELDS)
        self._pending = 1
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._closed = threading.Event()
        self.flush()
        self._flusher = threading.Thread(target=self._flush_regularly, name="raw data", daemon=True)
        self._flusher.start()

    def add(self, one: Transaction) -> None:
        """Note it.

        Raises:
            RawError: it can't be written.
        """
        with self._lock:
            self._rows.writerow(
                (
                    _one_line(one.stream),
                    _one_line(one.operation),
                    f"{one.intended:.6f}",
                    f"{one.started:.6f}",
                    f"{one.end:.6f}",
                    one.instances,
                    one.size,
                    one.outcome,
                    _one_line(one.error),
                    _one_line(one.status),
                )
            )
            self._pending += 1
        if self._pending >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Append what is pending, as a frame of its own.

        Raises:
            RawError: it can't be written.
        """
        with self._lock:
            if not self._pending:
                return
            frame = self._compressor.compress(self._text.getvalue().encode())
            self._text.seek(0)
            self._text.truncate()
            self._pending = 0
            try:
                while frame:
                    frame = frame[os.write(self._file, frame) :]
            except OSError as error:
                raise RawError(f"{self.path} can't be written: {error.strerror}") from None

    def close(self) -> None:
        """Append the rest and close the file."""
        if not self._closed.is_set():
            self._closed.set()
            self._flusher.join()
            self.flush()
            os.close(self._file)

    def __enter__(self) -> "RawWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _flush_regularly(self) -> None:
        due = time.monotonic() + FLUSH_SECONDS
        while not self._closed.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + FLUSH_SECONDS
            self.flush()


class RawStream:
    """Reads raw data that come in pieces cut anywhere, as a master gets them from its workers."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor()
        self._frame = self._decompressor.decompressobj()
        self._line = b""
        self.header: dict[str, Any] = {}

    def feed(self, piece: bytes) -> list[Transaction]:
        """The transactions that this piece completes.

        Raises:
            RawError: it is no raw data.
        """
        text = self._line
        try:
            while piece:
                text += self._frame.decompress(piece)
                piece = self._frame.unused_data
                if self._frame.eof:
                    self._frame = self._decompressor.decompressobj()
        except zstandard.ZstdError as error:
            raise RawError(f"no raw data: {error}") from None
        *whole, self._line = text.split(b"\n")
        lines = [line.decode() for line in whole]
        if lines and not self.header:
            self.header, lines = _header(lines[0]), lines[2:]
        worker = str(self.header.get("worker", ""))
        try:
            return [_transaction(row, worker) for row in csv.reader(lines)]
        except (ValueError, csv.Error) as error:
            raise RawError(f"no transaction: {error}") from None


def _one_line(words: str) -> str:
    """A row is a line, whatever a peer has said."""
    return " ".join(words.splitlines()) if "\n" in words or "\r" in words else words


def _transaction(row: list[str], worker: str) -> Transaction:
    stream, operation, intended, started, end, instances, size, outcome, error, status = row
    times = float(intended), float(started), float(end)
    counts = int(instances), int(size)
    return Transaction(stream, operation, *times, *counts, Outcome(outcome), error, status, worker)


def header(path: Path) -> dict[str, Any]:
    """What the file says about itself.

    Raises:
        RawError: it can't be read or is no raw data.
    """
    with _text(path) as lines:
        return _checked_header(path, lines)


def read(paths: Iterable[Path]) -> Columns:
    """All transactions of these files, in the order of their ends. A torn last frame counts as far as it goes.

    Files that began at different moments (their headers' `started`) are put on the earliest one's clock.

    Raises:
        RawError: one can't be read; the message names file and line.
    """
    parts: list[tuple[Columns, datetime | None]] = [_read(path) for path in paths]
    first = min((began for _, began in parts if began), default=None)
    return Columns.joined(
        [part.later((began - first).total_seconds()) if began and first else part for part, began in parts]
    )


def _read(path: Path) -> tuple[Columns, datetime | None]:
    numbers: list[list[float]] = [[] for _ in range(5)]
    words: list[list[int]] = [[] for _ in range(5)]
    seen: list[dict[str, int]] = [{} for _ in range(5)]
    with _text(path) as lines:
        found = _checked_header(path, lines)
        line = 2
        try:
            for row in csv.reader(_whole(lines)):
                line += 1
                stream, operation, intended, started, end, instances, size, outcome, error, status = row
                for column, value in zip(numbers, (intended, started, end, instances, size), strict=True):
                    column.append(float(value))
                for column_, known, word in zip(words, seen, (stream, operation, outcome, error, status), strict=True):
                    column_.append(known.setdefault(word, len(known)))
        except (ValueError, csv.Error):
            raise RawError(f"{path}, line {line}: no transaction") from None
        except zstandard.ZstdError as error:
            raise RawError(f"{path}, after line {line}: damaged: {error}") from None
    labels = [Labels(np.array(codes, np.int32), tuple(known)) for codes, known in zip(words, seen, strict=True)]
    intended_, started_, end_, instances_, size_ = (np.array(column) for column in numbers)
    rows = Columns(
        stream=labels[0],
        operation=labels[1],
        intended=intended_,
        started=started_,
        end=end_,
        instances=instances_.astype(np.int64),
        size=size_.astype(np.int64),
        outcome=labels[2],
        error=labels[3],
        status=labels[4],
        worker=Labels(np.zeros(len(end_), np.int32), (str(found.get("worker", "")),)),
    )
    return rows, datetime.fromisoformat(found["started"]) if found.get("started") else None


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """All lines but a torn last one."""
    for line in lines:
        if line.endswith("\n"):
            yield line


def _text(path: Path) -> io.TextIOWrapper:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise RawError(f"{path} can't be read: {error.strerror}") from None
    reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=True)
    return io.TextIOWrapper(reader, encoding="utf-8", errors="replace", newline="")


def _checked_header(path: Path, lines: io.TextIOWrapper) -> dict[str, Any]:
    try:
        found = _header(lines.readline())
    except (RawError, zstandard.ZstdError) as error:
        raise RawError(f"{path}: {error}") from None
    names = lines.readline().rstrip("\n").split(",")
    if names != list(FIELDS):
        raise RawError(f"{path}, line 2: the columns are {', '.join(names)}; {', '.join(FIELDS)} are read here")
    return found


def _header(line: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line.removeprefix("#"))
        version = found["transactions"]
    except (ValueError, KeyError, TypeError):
        raise RawError(f"no raw data: it begins with {line[:40]!r}") from None
    if version != VERSION:
        raise RawError(f"version {version} of the raw data's form; {VERSION} is read here")
    return found
