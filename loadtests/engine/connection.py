"""The blocking connection under an association: deadlines, buffers out without a copy, events in."""

import socket
import time
from contextlib import suppress

from exporters.dimse.association import Association, Event
from exporters.dimse.errors import ProtocolError
from exporters.dimse.pdu import Abort, AssociateReject
from exporters.dimse.stream import Buffer
from loadtests.engine.errors import (
    AbortedError,
    ConnectError,
    LostError,
    NonsenseError,
    RejectedError,
    TimedOutError,
)

_RECEIVE = 1 << 18  # a P-DATA-TF of 128 KB and the next one's beginning; smaller costs calls when retrieving
_BUFFERS = 1024  # IOV_MAX of Linux


class Connection:
    """Drives a codec's association over a TCP connection. Every call ends by its deadline.

    Raises:
        ConnectError: within `timeout` seconds there is no connection.
    """

    def __init__(self, association: Association, host: str, port: int, timeout: float) -> None:
        self.association = association
        self._operation, self._seconds, self._deadline = "connect", timeout, time.monotonic() + timeout
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except TimeoutError:
            raise ConnectError("connection timed out", f"{host}:{port} was not reached in {timeout:g} s") from None
        except ConnectionRefusedError:
            raise ConnectError("connection refused", f"{host}:{port} refuses the connection") from None
        except OSError as error:
            raise ConnectError("no connection", f"{host}:{port} can't be reached: {error}") from None
        # Without it the last part of a message waits for the acknowledgement of the first, 44 ms (Nagle's algorithm)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray(_RECEIVE)

    def begin(self, operation: str, seconds: float) -> None:
        """Start the clock of an operation: all sending and receiving until the next `begin` ends within `seconds`."""
        self._operation, self._seconds, self._deadline = operation, seconds, time.monotonic() + seconds

    def send(self, buffers: list[Buffer]) -> None:
        """Send the buffers in their order. The list is used up.

        Raises:
            TimedOutError, LostError, AbortedError: the peer doesn't take them; nothing more can be sent.
        """
        at = 0
        try:
            while at < len(buffers):
                self._socket.settimeout(self._left())
                sent = self._socket.sendmsg(buffers[at : at + _BUFFERS])
                while at < len(buffers) and sent >= len(buffers[at]):
                    sent -= len(buffers[at])
                    at += 1
                if sent:
                    buffers[at] = memoryview(buffers[at])[sent:]
        except TimeoutError:
            self.kill()
            raise TimedOutError(self._operation, self._seconds) from None
        except OSError as error:
            self._raise_abort_before(error)
            raise LostError(self._operation, f"the connection broke while sending: {error.strerror}") from None

    def receive(self) -> Event:
        """The next event.

        Raises:
            ScuError: there will be none; its subclass says why, and the connection is closed.
        """
        try:
            while (event := self.association.next_event()) is None:
                self._socket.settimeout(self._left())
                count = self._socket.recv_into(self._received)
                if not count:
                    self.kill()
                    raise LostError(self._operation, "the peer closed the connection")
                self.association.feed(memoryview(self._received)[:count])
        except TimeoutError:
            self.abort()
            raise TimedOutError(self._operation, self._seconds) from None
        except ProtocolError as error:
            self.abort(error)
            raise NonsenseError(self._operation, str(error)) from None
        except OSError as error:
            self.kill()
            raise LostError(self._operation, f"the connection broke: {error.strerror}") from None
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
            self._socket.settimeout(0.0)  # whoever doesn't listen isn't waited for
            self._socket.send(self.association.abort(because))
        self.kill()

    def kill(self) -> None:
        """Close without a word."""
        self._socket.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _raise_abort_before(self, error: OSError) -> None:
        """A peer that aborts and closes makes our sending fail: its reason may still lie in the receive buffer."""
        del error
        try:
            self._socket.settimeout(0.0)
            count = self._socket.recv_into(self._received)
            self.association.feed(memoryview(self._received)[:count])
            event = self.association.next_event()
        except (OSError, ProtocolError):
            return
        finally:
            self.kill()
        if isinstance(event, Abort):
            raise AbortedError(self._operation, event) from None
