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
from dataclasses import dataclass, field
from typing import Final

import structlog

from exporters.dimse_tap import proxy_protocol
from exporters.dimse_tap.follower import ARCHIVE, FROM_ARCHIVE, NETWORK, TO_ARCHIVE, Follower
from exporters.dimse_tap.metrics import Metrics

CHUNK: Final = 1 << 20  # against a sink 0.41 processor seconds per GB; 256 KB: 0.51, 64 KB: 0.77 (make bench-tap)
CONNECT_SECONDS: Final = 5.0
HEAD_SECONDS: Final = 10.0  # for the PROXY protocol's head and the TLS handshake
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST
_WANT = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_log = structlog.get_logger()
_sequence = iter(range(1, 1 << 62))


@dataclass(slots=True, eq=False)
class _Side:
    """One socket: what is read from it goes to `other`."""

    socket: socket.socket
    direction: int
    pair: "_Pair"
    kept: memoryview | None = None  # what `other`'s socket has not taken yet
    ended: bool = False  # read to its end
    shut: bool = False  # the end was passed on to `other`
    events: int = 0
    other: "_Side" = field(init=False)


@dataclass(slots=True, eq=False)
class _Pair:
    """A connection, its way to the archive, and the association on it."""

    number: int
    follower: Follower
    opened: float
    source: str
    client: _Side = field(init=False)
    archive: _Side = field(init=False)
    state: str = "head"  # head, tls, connecting, open
    deadline: float = 0.0
    waiting: str | None = None
    since: float = 0.0
    counted: tuple[str, str] | None = None  # labels under which it is open
    bytes: list[int] = field(default_factory=lambda: [0, 0])
    failed: str = ""


