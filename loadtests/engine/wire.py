"""Bytes to and from one peer, waiting no longer than told: three ways for three kinds of sockets.

`wait_at_most` bounds each wait, not an operation as a whole; that is `connection`'s.
"""

import socket
import ssl
import struct
from typing import Protocol

from exporters.dimse.stream import Buffer

_TLS_WRITE = 1 << 18


class Wire(Protocol):
    """A connected socket."""

    def wait_at_most(self, seconds: float) -> None:
        """Bound every wait from now on."""
        ...

    def send(self, buffers: list[Buffer]) -> int:
        """Send the buffers or as much as fits; bytes sent.

        Raises:
            TimeoutError, BlockingIOError: the wait is over.
            OSError: they can't be sent.
        """
        ...

    def receive_into(self, buffer: Buffer) -> int:
        """Bytes received; 0: the peer has closed. Raises as `send`."""
        ...

    def close(self) -> None:
        """At once."""
        ...


def wire(connection: socket.socket) -> Wire:
    """The way for this socket."""
    if isinstance(connection, ssl.SSLSocket):
        return TlsWire(connection)
    if type(connection).__module__.startswith("gevent"):
        from loadtests.engine.green import GreenWire  # who has gevent's sockets has gevent

        return GreenWire(connection)
    return KernelWire(connection)


class KernelWire:
    """A blocking socket whose waits the kernel bounds.

    With Python's time-outs the socket doesn't block: a `poll` before every call, and of half a megabyte only what
    the socket's buffer takes goes at a time.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.settimeout(None)
        self.send = connection.sendmsg
        self.receive_into = connection.recv_into
        self.close = connection.close

    def wait_at_most(self, seconds: float) -> None:
        """Set both of the socket's time-outs."""
        whole = int(seconds)
        value = struct.pack("ll", whole, max(1, int((seconds - whole) * 1e6)))  # 0 would be for ever
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


class TlsWire:
    """TLS: there is no `sendmsg`, so small buffers are joined to writes of a quarter of a megabyte."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._socket = connection
        self.wait_at_most = connection.settimeout
        self.receive_into = connection.recv_into
        self.close = connection.close

    def send(self, buffers: list[Buffer]) -> int:
        """The first of the buffers, as many as make one write."""
        size = count = 0
        while count < len(buffers) and size < _TLS_WRITE:
            size += len(buffers[count])
            count += 1
        return self._socket.send(b"".join(buffers[:count]) if count > 1 else buffers[0])
