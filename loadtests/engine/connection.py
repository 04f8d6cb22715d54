"""The blocking connection under an association: deadlines, buffers out without a copy, events in."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from exporters.dimse.association import Association, Event
from exporters.dimse.errors import ProtocolError
from exporters.dimse.pdu import Abort, AssociateReject
from exporters.dimse.stream import Buffer
from loadtests.engine.errors import (
    AbortedError,
    CutError,
    LostError,
    NonsenseError,
    RejectedError,
    TimedOutError,
)
from loadtests.engine.wire import wire

_RECEIVE = 1 << 18  # a P-DATA-TF of 128 KB and the next one's beginning; smaller costs calls when retrieving
_RECEIVE_FIRST = 1 << 12  # answers to C-STORE need no more: 1,000 associations take 280 MB less
IOV_MAX = 1024  # Linux's
_FEW = 1024  # bytes that answers to C-STORE don't pass


class Connection:
    """Drives a codec's association over a connected socket. Every call ends by its deadline, or a tenth later."""

    def __init__(self, association: Association, connection: socket.socket) -> None:
        self.association = association
        self._wire = wire(connection)
        self._operation, self._seconds, self._deadline = "", 0.0, 0.0
        self._longest_wait = 0.0
        self._received = memoryview(bytearray(_RECEIVE_FIRST))
        self._between_messages = True
        self._count = self._pieces = 0  # bytes of the last piece, and pieces since `begin`

    def begin(self, operation: str, seconds: float) -> float:
        """Start the clock of an operation: all sending and receiving until the next `begin` ends within `seconds`.

        Returns when that was (of the monotonic clock).
        """
        begun = time.monotonic()
        self._operation, self._seconds, self._deadline, self._pieces = operation, seconds, begun + seconds, 0
        if self._longest_wait != seconds:
            self._wait_at_most(seconds)
        return begun

    def send(self, buffers: Iterable[Buffer]) -> None:
        """Send the buffers in their order; a list has at most `IOV_MAX` of them.

        Raises:
            TimedOutError, LostError, AbortedError: the peer doesn't take them; nothing more can be sent.
        """
        try:
            for batch in (buffers,) if isinstance(buffers, list) else _batches(buffers):
                sent = self._wire.send(batch)
                while left := sum(map(len, batch)) - sent:
                    self._look_at_the_clock()
                    batch = _last(batch, left)
                    sent = self._wire.send(batch)
        except (TimeoutError, BlockingIOError):
            raise self._late() from None
        except OSError as error:
            self._raise_abort_before()
            raise LostError(self._operation, f"the connection broke while sending: {error.strerror}") from None

    def receives(self, expected: bytes) -> bool:
        """Wait for bytes: whether just these have come. Otherwise they are kept for `receive`; empty: it doesn't wait.

        Raises:
            ScuError: as `receive`.
        """
        if not expected or not self._between_messages:
            return False
        received = self._receive()
        if received == expected:
            return True
        self.association.feed(received)
        return False

    def receive(self) -> Event:
        """The next event.

        Raises:
            ScuError: there will be none; its subclass says why, and the connection is closed.
        """
        while (event := self._next_event()) is None:
            if self._pieces:
                self._look_at_the_clock()
            self.association.feed(self._receive())
        self._between_messages = self.association.between_messages
        if isinstance(event, Abort):
            self.kill()
            raise AbortedError(self._operation, event)
        if isinstance(event, AssociateReject):
            self.kill()
            raise RejectedError(event)
        return event

    @property
    def received(self) -> bytes:
        """The last event's bytes if they came in one piece, were few, and nothing came with them; else nothing."""
        if self._pieces != 1 or self._count > _FEW or not self._between_messages:
            return b""
        return bytes(self._received[: self._count])

    def abort(self, because: ProtocolError | None = None) -> None:
        """Say A-ABORT if the peer still listens, and close."""
        with suppress(OSError):
            self._wire.wait_at_most(0.001)  # whoever doesn't listen isn't waited for
            self._wire.send([self.association.abort(because)])
        self.kill()

    def kill(self) -> None:
        """Close without a word."""
        self._wire.close()

    def _receive(self) -> memoryview:
        if self._count == _RECEIVE_FIRST:  # filled
            self._received = memoryview(bytearray(_RECEIVE))
        try:
            self._count = self._wire.receive_into(self._received)
        except (TimeoutError, BlockingIOError):
            raise self._late() from None
        except OSError as error:
            raise self._lost(f"the connection broke: {error.strerror}") from None
        if not self._count:
            raise self._lost("the peer closed the connection")
        self._pieces += 1
        return self._received[: self._count]

    def _next_event(self) -> Event | None:
        try:
            return self.association.next_event()
        except ProtocolError as error:
            self.abort(error)
            raise NonsenseError(self._operation, str(error)) from None

    def _wait_at_most(self, seconds: float) -> None:
        self._wire.wait_at_most(seconds)
        self._longest_wait = seconds

    def _look_at_the_clock(self) -> None:
        """Between two waits: shorten the next one where it could pass the deadline by more than a tenth.

        Raises:
            TimedOutError: the deadline is over.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._late()
        if left < 0.9 * self._longest_wait:
            self._wait_at_most(left)

    def _late(self) -> TimedOutError:
        self.abort()
        return TimedOutError(self._operation, self._seconds)

    def _lost(self, why: str) -> LostError:
        self.kill()
        if self.association.between_messages:
            return LostError(self._operation, why)
        return CutError(self._operation, why)

    def _raise_abort_before(self) -> None:
        """A peer that aborts and closes makes our sending fail: its reason may still lie in the receive buffer."""
        try:
            self._wire.wait_at_most(0.001)
            count = self._wire.receive_into(self._received)
            self.association.feed(self._received[:count])
            event = self.association.next_event()
        except (OSError, ProtocolError):
            return
        finally:
            self.kill()
        if isinstance(event, Abort):
            raise AbortedError(self._operation, event) from None


def _batches(buffers: Iterable[Buffer]) -> Iterator[list[Buffer]]:
    source = iter(buffers)
    while batch := list(islice(source, IOV_MAX)):
        yield batch


def _last(buffers: list[Buffer], left: int) -> list[Buffer]:
    """The last bytes of the buffers."""
    at = len(buffers)
    while left > 0:
        at -= 1
        left -= len(buffers[at])
    return [memoryview(buffers[at])[-left:], *buffers[at + 1 :]]