class Relay:
    """Listens and relays until told to `leave`. Addresses are (host, port)."""

    def __init__(
        self,
        listen: tuple[str, int],
        to: tuple[str, int],
        metrics: Metrics,
        *,
        proxy: bool = False,
        tls: Callable[[], ssl.SSLContext] | None = None,
        drain_seconds: float = 50.0,
    ) -> None:
        self._to, self._metrics, self._proxy, self._tls = to, metrics, proxy, tls
        self._drain_seconds = drain_seconds
        self._listener = socket.create_server(listen, family=_family(listen[0]), backlog=1024)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._sides: dict[int, _Side] = {}
        self._pending: dict[_Pair, None] = {}  # connections that are not open yet, oldest first
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
                self._end(side.pair, "closed", reset=True)
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
        times = [pair.deadline for pair in self._pending]
        if self._stop_at is not None:
            times.append(self._stop_at)
        return max(0.0, min(times) - time.monotonic()) if times else -1.0

    def _expire(self) -> None:
        now = time.monotonic()
        for pair in [pair for pair in self._pending if pair.deadline <= now]:
            pair.failed = f"{pair.state} took too long"
            self._end(pair, "closed", reset=True)

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
            archive = socket.socket(_family(self._to[0]), socket.SOCK_STREAM)
            now = time.monotonic()
            pair = _Pair(
                next(_sequence), Follower(self._metrics, self._metrics.titles), time.perf_counter(), str(peer[0])
            )
            pair.client, pair.archive = _Side(client, TO_ARCHIVE, pair), _Side(archive, FROM_ARCHIVE, pair)
            pair.client.other, pair.archive.other = pair.archive, pair.client
            pair.deadline = now + HEAD_SECONDS
            for side in (pair.client, pair.archive):
                side.socket.setblocking(False)
                side.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sides[side.socket.fileno()] = side
            self._pending[pair] = None
            self._epoll.register(client, 0)
            pair.state = "head" if self._proxy else "tls" if self._tls else "connecting"
            try:
                if pair.state == "tls":
                    self._begin_tls(pair)
                elif pair.state == "connecting":
                    self._connect(pair)
                else:
                    self._want(pair.client, select.EPOLLIN)
            except OSError as error:
                self._fail(pair, error)

    def _head(self, pair: _Pair) -> None:
        peeked = pair.client.socket.recv(proxy_protocol.MAX_2, socket.MSG_PEEK)
        if not peeked:
            return self._end(pair, "closed")
        try:
            found = proxy_protocol.parse(peeked)
        except proxy_protocol.ProxyProtocolError as error:
            self._metrics.unparsed("proxy-protocol")
            pair.failed = str(error)
            return self._end(pair, "closed", reset=True)
        if found is None:
            # epoll is level-triggered and what was peeked stays readable: wait for more than that
            pair.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(peeked) + 1)
            return None
        length, source = found
        pair.client.socket.recv(length)
        pair.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        pair.source = source or pair.source
        return self._begin_tls(pair) if self._tls else self._connect(pair)

    def _begin_tls(self, pair: _Pair) -> None:
        assert self._tls is not None  # noqa: S101  (for the type checker: asked for by the callers)
        pair.state = "tls"
        plain = pair.client.socket
        number = plain.fileno()
        pair.client.socket = self._tls().wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        if pair.client.socket.fileno() != number:
            raise OSError("the socket changed its number under TLS")
        self._handshake(pair)

    def _handshake(self, pair: _Pair) -> None:
        secured = pair.client.socket
        assert isinstance(secured, ssl.SSLSocket)  # noqa: S101  (for the type checker: made by _begin_tls)
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            return self._want(pair.client, select.EPOLLIN)
        except ssl.SSLWantWriteError:
            return self._want(pair.client, select.EPOLLOUT)
        return self._connect(pair)

    def _connect(self, pair: _Pair) -> None:
        pair.state = "connecting"
        pair.deadline = time.monotonic() + CONNECT_SECONDS
        self._want(pair.client, 0)
        result = pair.archive.socket.connect_ex(self._to)
        if result not in (0, errno.EINPROGRESS):
            raise OSError(result, os.strerror(result))
        self._epoll.register(pair.archive.socket, 0)
        self._want(pair.archive, select.EPOLLOUT)

    def _connected(self, pair: _Pair) -> None:
        result = pair.archive.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if result:
            raise OSError(result, os.strerror(result))
        pair.state = "open"
        self._pending.pop(pair, None)
        self._metrics.connections.inc()
        pair.since = time.perf_counter()
        self._want(pair.client, select.EPOLLIN)
        self._want(pair.archive, select.EPOLLIN)
        if isinstance(pair.client.socket, ssl.SSLSocket) and pair.client.socket.pending():
            self._read(pair.client)

    def _want(self, side: _Side, events: int) -> None:
        if side.events != events:
            side.events = events
            self._epoll.modify(side.socket.fileno(), events)

    # ---- relaying

    def _turn(self, side: _Side, events: int) -> None:
        pair = side.pair
        try:
            if pair.state == "open":
                if events & select.EPOLLOUT and side.other.kept is not None:
                    self._send_kept(side.other)
                if side.socket.fileno() >= 0 and events & ~select.EPOLLOUT and not side.ended and side.kept is None:
                    self._read(side)
                elif events & (select.EPOLLHUP | select.EPOLLERR) and side.socket.fileno() >= 0:
                    self._broken(side)
            elif pair.state == "head":
                self._head(pair)
            elif pair.state == "tls":
                self._handshake(pair)
            elif side is pair.archive:
                self._connected(pair)
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                self._end(pair, "reset", reset=True)  # gone before the archive was there
        except _WANT:
            pass
        except OSError as error:
            self._fail(pair, error)

    def _read(self, side: _Side) -> None:
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
        self._saw(side, passed, count, now)
        if isinstance(side.socket, ssl.SSLSocket) and side.kept is None and side.socket.pending():
            return self._read(side)  # decrypted already: epoll doesn't know of it
        return None

    def _send_kept(self, side: _Side) -> None:
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
            self._account(side.pair, time.perf_counter())

    def _pass_end(self, side: _Side) -> None:
        if side.kept is not None or side.shut:
            return
        side.shut = True
        pair = side.pair
        if side.other.ended and side.other.shut:
            return self._end(pair, "closed")
        if isinstance(side.other.socket, ssl.SSLSocket):
            return self._end(pair, "closed")  # Python's TLS has no half-close
        side.other.socket.shutdown(socket.SHUT_WR)
        return None

    def _saw(self, side: _Side, passed: memoryview, count: int, now: float) -> None:
        pair, follower = side.pair, side.pair.follower
        self._metrics.passed[side.direction].inc(count)
        pair.bytes[side.direction] += count
        if follower.following:
            try:
                follower.passed(side.direction, passed, now)
            except Exception:
                follower.give_up("defect")
                _log.exception("a defect of the tap; the association is relayed on")
            self._count_open(pair)
        else:
            self._metrics.unparsed_bytes[side.direction].inc(count)
        self._account(pair, now)

    def _account(self, pair: _Pair, now: float) -> None:
        """Whoever was waited for since the last event has that time on its account."""
        if pair.waiting is not None:
            self._metrics.waited(pair.waiting, now - pair.since)
        pair.since = now
        if pair.archive.kept is not None:
            pair.waiting = NETWORK  # the requestor, or the network to it, takes nothing
        elif pair.client.kept is not None:
            pair.waiting = ARCHIVE  # its socket is full: it doesn't read
        else:
            pair.waiting = pair.follower.waiting_for

    def _count_open(self, pair: _Pair) -> None:
        follower = pair.follower
        if follower.open and pair.counted is None:
            pair.counted = (follower.called, follower.calling)
            self._metrics.open.labels(*pair.counted).inc()
        elif not follower.open and pair.counted is not None:
            self._metrics.open.labels(*pair.counted).dec()
            pair.counted = None

    # ---- ends

    def _broken(self, side: _Side) -> None:
        error = side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        if side.ended and side.other.ended:
            self._end(side.pair, "closed")
        elif not side.events & select.EPOLLIN:
            # both directions are shut and something is still kept for it: nobody will take that any more
            self._end(side.pair, "reset", reset=True)

    def _fail(self, pair: _Pair, error: OSError) -> None:
        pair.failed = error.strerror or type(error).__name__
        if pair.state == "connecting":
            self._metrics.connect_failures.inc()
        self._end(pair, "reset", reset=True)

    def _end(self, pair: _Pair, how: str, *, reset: bool = False) -> None:
        if pair.state == "ended":
            return
        self._pending.pop(pair, None)
        was_open = pair.state == "open"
        pair.state = "ended"
        for side in (pair.client, pair.archive):
            number = side.socket.fileno()
            self._sides.pop(number, None)
            if reset:
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            elif isinstance(side.socket, ssl.SSLSocket):
                _close_notify(side.socket)
            side.socket.close()
        follower = pair.follower
        if pair.counted is not None:
            self._metrics.open.labels(*pair.counted).dec()
        end = follower.ended or how
        if was_open:
            self._metrics.ended(follower.called, follower.calling, end)
        # the balancer has a line of every association already, and its checks end with a reset
        well = not pair.failed or end in ("released", "rejected")
        (_log.debug if well else _log.warning)(
            "connection ended",
            number=pair.number,
            source=pair.source,
            called=follower.called,
            calling=follower.calling,
            end=end,
            seconds=round(time.perf_counter() - pair.opened, 6),
            to_archive_bytes=pair.bytes[TO_ARCHIVE],
            from_archive_bytes=pair.bytes[FROM_ARCHIVE],
            followed=follower.following,
            **({"reason": pair.failed} if pair.failed else {}),
        )


def _close_notify(secured: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError, ValueError):
        secured.unwrap()  # sends the alert with the first call; the peer's answer isn't waited for


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
