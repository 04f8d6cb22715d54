"""The blocking connection under an association: deadlines, buffers out without a copy, events in."""

import socket
import time
from collections.abc import Iterable
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
_BUFFERS = 1024  # IOV_MAX of Linux


class Connection:
    """Drives a codec's association over a connected socket. Every call ends by its deadline, or a tenth later."""

    def __init__(self, association: Association, connection: socket.socket) -> None:
        self.association = association
        self._wire = wire(connection)
        self._operation, self._seconds, self._deadline = "", 0.0, 0.0
        self._longest_wait = 0.0
        self._received = memoryview(bytearray(_RECEIVE))

    def begin(self, operation: str, seconds: float) -> float:
        """Start the clock of an operation: all sending and receiving until the next `begin` ends within `seconds`.

        Returns when that was (of the monotonic clock).
        """
        begun = time.monotonic()
        self._operation, self._seconds, self._deadline = operation, seconds, begun + seconds
        if self._longest_wait != seconds:
            self._wait_at_most(seconds)
        return begun

    def send(self, buffers: Iterable[Buffer]) -> None:
        """Send the buffers in their order.

        Raises:
            TimedOutError, LostError, AbortedError: the peer doesn't take them; nothing more can be sent.
        """
        source = iter(buffers)
        try:
            while batch := list(islice(source, _BUFFERS)):
                sent = self._wire.send(batch)
                while behind := _behind(batch, sent):
                    batch = behind
                    self._look_at_the_clock()
                    sent = self._wire.send(batch)
        except TimeoutError:
            self.kill()
            raise TimedOutError(self._operation, self._seconds) from None
        except OSError as error:
            self._raise_abort_before()
            raise LostError(self._operation, f"the connection broke while sending: {error.strerror}") from None

    def receive(self) -> Event:
        """The next event.

        Raises:
            ScuError: there will be none; its subclass says why, and the connection is closed.
        """
        try:
            event = self.association.next_event()
            while event is None:
                count = self._wire.receive_into(self._received)
                if not count:
                    raise self._lost("the peer closed the connection")
                self.association.feed(self._received[:count])
                event = self.association.next_event()
                if event is None:
                    self._look_at_the_clock()
        except TimeoutError:
            self.abort()
            raise TimedOutError(self._operation, self._seconds) from None
        except ProtocolError as error:
            self.abort(error)
            raise NonsenseError(self._operation, str(error)) from None
        except OSError as error:
            raise self._lost(f"the connection broke: {error.strerror}") from None
        if isinstance(event, Abort):
            self.kill()
            raise AbortedError(self._operation, event)
        if isinstance(event, AssociateReject):
            self.kill()
            raise RejectedError(event)
        return event

    def abort(self, because: ProtocolError | None = None) -> None:
        """Say A-ABORT if the peer still listens, and close."""
        with suppress(OSError):
            self._wire.wait_at_most(0.001)  # whoever doesn't listen isn't waited for
            self._wire.send([self.association.abort(because)])
        self.kill()

    def kill(self) -> None:
        """Close without a word."""
        self._wire.close()

    def _wait_at_most(self, seconds: float) -> None:
        self._wire.wait_at_most(seconds)
        self._longest_wait = seconds

    def _look_at_the_clock(self) -> None:
        """Between two waits: shorten the next one where it could pass the deadline by more than a tenth."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if left < 0.9 * self._longest_wait:
            self._wait_at_most(left)

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


def _behind(buffers: list[Buffer], sent: int) -> list[Buffer]:
    """What is left of the buffers behind the first bytes."""
    for at, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[at + 1 :]]
        sent -= len(buffer)
    return []
