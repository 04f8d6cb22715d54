"""Relays TCP connections byte for byte, and lets a follower see what passed after it has been passed on.

One thread, epoll, one buffer for all connections: a chunk is sent on before it is looked at, and only what the socket
of its receiver did not take is kept (one chunk at most per direction; its source isn't read until that has gone).
os.splice was no gain on loopback: the heads have to be read anyway.
"""

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Final

import structlog

from exporters.dimse_tap import proxy_protocol
from exporters.dimse_tap.connection import Connection, Side
from exporters.dimse_tap.metrics import Metrics

CHUNK: Final = 1 << 20  # against a sink 0.41 processor seconds per GB; 256 KB: 0.51, 64 KB: 0.77 (make bench-tap)
CONNECT_SECONDS: Final = 5.0
HEAD_SECONDS: Final = 10.0  # for the PROXY protocol's head and the TLS handshake
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST
_WANT = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_log = structlog.get_logger()


class Relay:
    """Listens and relays until told to `leave`. Addresses are (host, port).

    Raises OSError where it can't listen, and where the kernel has no such `congestion_control` (tcp(7)).
    """

    def __init__(
        self,
        listen: tuple[str, int],
        to: tuple[str, int],
        metrics: Metrics,
        *,
        proxy: bool = False,
        tls: Callable[[], ssl.SSLContext] | None = None,
        drain_seconds: float = 50.0,
        congestion_control: str = "",
    ) -> None:
        self._to, self._metrics, self._proxy, self._tls = to, metrics, proxy, tls
        self._drain_seconds = drain_seconds
        self._congestion_control = congestion_control.encode()
        self._to_archive().close()
        self._listener = socket.create_server(listen, family=_family(listen[0]), backlog=1024)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._sides: dict[int, Side] = {}
        self._pending: dict[Connection, None] = {}  # connections that are not open yet, oldest first
        self._chunk = bytearray(CHUNK)
        self._view = memoryview(self._chunk)
        self._stop_at: float | None = None
        self._draining = self._leaving = False

    # ---- from other threads and signal handlers

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._sides) // 2

    def drain(self) -> None:
        """Take no more connections; those that there are go on."""
        self._draining = True
        self._rouse()

    def leave(self) -> None:
        """Drain; `run` returns when the last connection has ended or the grace is over. Called again: at once."""
        if self._leaving:
            self._stop_at = 0.0
        self._leaving = self._draining = True
        self._rouse()

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake; closed: it has ended
            self._waker.send(b"!")

    # ---- the loop

    def run(self) -> int:
        """Until drained or stopped; answers how many connections were cut."""
        try:
            while not self._done():
                for number, events in self._epoll.poll(self._patience()):
                    side = self._sides.get(number)
                    if side is not None:
                        self._turn(side, events)
                    elif number == self._wake.fileno():
                        self._wake.recv(CHUNK)
                    elif number == self._listener.fileno():
                        self._accept()
                if self._pending:
                    self._expire()
            return self.connections
        finally:
            for side in list(self._sides.values()):
                self._end(side.connection, "closed", reset=True)
            self._listener.close()
            self._epoll.close()
            self._wake.close()
            self._waker.close()

    def _done(self) -> bool:
        if not self._draining:
            return False
        now = time.monotonic()
        if self._listener.fileno() >= 0:
            self._epoll.unregister(self._listener)
            self._listener.close()
            self._metrics.draining.set(1)
            _log.info("draining", associations=self.connections, seconds=self._drain_seconds)
        if self._leaving and self._stop_at is None:
            self._stop_at = now + self._drain_seconds
        return self._leaving and (not self._sides or now >= (self._stop_at or 0.0))

    def _patience(self) -> float:
        times = [connection.deadline for connection in self._pending]
        if self._stop_at is not None:
            times.append(self._stop_at)
        return max(0.0, min(times) - time.monotonic()) if times else -1.0

    def _expire(self) -> None:
        now = time.monotonic()
        for connection in [connection for connection in self._pending if connection.deadline <= now]:
            connection.failed = f"{connection.state} took too long"
            self._end(connection, "closed", reset=True)

    # ---- opening

    def _accept(self) -> None:
        for _ in range(64):
            try:
                client, peer = self._listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    _log.error("no file descriptor is left for a connection")
                    time.sleep(0.01)  # the listener stays readable: not to spin
                return
            connection = Connection(self._metrics, client, self._to_archive(), str(peer[0]))
            connection.deadline = time.monotonic() + HEAD_SECONDS
            for side in (connection.client, connection.archive):
                side.socket.setblocking(False)
                side.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sides[side.socket.fileno()] = side
            self._pending[connection] = None
            self._epoll.register(client, 0)
            connection.state = "head" if self._proxy else "tls" if self._tls else "connecting"
            try:
                if connection.state == "tls":
                    self._begin_tls(connection)
                elif connection.state == "connecting":
                    self._connect(connection)
                else:
                    self._want(connection.client, select.EPOLLIN)
            except OSError as error:
                self._fail(connection, error)

    def _to_archive(self) -> socket.socket:
        made = socket.socket(_family(self._to[0]), socket.SOCK_STREAM)
        if self._congestion_control:
            try:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self._congestion_control)
            except OSError as error:
                made.close()
                name = self._congestion_control.decode()
                raise OSError(error.errno, f"the kernel has no congestion control {name!r}") from None
        return made

    def _head(self, connection: Connection) -> None:
        peeked = connection.client.socket.recv(proxy_protocol.MAX_2, socket.MSG_PEEK)
        if not peeked:
            return self._end(connection, "closed")
        try:
            found = proxy_protocol.parse(peeked)
        except proxy_protocol.ProxyProtocolError as error:
            self._metrics.unparsed("proxy-protocol")
            connection.failed = str(error)
            return self._end(connection, "closed", reset=True)
        if found is None:
            # epoll is level-triggered and what was peeked stays readable: wait for more than that
            connection.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(peeked) + 1)
            return None
        length, source = found
        connection.client.socket.recv(length)
        connection.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        connection.source = source or connection.source
        return self._begin_tls(connection) if self._tls else self._connect(connection)

    def _begin_tls(self, connection: Connection) -> None:
        assert self._tls is not None  # noqa: S101  (for the type checker: asked for by the callers)
        connection.state = "tls"
        plain = connection.client.socket
        number = plain.fileno()
        connection.client.socket = self._tls().wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        if connection.client.socket.fileno() != number:
            raise OSError("the socket changed its number under TLS")
        self._handshake(connection)

    def _handshake(self, connection: Connection) -> None:
        secured = connection.client.socket
        assert isinstance(secured, ssl.SSLSocket)  # noqa: S101  (for the type checker: made by _begin_tls)
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            return self._want(connection.client, select.EPOLLIN)
        except ssl.SSLWantWriteError:
            return self._want(connection.client, select.EPOLLOUT)
        return self._connect(connection)

    def _connect(self, connection: Connection) -> None:
        connection.state = "connecting"
        connection.deadline = time.monotonic() + CONNECT_SECONDS
        self._want(connection.client, 0)
        result = connection.archive.socket.connect_ex(self._to)
        if result not in (0, errno.EINPROGRESS):
            raise OSError(result, os.strerror(result))
        self._epoll.register(connection.archive.socket, 0)
        self._want(connection.archive, select.EPOLLOUT)

    def _connected(self, connection: Connection) -> None:
        result = connection.archive.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if result:
            raise OSError(result, os.strerror(result))
        connection.state = "open"
        self._pending.pop(connection, None)
        self._metrics.connections.inc()
        connection.since = time.perf_counter()
        self._want(connection.client, select.EPOLLIN)
        self._want(connection.archive, select.EPOLLIN)
        if isinstance(connection.client.socket, ssl.SSLSocket) and connection.client.socket.pending():
            self._read(connection.client)

    def _want(self, side: Side, events: int) -> None:
        if side.events != events:
            side.events = events
            self._epoll.modify(side.socket.fileno(), events)

    # ---- relaying

    def _turn(self, side: Side, events: int) -> None:
        connection = side.connection
        try:
            if connection.state == "open":
                if events & select.EPOLLOUT and side.other.kept is not None:
                    self._send_kept(side.other)
                if side.socket.fileno() >= 0 and events & ~select.EPOLLOUT and not side.ended and side.kept is None:
                    self._read(side)
                elif events & (select.EPOLLHUP | select.EPOLLERR) and side.socket.fileno() >= 0:
                    self._broken(side)
            elif connection.state == "head":
                self._head(connection)
            elif connection.state == "tls":
                self._handshake(connection)
            elif side is connection.archive:
                self._connected(connection)
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                self._end(connection, "reset", reset=True)  # gone before the archive was there
        except _WANT:
            pass
        except OSError as error:
            self._fail(connection, error)

    def _read(self, side: Side) -> None:
        count = side.socket.recv_into(self._chunk)
        if not count:
            side.ended = True
            self._want(side, side.events & ~select.EPOLLIN)
            return self._pass_end(side)
        passed = self._view[:count]
        try:
            sent = side.other.socket.send(passed)
        except _WANT:
            sent = 0
        now = time.perf_counter()
        if sent < count:
            side.kept = memoryview(bytes(passed[sent:]))
            self._want(side, side.events & ~select.EPOLLIN)
            self._want(side.other, side.other.events | select.EPOLLOUT)
        side.connection.saw(side.direction, passed, now)
        if isinstance(side.socket, ssl.SSLSocket) and side.kept is None and side.socket.pending():
            return self._read(side)  # decrypted already: epoll doesn't know of it
        return None

    def _send_kept(self, side: Side) -> None:
        assert side.kept is not None  # noqa: S101  (for the type checker: seen to by the caller)
        side.kept = side.kept[side.other.socket.send(side.kept) :] or None
        if side.kept is None:
            self._want(side.other, side.other.events & ~select.EPOLLOUT)
            if not side.ended:
                self._want(side, side.events | select.EPOLLIN)
                if isinstance(side.socket, ssl.SSLSocket) and side.socket.pending():
                    self._read(side)
            else:
                self._pass_end(side)
            side.connection.account(time.perf_counter())

    def _pass_end(self, side: Side) -> None:
        if side.kept is not None or side.shut:
            return
        side.shut = True
        connection = side.connection
        if side.other.ended and side.other.shut:
            return self._end(connection, "closed")
        if isinstance(side.other.socket, ssl.SSLSocket):
            return self._end(connection, "closed")  # Python's TLS has no half-close
        side.other.socket.shutdown(socket.SHUT_WR)
        return None

    # ---- ends

    def _broken(self, side: Side) -> None:
        error = side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        if side.ended and side.other.ended:
            self._end(side.connection, "closed")
        elif not side.events & select.EPOLLIN:
            # both directions are shut and something is still kept for it: nobody will take that any more
            self._end(side.connection, "reset", reset=True)

    def _fail(self, connection: Connection, error: OSError) -> None:
        connection.failed = error.strerror or type(error).__name__
        if connection.state == "connecting":
            self._metrics.connect_failures.inc()
        self._end(connection, "reset", reset=True)

    def _end(self, connection: Connection, how: str, *, reset: bool = False) -> None:
        if connection.state == "ended":
            return
        self._pending.pop(connection, None)
        was_open = connection.state == "open"
        connection.state = "ended"
        for side in (connection.client, connection.archive):
            number = side.socket.fileno()
            self._sides.pop(number, None)
            if reset:
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            elif isinstance(side.socket, ssl.SSLSocket):
                _close_notify(side.socket)
            side.socket.close()
        connection.over(how, was_open=was_open)


def _close_notify(secured: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError, ValueError):
        secured.unwrap()  # sends the alert with the first call; the peer's answer isn't waited for


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
