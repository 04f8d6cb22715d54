"""Copies of the files that the workers append to, in the conductor's folder."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from loadtests.raw import RawStream
from loadtests.transactions import Transaction

NAMES = re.compile(r"ledger-\d+\.jsonl|transactions-\d+\.csv\.zst")


class Copies:
    """Writes what comes; what comes of raw data is counted too.

    Args:
        folder: where they are made; a name that is there is never written over.
        count: takes the transactions that have come.
    """

    def __init__(self, folder: Path, count: Callable[[list[Transaction]], None]) -> None:
        self._folder, self._count = folder, count
        self._files: dict[str, BinaryIO] = {}
        self._streams: dict[str, RawStream] = {}

    def append(self, name: str, offset: int, piece: bytes) -> None:
        """Append a piece that lies at this offset of the worker's file.

        Raises:
            OSError: it can't be written, or a piece before it is missing.
            RawError: it is no raw data.
        """
        if not NAMES.fullmatch(name):
            raise OSError(f"{name!r} is no name of a worker's file")
        if name not in self._files:
            self._files[name] = (self._folder / name).open("xb", buffering=0)
            if name.startswith("transactions-"):
                self._streams[name] = RawStream()
        file = self._files[name]
        if file.tell() != offset:
            raise OSError(f"a piece at {offset} came behind {file.tell()} bytes: one before it was lost")
        file.write(piece)
        if name in self._streams:
            self._count(self._streams[name].feed(piece))

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
