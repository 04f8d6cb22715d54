"""A wire under gevent."""

import _socket
import errno
import socket
import time
from typing import Any

from gevent import get_hub

from exporters.dimse.stream import Buffer

_READ, _WRITE = 1, 2  # libev's


class GreenWire:
    """For gevent's sockets: waits with the hub itself, and with a timer that is seldom set anew.

    gevent's own methods try to receive before they wait, in vain since the answer isn't there yet, and make a timer for
    every wait: 12 of the 40 microseconds that a small C-STORE took.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection  # the file descriptor's owner
        self._socket = _socket.socket(connection.family, connection.type, connection.proto, connection.fileno())
        self._socket.setblocking(False)
        self.hub = get_hub()
        self._readable = self.hub.loop.io(connection.fileno(), _READ)
        self._writable = self.hub.loop.io(connection.fileno(), _WRITE)
        self._timer = self.hub.loop.timer(0, ref=False)
        self._seconds = self._until = 0.0

    def wait_at_most(self, seconds: float) -> None:
        """Bound every wait from now on."""
        self._seconds = seconds
        self._timer.stop()

    def send(self, buffers: list[Buffer]) -> int:
        """Waits only if nothing fits."""
        while True:
            try:
                return self._socket.sendmsg(buffers)
            except BlockingIOError:
                self._wait(self._writable)

    def receive_into(self, buffer: Buffer) -> int:
        """Waits, and then receives."""
        while True:
            self._wait(self._readable)
            try:
                return self._socket.recv_into(buffer)
            except BlockingIOError:  # a false alarm, as the kernel may give them (select(2))
                continue

    def close(self) -> None:
        """At once; who waits in another greenlet is told."""
        self._timer.stop()
        self._timer.close()
        for watcher in (self._readable, self._writable):
            self.hub.cancel_wait(watcher, OSError(errno.EBADF, "the connection was closed"), True)
        if self._socket.fileno() >= 0:
            self._socket.detach()
        self._connection.close()

    def _wait(self, watcher: Any) -> None:
        self._until = time.monotonic() + self._seconds
        if not self._timer.active:
            self._set_timer(self._seconds)
        self.hub.wait(watcher)

    def _set_timer(self, seconds: float) -> None:
        self._timer.close()
        self._timer = self.hub.loop.timer(seconds, ref=False)
        self._timer.start(self._tick)

    def _tick(self) -> None:
        """The time of a wait is over, or that of one long ago: then look again when that of this one is."""
        for watcher in (self._readable, self._writable):
            if watcher.active:
                if (left := self._until - time.monotonic()) > 0:
                    self._set_timer(left)
                else:
                    self.hub.cancel_wait(watcher, TimeoutError())
