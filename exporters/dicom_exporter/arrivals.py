"""The instances that a retrieval brings: counted, and kept only where they are to be compared."""

from dataclasses import dataclass, field
from time import perf_counter

from exporters.dimse.command import Command, CommandField
from exporters.dimse.message import Message


class _Pieces:
    """Takes a data set as it comes; holds at most `keep` bytes of it."""

    def __init__(self, keep: int) -> None:
        self._keep, self.kept = keep, bytearray()

    def write(self, data: memoryview, /) -> None:
        self.kept += data[: max(0, self._keep - len(self.kept))]


@dataclass
class Arrivals:
    """`keep` is how many bytes of each data set are kept, 0: none of them; only the last one is."""

    keep: int = 0
    count: int = 0
    first_at: float | None = None
    """By `perf_counter`."""
    last: bytearray = field(default_factory=bytearray, repr=False)
    last_transfer_syntax: str = ""

    def sink(self, _context_id: int, command: Command) -> _Pieces | None:
        """For the data set that begins (an `OpenSink`)."""
        return _Pieces(self.keep) if command.command_field == CommandField.C_STORE_RQ else None

    def take(self, message: Message, transfer_syntax: str) -> None:
        """An instance has come whole."""
        if self.first_at is None:
            self.first_at = perf_counter()
        self.count += 1
        if isinstance(message.sink, _Pieces):
            self.last, self.last_transfer_syntax = message.sink.kept, transfer_syntax
